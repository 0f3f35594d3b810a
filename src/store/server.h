// StoreServer: a folder store over HTTPS, what `zeropull store serve` runs. Instances reach their endpoint's objects with ranged
// reads by a token or, of one that the control plane hosts, by their certificate; store/protocol.h says how they speak. It sees
// ciphertext alone and needs no key. Requests run on a bounded pool of the HTTP server's; objects are streamed from their files.
// stop() is idempotent and the destructor's too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/server.h"
#include "store/folder_store.h"
#include "store/tokens.h"

namespace zeropull::store {

// What whoever shows this verified certificate may do; nullopt for nothing. From several threads at once.
using CertificateGrant = std::function<std::optional<TokenGrant>(const http::Peer&)>;

struct StoreServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;        // 0: any free one
  std::string certificate_file;  // PEM; plain http when empty, for tests
  std::string key_file;
  std::string client_ca_file = {};          // PEM: whose certificates clients may show instead of a token; nobody's when empty
  CertificateGrant certificate_grant = {};  // with client_ca_file; store/instance_grant.h for instances
  std::size_t io_threads = 2;               // they encrypt
  std::size_t workers = 16;                 // requests at once
};

class StoreServer {
 public:
  static Result<std::unique_ptr<StoreServer>> create(std::unique_ptr<FolderStore> store, Tokens tokens,
                                                     const StoreServerOptions& options);
  ~StoreServer();
  std::uint16_t port() const { return server_->port(); }
  std::string url() const { return server_->url(); }  // "https://127.0.0.1:4711"
  void stop();

 private:
  StoreServer(std::unique_ptr<FolderStore> store, Tokens tokens, CertificateGrant certificate_grant)
      : store_(std::move(store)), tokens_(std::move(tokens)), certificate_grant_(std::move(certificate_grant)) {}
  Result<TokenGrant> authorize(const http::ServerRequest& request) const;
  http::ServerResponse handle(const Context& ctx, const http::ServerRequest& request);
  Result<http::ServerResponse> answer(const Context& ctx, const http::ServerRequest& request);
  Result<http::ServerResponse> answer_object(const Context& ctx, const http::ServerRequest& request, const TokenGrant& grant);
  Result<http::ServerResponse> answer_list(const Context& ctx, const http::ServerRequest& request, const TokenGrant& grant);

  const std::unique_ptr<FolderStore> store_;
  const Tokens tokens_;
  const CertificateGrant certificate_grant_;
  std::unique_ptr<http::HttpServer> server_;  // last: its handlers use what stands above
};

}  // namespace zeropull::store
