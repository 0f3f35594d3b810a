#include "oci/registry.h"

#include <nlohmann/json.hpp>
#include <set>

#include "aws/credentials.h"
#include "base/log.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "oci/blob_transfer.h"
#include "oci/endpoint.h"
#include "oci/layout.h"
#include "oci/limits.h"

namespace zeropull::oci {

namespace {

constexpr Logger kLog{"oci"};
constexpr const char* kDockerHost = "docker.io";
constexpr const char* kDockerApi = "registry-1.docker.io";

Result<std::shared_ptr<LoginSource>> make_logins(const RegistryOptions& options, http::HttpClient& client) {
  std::vector<std::shared_ptr<LoginSource>> sources;
  if (options.logins) sources.push_back(options.logins);
  if (options.machine_logins) {
    auto file = TRY(options.auth_file.empty() ? DockerConfig::load_default() : DockerConfig::load(options.auth_file));
    sources.push_back(std::move(file));
  }
  EcrOptions ecr{.credentials = options.aws_credentials, .endpoint = options.ecr_endpoint};
  if (!ecr.credentials && options.machine_logins) {
    ecr.credentials = [] { return aws::load_credentials(aws::process_environment()); };
  }
  if (ecr.credentials) sources.push_back(std::make_shared<EcrLogins>(std::move(ecr), client, *options.clock));
  return std::shared_ptr<LoginSource>(std::make_shared<LoginSources>(std::move(sources)));
}

class Registry final : public RegistrySource {
 public:
  Registry(RegistryReference reference, RegistryOptions options, std::unique_ptr<http::HttpClient> client,
           std::shared_ptr<LoginSource> logins)
      : reference_(std::move(reference)), options_(std::move(options)), client_(std::move(client)), logins_(std::move(logins)) {}

  Result<void> add_endpoint(const std::string& host, const std::optional<http::Url>& connect_to) {
    auto base = TRY(
        http::Url::origin(options_.plain == http::Plain::kAllowed ? "http" : "https", host == kDockerHost ? kDockerApi : host));
    if (connect_to) base = *connect_to;
    endpoints_.push_back(
        std::make_unique<Endpoint>(Authorizer::Target{.base = base, .host = host, .repository = reference_.repository}, *client_,
                                   *logins_, *options_.clock));
    return {};
  }

  Result<RawManifest> fetch_manifest(const Context& ctx, const std::optional<ManifestDigest>& digest) override;
  Result<void> fetch_blob(const Context& ctx, const Sha256& digest, std::uint64_t size, const BlobSink& sink) override;
  std::string describe() const override { return oci::describe(Reference(reference_)); }
  http::ClientCounts counts() const override { return client_->counts(); }

 private:
  using Attempt = std::function<Result<http::Response>(Endpoint&)>;
  // Runs an attempt at each mirror once and then at the origin until it succeeds, fails for good or uses up the attempts.
  // `progress` says how far it is, so that long transfers may break more often than short ones.
  Result<http::Response> try_endpoints(const Context& ctx, const Attempt& attempt,
                                       const std::function<std::uint64_t()>& progress);
  static void drop(Endpoint& mirror, std::string_view reason);
  Result<http::Response> get_manifest(const Context& ctx, Endpoint& endpoint, const std::string& object,
                                      const std::optional<ManifestDigest>& digest);

  const RegistryReference reference_;
  const RegistryOptions options_;
  const std::unique_ptr<http::HttpClient> client_;
  const std::shared_ptr<LoginSource> logins_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;  // mirrors, then the origin
};

Result<http::Response> Registry::try_endpoints(const Context& ctx, const Attempt& attempt,
                                               const std::function<std::uint64_t()>& progress) {
  for (std::size_t i = 0; i + 1 < endpoints_.size(); ++i) {
    Endpoint& mirror = *endpoints_[i];
    if (mirror.dropped()) continue;
    auto response = attempt(mirror);
    if ((response.ok() && response->ok()) || response.failed_with(Code::kAborted)) return response;
    TRY(ctx.check());
    auto reason = response.ok() ? check_status(*response).take_error() : std::move(response).take_error();
    if (reason.is(Code::kDataLoss)) {
      drop(mirror, reason.message());
    } else {
      LOG_INFO(kLog, "mirror {}: {}; trying the next host", mirror.host(), reason.to_string());
    }
  }
  Endpoint& origin = *endpoints_.back();
  http::Backoff backoff(options_.retry, *options_.random);
  for (std::uint64_t counted = progress();;) {
    auto response = attempt(origin);
    const auto retry = http::retry_reason(response, *options_.clock);
    if (retry) {
      if (progress() - counted >= kProgressThatCounts) {
        counted = progress();
        backoff.reset();
      }
      const auto why = response.ok() ? check_status(*response).take_error() : std::move(response).take_error();
      auto again = backoff.wait(ctx, *retry);
      if (!again) return std::move(again).take_error().with(why.message());
      if (*again) continue;
      return make_error(why.code(), "{}; gave up after {} attempts", why.message(), backoff.attempts());
    }
    if (response.ok()) TRY(check_status(*response));
    return response;
  }
}

void Registry::drop(Endpoint& mirror, std::string_view reason) {
  mirror.drop();
  LOG_WARN(kLog, "mirror {}: {}; it is not asked any more", mirror.host(), reason);
}

Result<http::Response> Registry::get_manifest(const Context& ctx, Endpoint& endpoint, const std::string& object,
                                              const std::optional<ManifestDigest>& digest) {
  http::Headers headers;
  for (auto type : {kOciIndex, kOciManifest, kDockerList, kDockerManifest}) headers.add("Accept", std::string(type));
  std::string body;
  const http::Sink sink = [&](const http::Response& head, ByteView data) -> Result<void> {
    TRY(check_not_html(head));
    if (data.size() > kManifestSizeMax - body.size())
      return make_error(Code::kOutOfRange, "the answer is longer than {} bytes", kManifestSizeMax);
    body += as_text(data);
    return {};
  };
  auto answered = endpoint.get(ctx, "manifests/" + object, headers, &sink);
  // Nothing but white space may follow a whole document: what the server still promises does not exist.
  if (answered.failed_with(Code::kUnavailable) && codec::parse_json(body, {.size_max = kManifestSizeMax}).ok()) {
    return make_error(Code::kDataLoss, "{}; it gave a whole manifest of {} bytes and says in Content-Length that there are more",
                      answered.error().message(), body.size());
  }
  auto response = TRY(std::move(answered));
  if (!response.ok()) return response;
  response.body = std::move(body);
  const ManifestDigest got{codec::sha256(as_bytes(response.body))};
  if (digest && got != *digest) return make_error(Code::kDataLoss, "the server gave another manifest: {}", got);
  const auto said = response.headers.find("Docker-Content-Digest");
  if (said && said->starts_with("sha256:") && *said != got.text())
    return make_error(Code::kDataLoss, "the server says {} and gave {}", said->substr(0, 80), got);
  return response;
}

Result<RawManifest> Registry::fetch_manifest(const Context& ctx, const std::optional<ManifestDigest>& digest) {
  const auto wanted = digest ? digest : reference_.digest;
  const auto object = wanted ? wanted->text() : reference_.tag;
  auto response = TRY(try_endpoints(
                          ctx, [&](Endpoint& endpoint) { return get_manifest(ctx, endpoint, object, wanted); }, [] { return 0; })
                          .with_context("manifest {}", object));
  return RawManifest{std::move(response.body), http::media_type_of(response.headers)};
}

Result<void> Registry::fetch_blob(const Context& ctx, const Sha256& digest, std::uint64_t size, const BlobSink& sink) {
  BlobTransfer transfer(digest, size, sink);
  std::set<Endpoint*> givers;
  const auto attempt = [&](Endpoint& endpoint) {
    const auto before = transfer.delivered();
    auto response = transfer.attempt(ctx, endpoint);
    if (transfer.delivered() > before) givers.insert(&endpoint);
    return response;
  };
  auto tried = try_endpoints(ctx, attempt, [&] { return transfer.delivered(); });
  if (transfer.sink_error()) return std::move(*transfer.sink_error());
  TRY(std::move(tried));
  auto verified = transfer.verify();
  givers.erase(endpoints_.back().get());
  if (verified.ok() || givers.empty()) return verified;
  // Who of those that gave a piece was wrong cannot be known.
  for (Endpoint* mirror : givers) drop(*mirror, fmt::format("gave all or a part of wrong bytes for sha256:{}", digest.hex()));
  return make_error(Code::kAborted, "a mirror gave wrong bytes; it is not asked any more");
}

}  // namespace

Result<std::unique_ptr<RegistrySource>> RegistrySource::create(const RegistryReference& reference, RegistryOptions options) {
  auto client = TRY(http::HttpClient::create({.plain = options.plain,
                                              .proxy = options.guard ? http::Proxy::kNone : http::Proxy::kFromEnvironment,
                                              .ca_file = options.ca_file,
                                              .connect_timeout = options.connect_timeout,
                                              .progress_timeout = options.progress_timeout,
                                              .guard = options.guard}));
  auto logins = TRY(make_logins(options, *client));
  const auto mirrors = options.mirrors;
  const auto connect_to = options.connect_to;
  auto registry = std::make_unique<Registry>(reference, std::move(options), std::move(client), std::move(logins));
  for (const auto& mirror : mirrors) TRY(registry->add_endpoint(mirror, std::nullopt).with_context("mirror"));
  TRY(registry->add_endpoint(reference.host, connect_to));
  return std::unique_ptr<RegistrySource>(std::move(registry));
}

Result<std::unique_ptr<ImageSource>> open_image_source(const Reference& reference, RegistryOptions options) {
  if (const auto* layout = std::get_if<LayoutReference>(&reference)) return LayoutSource::create(*layout);
  auto registry = TRY(RegistrySource::create(std::get<RegistryReference>(reference), std::move(options)));
  return std::unique_ptr<ImageSource>(std::move(registry));
}

}  // namespace zeropull::oci
