#include "agent/config.h"

#include <nlohmann/json.hpp>

#include "base/units.h"
#include "codec/json.h"
#include "os/file.h"

namespace zeropull::agent {

namespace {

using nlohmann::json;
constexpr std::size_t kConfigSizeMax = kMiB;

Result<StoreConfig> parse_store(const json& object) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected an object");
  TRY(codec::json_refuse_unknown(object,
                                 {"url", "folder", "scope", "token_file", "ca_file", "certificate_file", "key_file", "publish"}));
  StoreConfig store;
  TRY(codec::json_read(object, "url", store.url));
  TRY(codec::json_read(object, "folder", store.folder));
  TRY(codec::json_read(object, "scope", store.scope));
  TRY(codec::json_read(object, "token_file", store.token_file));
  TRY(codec::json_read(object, "ca_file", store.ca_file));
  TRY(codec::json_read(object, "certificate_file", store.certificate_file));
  TRY(codec::json_read(object, "key_file", store.key_file));
  TRY(codec::json_read(object, "publish", store.publish));
  if (store.url.empty() == store.folder.empty()) {
    return make_error(Code::kInvalidArgument, "give exactly one of url and folder");
  }
  if (store.certificate_file.empty() != store.key_file.empty()) {
    return make_error(Code::kInvalidArgument, "give certificate_file and key_file together");
  }
  if (!store.url.empty() && !store.url.starts_with("https://")) {
    return make_error(Code::kInvalidArgument, "url {:?}: a store is reached over https://", store.url);
  }
  return store;
}

Result<RegistriesConfig> parse_registries(const json& object) {
  TRY(codec::json_refuse_unknown(object, {"plain_http", "mirrors", "auth_file", "progress_timeout_s"}));
  RegistriesConfig registries;
  registries.plain_http = TRY(codec::json_optional_strings(object, "plain_http"));
  TRY(codec::json_read(object, "auth_file", registries.auth_file));
  TRY(codec::json_read(object, "progress_timeout_s", {.min = 1, .max = 3600}, registries.progress_timeout_s));
  const json* mirrors = TRY(codec::json_optional_object(object, "mirrors"));
  if (mirrors != nullptr) {
    for (const auto& [host, list] : mirrors->items()) {
      if (!list.is_array()) return make_error(Code::kInvalidArgument, "mirrors of {}: expected an array", host);
      for (const auto& mirror : list) {
        auto name = TRY(codec::json_as_string(mirror, "mirrors of " + host));
        registries.mirrors[host].push_back(std::move(name));
      }
    }
  }
  return registries;
}

Result<void> require_absolute(std::string_view key, const std::string& path) {
  if (path.starts_with('/')) return {};
  return make_error(Code::kInvalidArgument, "{}: {:?} is no absolute path", key, path);
}

Result<ControlConfig> parse_control(const json& object) {
  TRY(codec::json_refuse_unknown(object, {"address", "authority_file", "token_file", "instance_type", "instance_address",
                                          "containerd_socket", "containerd_state", "accelerators"}));
  ControlConfig control;
  control.address = TRY(codec::json_string(object, "address"));
  control.authority_file = TRY(codec::json_string(object, "authority_file"));
  control.instance_address = TRY(codec::json_string(object, "instance_address"));
  TRY(codec::json_read(object, "token_file", control.token_file));
  TRY(codec::json_read(object, "instance_type", control.instance_type));
  TRY(codec::json_read(object, "containerd_socket", control.containerd_socket));
  TRY(codec::json_read(object, "containerd_state", control.containerd_state));
  TRY(codec::json_read(object, "accelerators", {.min = 0, .max = 256}, control.accelerators));
  TRY(require_absolute("authority_file", control.authority_file));
  TRY(require_absolute("containerd_socket", control.containerd_socket));
  if (!control.containerd_state.empty()) TRY(require_absolute("containerd_state", control.containerd_state));
  return control;
}

// What the control plane says, nobody else may.
Result<void> refuse_beside_control(const json& object) {
  for (const char* key : {"key_file", "volumes", "stores", "registries"}) {
    if (object.contains(key)) {
      return make_error(Code::kInvalidArgument, "{}: the control plane says it; leave it out beside \"control\"", key);
    }
  }
  return {};
}

Result<AgentConfig> parse_config(const json& object) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected one JSON object");
  TRY(codec::json_refuse_unknown(
      object, {"root", "socket", "key_file", "volumes", "stores", "registries", "control", "allow_file_directio", "jobs",
               "layer_expanded_bytes_max", "verify_volumes", "verify_volumes_after_s", "log_level"}));
  AgentConfig config;
  TRY(codec::json_read(object, "root", config.root));
  TRY(codec::json_read(object, "socket", config.socket));
  TRY(codec::json_read(object, "key_file", config.key_file));
  if (config.key_file.empty()) config.key_file = config.root + "/endpoint.key";
  TRY(require_absolute("root", config.root));
  TRY(require_absolute("socket", config.socket));
  TRY(require_absolute("key_file", config.key_file));
  config.volumes = TRY(codec::json_optional_strings(object, "volumes"));
  for (const auto& volume : config.volumes) TRY(require_absolute("volumes", volume));

  const json* stores = TRY(codec::json_optional_array(object, "stores"));
  if (stores != nullptr) {
    for (const auto& one : *stores) {
      auto store = TRY(parse_store(one).with_context("stores[{}]", config.stores.size()));
      config.stores.push_back(std::move(store));
    }
  }
  const json* registries = TRY(codec::json_optional_object(object, "registries"));
  if (registries != nullptr) config.registries = TRY(parse_registries(*registries).with_context("registries"));

  const json* control = TRY(codec::json_optional_object(object, "control"));
  if (control != nullptr) {
    TRY(refuse_beside_control(object));
    config.control = TRY(parse_control(*control).with_context("control"));
  }

  TRY(codec::json_read(object, "allow_file_directio", config.allow_file_directio));
  TRY(codec::json_read(object, "verify_volumes", config.verify_volumes));
  TRY(codec::json_read(object, "verify_volumes_after_s", {.min = 0, .max = 86'400}, config.verify_volumes_after_s));
  TRY(codec::json_read(object, "jobs", {.min = 1, .max = 64}, config.jobs));
  constexpr std::int64_t kExpandedMax = std::int64_t{16} << 40;
  TRY(codec::json_read(object, "layer_expanded_bytes_max", {.min = kMiB, .max = kExpandedMax}, config.layer_expanded_bytes_max));
  auto level = TRY(codec::json_optional_string(object, "log_level"));
  if (level) config.log_level = TRY(parse_log_level(*level));
  return config;
}

}  // namespace

Result<AgentConfig> AgentConfig::load(const std::string& path) {
  auto text = TRY(os::read_text(path, kConfigSizeMax).with_context("configuration"));
  return parse(text, path);
}

Result<AgentConfig> AgentConfig::parse(std::string_view text, std::string_view where) {
  auto object = TRY(codec::parse_json(text, {.size_max = kConfigSizeMax}).with_context("configuration {}", where));
  return parse_config(object).with_context("configuration {}", where);
}

}  // namespace zeropull::agent
