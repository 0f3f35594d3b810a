#include "control/server/config.h"

#include <nlohmann/json.hpp>

#include "base/units.h"
#include "codec/json.h"
#include "http/address_guard.h"
#include "http/url.h"
#include "oci/ecr.h"
#include "os/file.h"

namespace zeropull::server {

namespace {

using codec::json_read;
using nlohmann::json;
constexpr std::size_t kConfigSizeMax = kMiB;

Result<void> parse_listen(const json& parent, std::string_view key, ListenConfig& into) {
  const json* object = TRY(codec::json_optional_object(parent, key));
  if (object == nullptr) return {};
  TRY(codec::json_refuse_unknown(*object, {"address", "port", "certificate_file", "key_file"}).with_context("{}", key));
  TRY(json_read(*object, "address", into.address).with_context("{}", key));
  TRY(json_read(*object, "certificate_file", into.certificate_file).with_context("{}", key));
  TRY(json_read(*object, "key_file", into.key_file).with_context("{}", key));
  std::uint32_t port = into.port;
  TRY(json_read(*object, "port", {.min = 0, .max = 65'535}, port).with_context("{}", key));
  into.port = static_cast<std::uint16_t>(port);
  if (into.certificate_file.empty() != into.key_file.empty()) {
    return make_error(Code::kInvalidArgument, "{}: give certificate_file and key_file together", key);
  }
  return {};
}

bool is_loopback(std::string_view address) { return address.starts_with("127.") || address == "::1" || address == "localhost"; }

Result<void> parse_requests(const json& object, RequestsConfig& into) {
  TRY(codec::json_refuse_unknown(object,
                                 {"hold", "hold_s", "held_max", "model_timeout_s", "stream_timeout_s", "body_max", "ramp_up_s"}));
  TRY(json_read(object, "hold", into.hold));
  TRY(json_read(object, "hold_s", {.min = 1, .max = 3600}, into.hold_s));
  TRY(json_read(object, "held_max", {.min = 1, .max = 100'000}, into.held_max));
  TRY(json_read(object, "model_timeout_s", {.min = 1, .max = 3600}, into.model_timeout_s));
  TRY(json_read(object, "stream_timeout_s", {.min = 1, .max = 86'400}, into.stream_timeout_s));
  constexpr std::int64_t kBodyMax = std::int64_t{100} << 20;
  TRY(json_read(object, "body_max", {.min = 1024, .max = kBodyMax}, into.body_max));
  return json_read(object, "ramp_up_s", {.min = 0, .max = 600}, into.ramp_up_s);
}

Result<void> parse_scaling(const json& object, ScalingConfig& into) {
  TRY(codec::json_refuse_unknown(object, {"false_alarm_hours", "scale_in_window_s"}));
  TRY(json_read(object, "false_alarm_hours", {.min = 1, .max = 8760}, into.false_alarm_hours));
  return json_read(object, "scale_in_window_s", {.min = 30, .max = 86'400}, into.scale_in_window_s);
}

Result<void> parse_metrics(const json& object, MetricsConfig& into) {
  TRY(codec::json_refuse_unknown(object, {"address", "port"}));
  TRY(json_read(object, "address", into.address));
  std::uint32_t port = into.port;
  TRY(json_read(object, "port", {.min = 0, .max = 65'535}, port));
  into.port = static_cast<std::uint16_t>(port);
  return {};
}

Result<AccountConfig::Registry> parse_registry(const json& object) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected an object");
  TRY(codec::json_refuse_unknown(object, {"host", "username", "password", "plain_http", "mirrors", "aws_access_key_id",
                                          "aws_secret_access_key", "aws_session_token", "ecr_endpoint_url"}));
  AccountConfig::Registry registry;
  registry.host = TRY(codec::json_string(object, "host"));
  TRY(json_read(object, "username", registry.username));
  TRY(json_read(object, "password", registry.password));
  TRY(json_read(object, "plain_http", registry.plain_http));
  registry.mirrors = TRY(codec::json_optional_strings(object, "mirrors"));
  TRY(json_read(object, "aws_access_key_id", registry.aws_access_key_id));
  TRY(json_read(object, "aws_secret_access_key", registry.aws_secret_access_key));
  TRY(json_read(object, "aws_session_token", registry.aws_session_token));
  TRY(json_read(object, "ecr_endpoint_url", registry.ecr_endpoint_url));
  const bool has_key = !registry.aws_access_key_id.empty();
  if (has_key && !oci::parse_ecr_host(registry.host)) {
    return make_error(Code::kInvalidArgument, "aws_access_key_id: {:?} is no host of Amazon ECR", registry.host);
  }
  if (has_key != !registry.aws_secret_access_key.empty() || (has_key && !registry.username.empty())) {
    return make_error(Code::kInvalidArgument, "give aws_access_key_id with aws_secret_access_key, and no username beside them");
  }
  if (!registry.ecr_endpoint_url.empty()) TRY(http::Url::parse(registry.ecr_endpoint_url).with_context("ecr_endpoint_url"));
  return registry;
}

Result<AccountConfig> parse_account(const json& object) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected an object");
  TRY(codec::json_refuse_unknown(object, {"registries", "s3", "model_folders"}));
  AccountConfig account;
  const json* registries = TRY(codec::json_optional_array(object, "registries"));
  if (registries != nullptr) {
    for (const auto& one : *registries) {
      auto registry = TRY(parse_registry(one).with_context("registries[{}]", account.registries.size()));
      account.registries.push_back(std::move(registry));
    }
  }
  const json* s3 = TRY(codec::json_optional_object(object, "s3"));
  if (s3 != nullptr) {
    TRY(codec::json_refuse_unknown(*s3, {"endpoint_url", "region", "access_key_id", "secret_access_key", "session_token"})
            .with_context("s3"));
    TRY(json_read(*s3, "endpoint_url", account.s3.endpoint_url));
    TRY(json_read(*s3, "region", account.s3.region));
    TRY(json_read(*s3, "access_key_id", account.s3.access_key_id));
    TRY(json_read(*s3, "secret_access_key", account.s3.secret_access_key));
    TRY(json_read(*s3, "session_token", account.s3.session_token));
  }
  account.model_folders = TRY(codec::json_optional_strings(object, "model_folders"));
  for (const auto& folder : account.model_folders) {
    if (!folder.starts_with('/')) return make_error(Code::kInvalidArgument, "model_folders: {:?} is no absolute path", folder);
  }
  return account;
}

Result<ServeConfig> parse_config(const json& object) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected one JSON object");
  TRY(codec::json_refuse_unknown(object, {"root",
                                          "region",
                                          "listen",
                                          "agents",
                                          "store",
                                          "admin_socket",
                                          "provider",
                                          "local",
                                          "static",
                                          "requests",
                                          "scaling",
                                          "metrics",
                                          "instance_types_file",
                                          "master_key_file",
                                          "accounts",
                                          "allowed_addresses",
                                          "outbound",
                                          "idle_release_s",
                                          "crashes_max",
                                          "log_level"}));
  ServeConfig config;
  TRY(json_read(object, "root", config.root));
  if (!config.root.starts_with('/')) return make_error(Code::kInvalidArgument, "root: {:?} is no absolute path", config.root);
  TRY(json_read(object, "region", config.region));
  TRY(parse_listen(object, "listen", config.listen));
  TRY(parse_listen(object, "agents", config.agents));
  TRY(parse_listen(object, "store", config.store));
  if (config.listen.certificate_file.empty() && !is_loopback(config.listen.address)) {
    return make_error(Code::kInvalidArgument, "listen: plain HTTP is for loopback alone; {} needs certificate_file and key_file",
                      config.listen.address);
  }
  TRY(json_read(object, "admin_socket", config.admin_socket));
  TRY(json_read(object, "provider", config.provider));
  if (config.provider != "local" && config.provider != "static") {
    return make_error(Code::kInvalidArgument, "provider: {:?}; known are local, static", config.provider);
  }
  const json* local = TRY(codec::json_optional_object(object, "local"));
  if (local != nullptr) {
    TRY(codec::json_refuse_unknown(*local, {"network", "instances_max"}).with_context("local"));
    TRY(json_read(*local, "network", config.local.network).with_context("local"));
    TRY(json_read(*local, "instances_max", {.min = 1, .max = 1000}, config.local.instances_max).with_context("local"));
  }
  const json* pool = TRY(codec::json_optional_object(object, "static"));
  if (pool != nullptr) {
    TRY(codec::json_refuse_unknown(*pool, {"addresses"}).with_context("static"));
    config.static_pool.addresses = TRY(codec::json_optional_strings(*pool, "addresses").with_context("static"));
    for (const auto& text : config.static_pool.addresses) TRY(http::IpNetwork::parse(text).with_context("static: addresses"));
  }
  const json* requests = TRY(codec::json_optional_object(object, "requests"));
  if (requests != nullptr) TRY(parse_requests(*requests, config.requests).with_context("requests"));
  const json* scaling = TRY(codec::json_optional_object(object, "scaling"));
  if (scaling != nullptr) TRY(parse_scaling(*scaling, config.scaling).with_context("scaling"));
  const json* metrics = TRY(codec::json_optional_object(object, "metrics"));
  if (metrics != nullptr) TRY(parse_metrics(*metrics, config.metrics).with_context("metrics"));
  TRY(json_read(object, "instance_types_file", config.instance_types_file));
  TRY(json_read(object, "master_key_file", config.master_key_file));
  const json* accounts = TRY(codec::json_optional_object(object, "accounts"));
  if (accounts != nullptr) {
    for (const auto& [number, value] : accounts->items()) {
      auto account = TRY(parse_account(value).with_context("accounts: {}", number));
      config.accounts.emplace(number, std::move(account));
    }
  }
  config.allowed_addresses = TRY(codec::json_optional_strings(object, "allowed_addresses"));
  TRY(json_read(object, "outbound", config.outbound));
  TRY(json_read(object, "idle_release_s", {.min = 0, .max = 86'400}, config.idle_release_s));
  TRY(json_read(object, "crashes_max", {.min = 1, .max = 100}, config.crashes_max));
  auto level = TRY(codec::json_optional_string(object, "log_level"));
  if (level) config.log_level = TRY(parse_log_level(*level));
  return config;
}

// Members that are named after the root.
void fill_paths(ServeConfig& config) {
  if (config.admin_socket.empty()) config.admin_socket = config.root + "/admin.sock";
  if (config.master_key_file.empty()) config.master_key_file = config.root + "/master.key";
}

}  // namespace

Result<ServeConfig> ServeConfig::load(const std::string& path) {
  auto text = TRY(os::read_text(path, kConfigSizeMax).with_context("configuration"));
  return parse(text, path);
}

Result<ServeConfig> ServeConfig::parse(std::string_view text, std::string_view where) {
  auto object = TRY(codec::parse_json(text, {.size_max = kConfigSizeMax}).with_context("configuration {}", where));
  auto config = TRY(parse_config(object).with_context("configuration {}", where));
  fill_paths(config);
  return config;
}

const AccountConfig& ServeConfig::account(const std::string& number) const {
  static const AccountConfig kNothing;
  if (auto at = accounts.find(number); at != accounts.end()) return at->second;
  auto any = accounts.find("*");
  return any == accounts.end() ? kNothing : any->second;
}

}  // namespace zeropull::server
