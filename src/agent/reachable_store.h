// ReachableStore: one of the endpoint's stores as this instance reaches it, and MeteredStore, which counts what came out of one.
// Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/config.h"
#include "agent/wire_meter.h"
#include "base/result.h"
#include "store/object_store.h"
#include "store/scoped_store.h"

namespace zeropull::agent {

class ReachableStore {
 public:
  // Reads the token and the certificate; the store itself is asked first when it is needed.
  static Result<std::shared_ptr<ReachableStore>> open(const StoreConfig& config);

  const std::string& name() const { return name_; }  // its URL or folder, for messages
  bool publishes() const { return publishes_; }
  store::ObjectStore& store() { return scope_ ? static_cast<store::ObjectStore&>(*scope_) : *whole_; }

 private:
  ReachableStore(std::string name, std::unique_ptr<store::ObjectStore> store, bool publishes)
      : name_(std::move(name)), whole_(std::move(store)), publishes_(publishes) {}
  const std::string name_;
  const std::unique_ptr<store::ObjectStore> whole_;
  std::optional<store::ScopedStore> scope_;  // the endpoint's folder of it
  const bool publishes_;
};

// The same store, with the bytes of objects that were read from it added to `wire`, which must outlive it as the store must.
class MeteredStore final : public store::ObjectStore {
 public:
  MeteredStore(store::ObjectStore& store, WireMeter& wire) : store_(store), wire_(wire) {}
  Result<void> put(const Context& ctx, const store::ObjectName& name, ByteView bytes) override {
    return store_.put(ctx, name, bytes);
  }
  Result<void> read(const Context& ctx, const store::ObjectName& name, std::uint64_t offset, MutableByteView out) override {
    TRY(store_.read(ctx, name, offset, out));
    wire_.add(out.size());
    return {};
  }
  Result<Bytes> read_whole(const Context& ctx, const store::ObjectName& name, std::uint64_t size_max) override {
    auto object = TRY(store_.read_whole(ctx, name, size_max));
    wire_.add(object.size());
    return object;
  }
  Result<store::ObjectInfo> stat(const Context& ctx, const store::ObjectName& name) override { return store_.stat(ctx, name); }
  Result<store::ListPage> list(const Context& ctx, const store::ListRequest& request) override {
    return store_.list(ctx, request);
  }
  Result<void> remove(const Context& ctx, const store::ObjectName& name) override { return store_.remove(ctx, name); }
  std::string describe() const override { return store_.describe(); }

 private:
  store::ObjectStore& store_;
  WireMeter& wire_;
};

}  // namespace zeropull::agent
