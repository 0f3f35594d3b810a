#include "oci/fake_registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/base64.h"
#include "codec/digest.h"
#include "http/range.h"
#include "http/url.h"

namespace zeropull::oci {

namespace {

constexpr std::string_view kRepositoryPath = "/v2/team/image/";

std::string digest_of(std::string_view bytes) { return "sha256:" + codec::sha256(as_bytes(bytes)).hex(); }

}  // namespace

std::string config_json(const std::vector<std::string>& layers, const Platform& platform) {
  std::string ids;
  for (const auto& layer : layers) ids += fmt::format("{}\"{}\"", ids.empty() ? "" : ",", digest_of(layer));
  return fmt::format(R"({{"architecture":"{}","os":"{}","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
                     platform.architecture, platform.os, ids);
}

std::string manifest_json(const std::string& config, const std::vector<std::string>& layers) {
  std::string list;
  for (const auto& layer : layers) {
    list += fmt::format(R"({}{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}})",
                        list.empty() ? "" : ",", digest_of(layer), layer.size());
  }
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json",)"
                     R"("digest":"{}","size":{}}},"layers":[{}]}})",
                     kOciManifest, digest_of(config), config.size(), list);
}

FakeRegistry::FakeRegistry(Options options) : options_(std::move(options)), password_(options_.password) {
  http::ServerOptions server{.certificate_file = options_.certificate_file, .key_file = options_.key_file, .name = "registry"};
  server_ = MUST(http::HttpServer::create(server, [this](const Context&, const auto& request) { return handle(request); }));
  elsewhere_ =
      MUST(http::HttpServer::create(server, [this](const Context&, const auto& request) { return handle_elsewhere(request); }));
}

FakeRegistry::~FakeRegistry() {
  {
    std::lock_guard lock(mutex_);
    releasing_ = true;
  }
  released_.notify_all();
  server_->stop();
  elsewhere_->stop();
}

std::string FakeRegistry::host() const { return fmt::format("127.0.0.1:{}", server_->port()); }

RegistryReference FakeRegistry::reference(std::string_view tag) const {
  return {.host = host(), .repository = "team/image", .tag = std::string(tag)};
}

Sha256 FakeRegistry::add_blob(std::string bytes) {
  const auto digest = codec::sha256(as_bytes(bytes));
  std::lock_guard lock(mutex_);
  objects_["blobs/sha256:" + digest.hex()] = std::make_shared<Object>(Object{std::move(bytes), "application/octet-stream"});
  return digest;
}

ManifestDigest FakeRegistry::add_manifest(std::string bytes, std::string_view media_type, const std::string& tag) {
  const ManifestDigest digest{codec::sha256(as_bytes(bytes))};
  auto object = std::make_shared<Object>(Object{std::move(bytes), std::string(media_type)});
  std::lock_guard lock(mutex_);
  objects_["manifests/" + digest.text()] = object;
  if (!tag.empty()) objects_["manifests/" + tag] = object;
  return digest;
}

ManifestDigest FakeRegistry::add_image(const std::vector<std::string>& layers, const std::string& tag, const Platform& platform) {
  const auto config = config_json(layers, platform);
  for (const auto& layer : layers) add_blob(layer);
  add_blob(config);
  return add_manifest(manifest_json(config, layers), kOciManifest, tag);
}

void FakeRegistry::script(Fault fault) {
  std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FakeRegistry::expire_tokens() {
  std::lock_guard lock(mutex_);
  tokens_expired_ = tokens_given_;
}

void FakeRegistry::change_password(std::string password) {
  std::lock_guard lock(mutex_);
  password_ = std::move(password);
}

void FakeRegistry::set_refusal_status(int status) {
  std::lock_guard lock(mutex_);
  refusal_status_ = status;
}

std::vector<SeenRequest> FakeRegistry::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t FakeRegistry::count(std::string_view path_part) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(requests_, [&](const SeenRequest& seen) { return seen.path.contains(path_part); }));
}

std::size_t FakeRegistry::tokens_given() const {
  std::lock_guard lock(mutex_);
  return tokens_given_;
}

void FakeRegistry::remember(const http::ServerRequest& request, bool elsewhere) {
  std::lock_guard lock(mutex_);
  requests_.push_back({request.method, request.path, request.query, std::string(request.headers.find_or("Authorization", "")),
                       std::string(request.headers.find_or("Range", "")), elsewhere});
}

std::optional<Fault> FakeRegistry::next_fault(const std::string& path) {
  std::lock_guard lock(mutex_);
  for (auto& fault : faults_) {
    if (fault.times == 0 || !path.contains(fault.where)) continue;
    --fault.times;
    return fault;
  }
  return std::nullopt;
}

bool FakeRegistry::authorized(const http::ServerRequest& request) const {
  const std::string given(request.headers.find_or("Authorization", ""));
  std::lock_guard lock(mutex_);
  if (options_.auth == Auth::kNone) return true;
  if (options_.auth == Auth::kBasic)
    return given == "Basic " + codec::base64_encode(as_bytes(options_.username + ":" + password_));
  for (auto number = tokens_expired_ + 1; number <= tokens_given_; ++number)
    if (given == fmt::format("Bearer token-{}", number)) return true;
  return false;
}

http::ServerResponse FakeRegistry::challenge() const {
  std::lock_guard lock(mutex_);
  const std::string header =
      options_.auth == Auth::kBasic
          ? R"(Basic realm="fake registry")"
          : fmt::format(R"(Bearer realm="{}/token",service="fake registry",scope="repository:team/image:pull")", server_->url());
  return {.status = refusal_status_,
          .headers = {{"WWW-Authenticate", header}, {"Content-Type", "application/json"}},
          .body = R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})"};
}

http::ServerResponse FakeRegistry::handle_token(const http::ServerRequest& request) {
  std::lock_guard lock(mutex_);
  const auto login = "Basic " + codec::base64_encode(as_bytes(options_.username + ":" + password_));
  const bool refresh = request.method == "POST" && http::query_value(request.body, "refresh_token") == password_;
  if (request.headers.find("Authorization") != login && !refresh) return {.status = 401, .body = "no"};
  const auto& form = request.method == "POST" ? request.body : request.query;
  if (http::query_value(form, "service") != "fake registry" || http::query_value(form, "scope") != "repository:team/image:pull")
    return {.status = 400, .body = "service and scope?"};
  return {.headers = {{"Content-Type", "application/json"}},
          .body = fmt::format(R"({{"token":"token-{}","expires_in":{}}})", ++tokens_given_, options_.token_seconds)};
}

http::ServerResponse FakeRegistry::handle(const http::ServerRequest& request) {
  remember(request, false);
  const auto fault = next_fault(request.path);
  if (fault && fault->kind == Fault::Kind::kStatus) {
    http::ServerResponse response{.status = fault->status, .body = R"({"errors":[{"code":"TOOMANYREQUESTS"}]})"};
    if (!fault->retry_after.empty()) response.headers.add("Retry-After", fault->retry_after);
    return response;
  }
  if (request.path == "/token") return handle_token(request);
  if (!authorized(request)) return challenge();
  if (fault && fault->kind == Fault::Kind::kRedirect)
    return {.status = 307, .headers = {{"Location", elsewhere_->url() + request.path}}};
  return serve(request, fault);
}

http::ServerResponse FakeRegistry::handle_elsewhere(const http::ServerRequest& request) {
  remember(request, true);
  return serve(request, std::nullopt);
}

http::ServerResponse FakeRegistry::serve(const http::ServerRequest& request, const std::optional<Fault>& fault) {
  using Kind = Fault::Kind;
  const auto is = [&](Kind kind) { return fault && fault->kind == kind; };
  if (is(Kind::kHtml)) return {.headers = {{"Content-Type", "text/html; charset=utf-8"}}, .body = "<html>Sign in</html>"};
  std::shared_ptr<const Object> object;
  if (request.path.starts_with(kRepositoryPath)) {
    std::lock_guard lock(mutex_);
    const auto found = objects_.find(request.path.substr(kRepositoryPath.size()));
    if (found != objects_.end()) object = found->second;
  }
  if (!object) return {.status = 404, .body = R"({"errors":[{"code":"NAME_UNKNOWN","message":"no such thing"}]})"};

  auto bytes = object->bytes;
  if (is(Kind::kWrongBytes)) bytes.at(bytes.size() - 1 - fault->bytes) ^= 1;
  if (is(Kind::kWrongLength)) bytes.resize(fault->bytes, 'x');
  http::ServerRequest asked = request;
  if (is(Kind::kIgnoreRange) || is(Kind::kEndsAt)) asked.headers.remove("Range");
  auto response = http::respond_with_range(asked, bytes.size(), [&](http::ByteRange range) -> Result<http::ServerBody> {
    auto part = bytes.substr(range.offset, range.length);
    if (!is(Kind::kBreakAfter) && !is(Kind::kEndsAt) && !is(Kind::kStall) && !is(Kind::kPromisesMore))
      return http::ServerBody(std::move(part));
    const bool more = is(Kind::kPromisesMore);
    const bool stall = more || is(Kind::kStall);
    const auto stop = more ? part.size() : std::min<std::size_t>(part.size(), fault->bytes);
    return http::ServerBody(http::Generated{
        range.length + (more ? fault->bytes : 0),
        [this, part = std::move(part), stop, stall, at = std::size_t{0}](MutableByteView room) mutable -> Result<std::size_t> {
          const auto count = std::min(room.size(), stop - at);
          std::ranges::copy(as_bytes(part).subspan(at, count), room.begin());
          at += count;
          if (count == 0 && stall) {
            std::unique_lock lock(mutex_);
            released_.wait(lock, [&] { return releasing_; });
          }
          return count;
        }});
  });
  response.headers.add("Content-Type", object->media_type);
  response.headers.add("Docker-Content-Digest", is(Kind::kWrongDigest) ? digest_of("other") : digest_of(object->bytes));
  return response;
}

}  // namespace zeropull::oci
