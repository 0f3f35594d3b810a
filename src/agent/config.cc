#include "agent/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "codec/json.h"
#include "os/file.h"

namespace zeropull::agent {

namespace {

using nlohmann::json;
constexpr std::size_t kConfigSizeMax = kMiB;

Result<void> refuse_unknown_keys(const json& object, std::string_view what, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return make_error(Code::kInvalidArgument, "{}unknown key {:?}; known are {}", what, key, fmt::join(known, ", "));
    }
  }
  return {};
}

Result<void> read_string(const json& object, std::string_view key, std::string& into) {
  auto value = TRY(codec::json_optional_string(object, key));
  if (value) into = std::move(*value);
  return {};
}

Result<void> read_bool(const json& object, std::string_view key, bool& into) {
  auto value = TRY(codec::json_optional_bool(object, key));
  if (value) into = *value;
  return {};
}

Result<StoreConfig> parse_store(const json& object) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected an object");
  TRY(refuse_unknown_keys(object, "", {"url", "folder", "token_file", "ca_file", "certificate_file", "key_file", "publish"}));
  StoreConfig store;
  TRY(read_string(object, "url", store.url));
  TRY(read_string(object, "folder", store.folder));
  TRY(read_string(object, "token_file", store.token_file));
  TRY(read_string(object, "ca_file", store.ca_file));
  TRY(read_string(object, "certificate_file", store.certificate_file));
  TRY(read_string(object, "key_file", store.key_file));
  TRY(read_bool(object, "publish", store.publish));
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
  TRY(refuse_unknown_keys(object, "registries: ", {"plain_http", "mirrors", "auth_file", "progress_timeout_s"}));
  RegistriesConfig registries;
  registries.plain_http = TRY(codec::json_optional_strings(object, "plain_http"));
  TRY(read_string(object, "auth_file", registries.auth_file));
  auto timeout = TRY(codec::json_optional_int(object, "progress_timeout_s", {.min = 1, .max = 3600}));
  if (timeout) registries.progress_timeout_s = static_cast<std::uint32_t>(*timeout);
  const json* mirrors = TRY(codec::json_optional_object(object, "mirrors"));
  if (mirrors != nullptr) {
    for (const auto& [host, list] : mirrors->items()) {
      if (!list.is_array()) return make_error(Code::kInvalidArgument, "registries: mirrors of {}: expected an array", host);
      for (const auto& mirror : list) {
        auto name = TRY(codec::json_as_string(mirror, "registries: mirrors of " + host));
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

Result<AgentConfig> parse_config(const json& object) {
  if (!object.is_object()) return make_error(Code::kInvalidArgument, "expected one JSON object");
  TRY(refuse_unknown_keys(object, "",
                          {"root", "socket", "key_file", "volumes", "stores", "registries", "allow_file_directio", "jobs",
                           "layer_expanded_bytes_max", "verify_volumes", "verify_volumes_after_s", "log_level"}));
  AgentConfig config;
  TRY(read_string(object, "root", config.root));
  TRY(read_string(object, "socket", config.socket));
  TRY(read_string(object, "key_file", config.key_file));
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
  if (registries != nullptr) config.registries = TRY(parse_registries(*registries));

  TRY(read_bool(object, "allow_file_directio", config.allow_file_directio));
  TRY(read_bool(object, "verify_volumes", config.verify_volumes));
  auto after_s = TRY(codec::json_optional_int(object, "verify_volumes_after_s", {.min = 0, .max = 86'400}));
  if (after_s) config.verify_volumes_after_s = static_cast<std::uint32_t>(*after_s);
  auto jobs = TRY(codec::json_optional_int(object, "jobs", {.min = 1, .max = 64}));
  if (jobs) config.jobs = static_cast<std::uint32_t>(*jobs);
  constexpr std::int64_t kExpandedMax = std::int64_t{16} << 40;
  auto expanded = TRY(codec::json_optional_int(object, "layer_expanded_bytes_max", {.min = kMiB, .max = kExpandedMax}));
  if (expanded) config.layer_expanded_bytes_max = static_cast<std::uint64_t>(*expanded);
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
