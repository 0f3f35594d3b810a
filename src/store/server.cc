#include "store/server.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "codec/json.h"
#include "http/url.h"
#include "store/protocol.h"

namespace zeropull::store {

namespace {

constexpr Logger kLog{"store"};

int status_of(Code code) {
  for (const auto& row : kStatusOfCode) {
    if (row.code == code) return row.status;
  }
  return 500;
}

Result<void> require(bool allowed, std::string_view what) {
  if (allowed) return {};
  return make_error(Code::kPermissionDenied, "this token or certificate does not allow {}", what);
}

Result<std::optional<ObjectName>> name_in_query(const http::ServerRequest& request, std::string_view parameter) {
  auto value = http::query_value(request.query, parameter);
  if (!value || value->empty()) return std::optional<ObjectName>{};
  auto name = TRY(ObjectName::parse(*value).with_context("{}", parameter));
  return std::optional<ObjectName>(std::move(name));
}

std::string encode_page(const ListPage& page) {
  nlohmann::json objects = nlohmann::json::array();
  for (const auto& object : page.objects) {
    objects.push_back({{"name", object.name.text()},
                       {"size", object.info.size},
                       {"modified_ms", object.info.modified.time_since_epoch().count()}});
  }
  nlohmann::json root = {{"objects", std::move(objects)}, {"continue_after", nullptr}};
  if (page.continue_after) root["continue_after"] = page.continue_after->text();
  return codec::json_text(root);
}

}  // namespace

Result<std::unique_ptr<StoreServer>> StoreServer::create(std::unique_ptr<FolderStore> store, Tokens tokens,
                                                         const StoreServerOptions& options) {
  if (options.client_ca_file.empty() != !options.certificate_grant ||
      (options.certificate_grant && options.certificate_file.empty())) {
    return make_error(Code::kInvalidArgument, "clients' certificates need their authority, what they grant, and TLS");
  }
  std::unique_ptr<StoreServer> server(new StoreServer(std::move(store), std::move(tokens), options.certificate_grant));
  http::ServerOptions http_options;
  http_options.address = options.address;
  http_options.port = options.port;
  http_options.certificate_file = options.certificate_file;
  http_options.key_file = options.key_file;
  if (options.certificate_grant) {
    http_options.client_certificates = http::ClientCertificates::kOptional;
    http_options.client_ca_file = options.client_ca_file;
  }
  http_options.io_threads = options.io_threads;
  http_options.workers = options.workers;
  http_options.body_max = kObjectSizeMax;
  http_options.name = "store";
  server->server_ =
      TRY(http::HttpServer::create(http_options, [at = server.get()](const Context& ctx, const http::ServerRequest& request) {
        return at->handle(ctx, request);
      }));
  return server;
}

StoreServer::~StoreServer() { stop(); }

void StoreServer::stop() {
  if (server_) server_->stop();
}

http::ServerResponse StoreServer::handle(const Context& ctx, const http::ServerRequest& request) {
  auto response = answer(ctx, request);
  if (response.ok()) return std::move(response).take();
  const Error& error = response.error();
  int status = status_of(error.code());
  if (status >= 500) LOG_WARN(kLog, "{} {}: {}", request.method, request.path, error.to_string());
  // What failed inside names paths of this machine: the client learns the kind alone.
  return {.status = status,
          .headers = {{"Content-Type", "text/plain"}},
          .body = fmt::format("{}\n", status >= 500 ? code_name(error.code()) : std::string_view(error.message()))};
}

// A token that is shown counts alone: it may allow less than the certificate beside it.
Result<TokenGrant> StoreServer::authorize(const http::ServerRequest& request) const {
  auto header = request.headers.find("Authorization");
  std::optional<TokenGrant> grant;
  if (header && header->starts_with(kBearer)) grant = tokens_.find(header->substr(kBearer.size()));
  if (!header && request.peer.authenticated && certificate_grant_) grant = certificate_grant_(request.peer);
  if (!grant) return make_error(Code::kUnauthenticated, "{}", header ? "unknown token" : "no token or certificate that is known");
  return std::move(*grant);
}

Result<http::ServerResponse> StoreServer::answer(const Context& ctx, const http::ServerRequest& request) {
  auto grant = TRY(authorize(request));
  if (request.path == kListPath) return answer_list(ctx, request, grant);
  if (request.path.starts_with(kObjectsPath)) return answer_object(ctx, request, grant);
  return make_error(Code::kNotFound, "no such path");
}

Result<http::ServerResponse> StoreServer::answer_object(const Context& ctx, const http::ServerRequest& request,
                                                        const TokenGrant& grant) {
  auto name = TRY(ObjectName::parse(std::string_view(request.path).substr(kObjectsPath.size())));
  TRY(require(grant.covers(name), "this name"));
  if (request.method == "GET" || request.method == "HEAD") {
    auto object = store_->open_object(name);
    if (object.failed_with(Code::kNotFound)) return make_error(Code::kNotFound, "no object {}", name);
    auto opened = TRY(std::move(object));
    auto response = http::respond_with_range(request, opened.info.size, [&](http::ByteRange range) -> Result<http::ServerBody> {
      return http::ServerBody(http::FileRange{std::move(opened.fd), range.offset, range.length});
    });
    response.headers.add(kModifiedHeader, std::to_string(opened.info.modified.time_since_epoch().count()));
    return response;
  }
  bool put = request.method == "PUT";
  if (!put && request.method != "DELETE") return make_error(Code::kUnimplemented, "no such method");
  TRY(require(grant.access == TokenAccess::kWrite, "writing"));
  if (put) {
    TRY(store_->put(ctx, name, as_bytes(request.body)));
  } else {
    TRY(store_->remove(ctx, name));
  }
  return http::ServerResponse{.status = 204, .headers = {}, .body = {}};
}

Result<http::ServerResponse> StoreServer::answer_list(const Context& ctx, const http::ServerRequest& request,
                                                      const TokenGrant& grant) {
  if (request.method != "GET") return make_error(Code::kUnimplemented, "no such method");
  ListRequest list;
  list.folder = TRY(name_in_query(request, "folder"));
  list.after = TRY(name_in_query(request, "after"));
  auto limit = http::parse_size(http::query_value(request.query, "limit").value_or("1000"));
  if (!limit || *limit == 0 || *limit > kListMax) return make_error(Code::kInvalidArgument, "limit: not 1 to {}", kListMax);
  list.limit = *limit;
  bool inside = !grant.folder || (list.folder && (*list.folder == *grant.folder || grant.covers(*list.folder)));
  TRY(require(inside, "listing this folder"));
  auto page = TRY(store_->list(ctx, list));
  return http::ServerResponse{.status = 200, .headers = {{"Content-Type", "application/json"}}, .body = encode_page(page)};
}

}  // namespace zeropull::store
