// HttpStore: the client of a served folder store (store/server.h) over HTTPS. Reads are ranged and go on where a broken transfer
// ended; whatever is worth it is tried again with growing pauses. Connections are kept, one a call at a time, so that as many
// parallel calls fill a link. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "http/client.h"
#include "http/retry.h"
#include "store/object_store.h"

namespace zeropull::store {

struct HttpStoreOptions {
  std::string url;                  // "https://host:port"
  std::string token;                // secret: in no message and no log; empty where the client's certificate says who asks
  http::ClientOptions client = {};  // certificates, timeouts, whether plain http is allowed
  http::RetryPolicy retry = {};
};

class HttpStore final : public ObjectStore {
 public:
  static Result<std::unique_ptr<HttpStore>> create(HttpStoreOptions options);

  Result<void> put(const Context& ctx, const ObjectName& name, ByteView bytes) override;
  Result<void> read(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out) override;
  Result<Bytes> read_whole(const Context& ctx, const ObjectName& name, std::uint64_t size_max) override;
  Result<ObjectInfo> stat(const Context& ctx, const ObjectName& name) override;
  Result<ListPage> list(const Context& ctx, const ListRequest& request) override;
  Result<void> remove(const Context& ctx, const ObjectName& name) override;
  std::string describe() const override { return url_.text(); }
  http::ClientCounts counts() const { return client_->counts(); }

 private:
  HttpStore(HttpStoreOptions options, http::Url url, std::unique_ptr<http::HttpClient> client)
      : options_(std::move(options)), url_(std::move(url)), client_(std::move(client)) {}
  void authorize(http::Request& request) const;
  http::Request request_for(std::string method, const ObjectName& name) const;
  Result<http::Response> request(const Context& ctx, const http::Request& request);  // retried; a 2xx answer
  // One ranged transfer into `out` from `filled` on, which it moves forward.
  Result<http::Response> read_on(const Context& ctx, const ObjectName& name, std::uint64_t offset, MutableByteView out,
                                 std::size_t& filled);

  const HttpStoreOptions options_;
  const http::Url url_;
  const std::unique_ptr<http::HttpClient> client_;
};

}  // namespace zeropull::store
