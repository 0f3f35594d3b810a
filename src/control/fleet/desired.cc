#include "control/fleet/desired.h"

#include <algorithm>
#include <set>

#include "base/units.h"
#include "codec/digest.h"
#include "control/fleet/component_goal.h"

namespace zeropull::fleet {

using namespace state;

namespace {

int first_positive(int a, int b) { return a > 0 ? a : b; }

std::string variable(const std::map<std::string, std::string>& environment, const char* name) {
  auto at = environment.find(name);
  return at == environment.end() ? "" : at->second;
}

agent::DesiredModel model_of(const DesiredInput& in, const ComponentSpec& spec) {
  const auto& data = spec.container.model;
  agent::DesiredModel model;
  model.identity = spec.container.model_identity;
  model.uri = data.uri;
  model.type = data.prefix ? agent::DesiredModel::Type::kPrefix : agent::DesiredModel::Type::kObject;
  model.compression = data.gzip ? agent::DesiredModel::Compression::kGzip : agent::DesiredModel::Compression::kNone;
  model.s3 = in.access.s3;
  model.allowed_folders = in.access.allowed_folders;
  model.download_timeout = std::chrono::seconds(first_positive(spec.download_timeout_s, in.policy.download_timeout_s));
  model.retention = spec.data_cache ? agent::DesiredModel::Retention::kKeep : agent::DesiredModel::Retention::kWithCopy;
  return model;
}

bool is_isolated(const Endpoint& endpoint, const std::string& variant) {
  auto isolates = [&](const Variant& one) { return one.name == variant && one.network_isolation; };
  return std::ranges::any_of(endpoint.variants, isolates) ||
         (endpoint.pending && std::ranges::any_of(*endpoint.pending, isolates));
}

agent::Copy copy_of(const DesiredInput& in, const Copy& copy, const ComponentSpec& spec) {
  agent::Copy wanted;
  wanted.id = copy.id;
  wanted.component = copy.component;
  wanted.image = spec.container.resolved_image;
  wanted.environment = spec.container.environment;
  wanted.arguments = {"serve"};
  wanted.resources.cpu_cores = spec.cpu_cores;
  wanted.resources.memory_limit_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, spec.memory_max_mb)) * kMiB;
  wanted.resources.accelerators = copy.accelerators;
  if (!spec.container.model.uri.empty()) wanted.model = model_of(in, spec);
  wanted.probe.start_timeout = std::chrono::seconds(first_positive(spec.start_timeout_s, in.policy.start_timeout_s));
  wanted.probe.crashes_max = static_cast<std::uint32_t>(std::max(1, in.policy.crashes_max));
  if (spec.container.environment.contains(kWarmUpBody)) {
    wanted.probe.warm_up_path = "/invocations";
    wanted.probe.warm_up_body = variable(spec.container.environment, kWarmUpBody);
    wanted.probe.warm_up_content_type = variable(spec.container.environment, kWarmUpContentType);
  }
  bool isolated = spec.network_isolation || is_isolated(in.endpoint, copy.variant);
  wanted.outbound = isolated ? agent::Outbound::kOff : in.access.outbound;
  return wanted;
}

// What stays cached without a copy: of components that ask for it and are there.
void keep_cached(const DesiredInput& in, agent::DesiredState& desired) {
  std::set<std::string> models, images;
  for (const auto& component : in.components) {
    if (component->status == ComponentStatus::kDeleting) continue;
    const auto* spec = spec_on(component->specs, in.instance.instance_type);
    if (spec == nullptr || !spec->data_cache || component->variant != in.instance.variant) continue;
    if (!spec->container.model_identity.empty()) models.insert(spec->container.model_identity);
    auto at = spec->container.resolved_image.rfind('@');
    if (at != std::string::npos) images.insert(spec->container.resolved_image.substr(at + 1));
  }
  desired.keep_models.assign(models.begin(), models.end());
  desired.keep_images.assign(images.begin(), images.end());
}

// Feeds a hash with values so that no two lists of values give the same bytes.
class Feed {
 public:
  void operator()(std::string_view text) {
    (*this)(text.size());
    hasher_.update(as_bytes(text));
  }
  void operator()(const char* text) { (*this)(std::string_view(text)); }
  void operator()(const std::string& text) { (*this)(std::string_view(text)); }
  void operator()(const Secret& secret) { (*this)(std::string_view(secret.reveal())); }
  template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void operator()(T value) {
    hasher_.update(as_bytes(std::string_view(reinterpret_cast<const char*>(&value), sizeof value)));
  }
  template <typename T>
  void operator()(const std::vector<T>& values) {
    (*this)(values.size());
    for (const auto& value : values) (*this)(value);
  }
  void operator()(const std::map<std::string, std::string>& values) {
    (*this)(values.size());
    for (const auto& [name, value] : values) (*this)(name), (*this)(value);
  }
  void operator()(const agent::RegistryAccess& one) {
    (*this)(one.host), (*this)(one.username), (*this)(one.password), (*this)(one.transport), (*this)(one.mirrors);
  }
  void operator()(const agent::DesiredModel& one) {
    (*this)(one.identity), (*this)(one.uri), (*this)(one.type), (*this)(one.compression), (*this)(one.s3.endpoint_url);
    (*this)(one.s3.region), (*this)(one.s3.access_key_id), (*this)(one.s3.secret_access_key), (*this)(one.s3.session_token);
    (*this)(one.allowed_folders), (*this)(one.download_timeout.count()), (*this)(one.retention);
  }
  void operator()(const agent::Copy& one) {
    (*this)(one.id), (*this)(one.component), (*this)(one.image), (*this)(one.environment), (*this)(one.arguments);
    (*this)(one.resources.cpu_cores), (*this)(one.resources.memory_limit_bytes), (*this)(one.resources.accelerators);
    (*this)(one.model.has_value());
    if (one.model) (*this)(*one.model);
    (*this)(one.probe.start_timeout.count()), (*this)(one.probe.warm_up_path), (*this)(one.probe.warm_up_body);
    (*this)(one.probe.warm_up_content_type), (*this)(one.probe.crashes_max), (*this)(one.outbound), (*this)(one.host_name);
  }
  void operator()(const agent::Endpoint& one) {
    (*this)(one.uid), (*this)(one.account), (*this)(one.key), (*this)(one.store_url), (*this)(one.volumes);
    (*this)(one.image_cache), (*this)(one.model_cache), (*this)(one.router_addresses), (*this)(one.denied_networks);
    (*this)(one.allowed_addresses), (*this)(one.registries), (*this)(one.disk_budget_bytes), (*this)(one.link_bits_per_s);
  }
  std::string finish() { return hasher_.finish().hex(); }

 private:
  codec::Sha256Hasher hasher_;
};

}  // namespace

bool is_off(const Tags& tags, std::string_view tag) {
  auto at = tags.find(std::string(tag));
  return at != tags.end() && at->second == "off";
}

agent::DesiredState desired_state(const DesiredInput& in) {
  agent::DesiredState desired;
  agent::Endpoint endpoint;
  endpoint.uid = in.endpoint.uid;
  endpoint.account = in.endpoint.account;
  endpoint.key = in.access.key;
  endpoint.store_url = in.access.store_url;
  endpoint.volumes = in.instance.volumes;
  endpoint.image_cache = is_off(in.endpoint.tags, kImageCacheTag) ? agent::Caching::kOff : agent::Caching::kOn;
  endpoint.model_cache = is_off(in.endpoint.tags, kModelCacheTag) ? agent::Caching::kOff : agent::Caching::kOn;
  endpoint.router_addresses = in.access.router_addresses;
  endpoint.denied_networks = in.access.denied_networks;
  endpoint.allowed_addresses = in.access.allowed_addresses;
  endpoint.registries = in.access.registries;
  endpoint.disk_budget_bytes = in.access.disk_budget_bytes;
  if (const auto* type = in.types.find(in.instance.instance_type)) endpoint.link_bits_per_s = type->link_bits_per_s;
  desired.endpoint = std::move(endpoint);
  for (const auto& copy : in.copies) {
    if (copy->phase == CopyPhase::kStopping) continue;
    auto component = std::ranges::find(in.components, copy->component_uid, [](const auto& one) { return one->uid; });
    if (component == in.components.end()) continue;
    const auto* spec = spec_of(**component, *copy, in.instance.instance_type);
    if (spec != nullptr) desired.copies.push_back(copy_of(in, *copy, *spec));
  }
  keep_cached(in, desired);
  return desired;
}

std::string fingerprint(const agent::DesiredState& desired) {
  Feed feed;
  feed(desired.endpoint.has_value());
  if (desired.endpoint) feed(*desired.endpoint);
  feed(desired.copies);
  feed(desired.keep_models);
  feed(desired.keep_images);
  return feed.finish();
}

const std::string& agent_of(const Instance& instance) { return instance.provider == "static" ? instance.handle : instance.id; }

}  // namespace zeropull::fleet
