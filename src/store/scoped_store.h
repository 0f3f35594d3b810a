// ScopedStore: a folder of another store as a store of its own. An endpoint sees its own folder and can name nothing outside it.
#pragma once

#include "store/object_store.h"

namespace zeropull::store {

class ScopedStore final : public ObjectStore {
 public:
  ScopedStore(ObjectStore& store, ObjectName folder) : store_(store), folder_(std::move(folder)) {}  // `store` outlives it
  Result<void> put(const Context& ctx, const ObjectName& name, ByteView bytes) override;
  Result<void> read(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out) override;
  Result<Bytes> read_whole(const Context& ctx, const ObjectName& name, std::uint64_t size_max) override;
  Result<ObjectInfo> stat(const Context& ctx, const ObjectName& name) override;
  Result<ListPage> list(const Context& ctx, const ListRequest& request) override;
  Result<void> remove(const Context& ctx, const ObjectName& name) override;
  std::string describe() const override;

 private:
  Result<ObjectName> inside(const ObjectName& outside) const;
  ObjectStore& store_;
  const ObjectName folder_;
};

}  // namespace zeropull::store
