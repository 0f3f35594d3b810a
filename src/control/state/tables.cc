#include "control/state/tables.h"

namespace zeropull::state {

namespace {

std::string index_name(std::string_view what, std::string_view whose) { return fmt::format("{}/{}", what, whose); }

constexpr std::string_view kEndpointByUid = "endpoint by uid";
constexpr std::string_view kComponentByUid = "component by uid";
constexpr std::string_view kComponentOfEndpoint = "component of endpoint";
constexpr std::string_view kInstanceOfEndpoint = "instance of endpoint";
constexpr std::string_view kCopyOfEndpoint = "copy of endpoint";
constexpr std::string_view kCopyOfComponent = "copy of component";
constexpr std::string_view kCopyOfInstance = "copy of instance";

std::vector<std::string> indexes_of(const Endpoint& record) { return {index_name(kEndpointByUid, record.uid)}; }
std::vector<std::string> indexes_of(const Component& record) {
  return {index_name(kComponentByUid, record.uid), index_name(kComponentOfEndpoint, record.endpoint_uid)};
}
std::vector<std::string> indexes_of(const Instance& record) { return {index_name(kInstanceOfEndpoint, record.endpoint_uid)}; }
std::vector<std::string> indexes_of(const Copy& record) {
  return {index_name(kCopyOfEndpoint, record.endpoint_uid), index_name(kCopyOfComponent, record.component_uid),
          index_name(kCopyOfInstance, record.instance_id)};
}
std::vector<std::string> indexes_of(const ScalableTarget& record) { return {index_name(kTargetById, record.id)}; }
std::vector<std::string> indexes_of(const ScalingPolicy& record) { return {index_name(kPolicyById, record.id)}; }
std::vector<std::string> indexes_of(const Alarm& record) {
  if (record.policy_id.empty()) return {};
  return {index_name(kAlarmOfPolicy, record.policy_id)};
}
template <typename T>
std::vector<std::string> indexes_of(const T& /*record*/) {
  return {};
}

std::vector<std::string> indexes_of_row(const AnyPtr& row) {
  return std::visit([]<typename T>(const std::shared_ptr<const Held<T>>& one) { return indexes_of(static_cast<const T&>(*one)); },
                    row);
}

std::string endpoint_of(const Endpoint& record) { return record.uid; }
template <typename T>
std::string endpoint_of(const T& record) {
  if constexpr (requires { record.endpoint_uid; }) return record.endpoint_uid;
  return "";
}

}  // namespace

std::string of_account(std::string_view kind, std::string_view account) { return fmt::format("{}/{}/", kind, account); }

void Tables::put(const std::string& key, AnyRecord record, Revision revision) {
  remove(key);
  auto row = std::visit(
      [&]<typename T>(T& one) -> AnyPtr {
        auto held = std::make_shared<Held<T>>();
        static_cast<T&>(*held) = std::move(one);
        held->revision = revision;
        return Ptr<T>(std::move(held));
      },
      record);
  for (const auto& index : indexes_of_row(row)) indexes[index].insert_or_assign(key, row);
  rows.insert_or_assign(key, std::move(row));
}

void Tables::remove(const std::string& key) {
  auto found = rows.find(key);
  if (found == rows.end()) return;
  for (const auto& name : indexes_of_row(found->second)) {
    auto index = indexes.find(name);
    index->second.erase(key);
    if (index->second.empty()) indexes.erase(index);
  }
  rows.erase(found);
}

Revision Tables::revision_of(std::string_view key) const {
  auto found = rows.find(key);
  if (found == rows.end()) return 0;
  return std::visit([](const auto& one) { return one->revision; }, found->second);
}

std::string Tables::endpoint_uid_of(std::string_view key) const {
  auto found = rows.find(key);
  if (found == rows.end()) return "";
  return std::visit(
      []<typename T>(const std::shared_ptr<const Held<T>>& one) { return endpoint_of(static_cast<const T&>(*one)); },
      found->second);
}

Ptr<AccessKey> View::access_key(std::string_view id) const { return tables_->find<AccessKey>(fmt::format("access-key/{}", id)); }
List<AccessKey> View::access_keys() const { return tables_->with_prefix<AccessKey>("access-key/"); }

Ptr<Model> View::model(Named name) const { return tables_->find<Model>(fmt::format("model/{}/{}", name.account, name.name)); }
List<Model> View::models(std::string_view account) const { return tables_->with_prefix<Model>(of_account("model", account)); }

Ptr<EndpointConfig> View::endpoint_config(Named name) const {
  return tables_->find<EndpointConfig>(fmt::format("endpoint-config/{}/{}", name.account, name.name));
}
List<EndpointConfig> View::endpoint_configs(std::string_view account) const {
  return tables_->with_prefix<EndpointConfig>(of_account("endpoint-config", account));
}

Ptr<Endpoint> View::endpoint(Named name) const {
  auto found = endpoint_in_any_case(name);
  return found && found->name == name.name ? found : nullptr;
}
Ptr<Endpoint> View::endpoint_in_any_case(Named name) const {
  Endpoint wanted;
  wanted.account = name.account;
  wanted.name = name.name;
  return tables_->find<Endpoint>(key_of(wanted));
}
Ptr<Endpoint> View::endpoint_by_uid(std::string_view uid) const {
  return tables_->indexed_one<Endpoint>(index_name(kEndpointByUid, uid));
}
List<Endpoint> View::endpoints() const { return tables_->with_prefix<Endpoint>("endpoint/"); }
List<Endpoint> View::endpoints(std::string_view account) const {
  return tables_->with_prefix<Endpoint>(of_account("endpoint", account));
}

Ptr<Component> View::component(Named name) const {
  return tables_->find<Component>(fmt::format("component/{}/{}", name.account, name.name));
}
Ptr<Component> View::component_by_uid(std::string_view uid) const {
  return tables_->indexed_one<Component>(index_name(kComponentByUid, uid));
}
List<Component> View::components(std::string_view account) const {
  return tables_->with_prefix<Component>(of_account("component", account));
}
List<Component> View::components_of_endpoint(std::string_view endpoint_uid) const {
  return tables_->indexed<Component>(index_name(kComponentOfEndpoint, endpoint_uid));
}

Ptr<Instance> View::instance(std::string_view id) const { return tables_->find<Instance>(fmt::format("instance/{}", id)); }
List<Instance> View::instances() const { return tables_->with_prefix<Instance>("instance/"); }
List<Instance> View::instances_of_endpoint(std::string_view endpoint_uid) const {
  return tables_->indexed<Instance>(index_name(kInstanceOfEndpoint, endpoint_uid));
}

Ptr<Copy> View::copy(std::string_view id) const { return tables_->find<Copy>(fmt::format("copy/{}", id)); }
List<Copy> View::copies_of_endpoint(std::string_view endpoint_uid) const {
  return tables_->indexed<Copy>(index_name(kCopyOfEndpoint, endpoint_uid));
}
List<Copy> View::copies_of_component(std::string_view component_uid) const {
  return tables_->indexed<Copy>(index_name(kCopyOfComponent, component_uid));
}
List<Copy> View::copies_of_instance(std::string_view instance_id) const {
  return tables_->indexed<Copy>(index_name(kCopyOfInstance, instance_id));
}

List<TimelineEntry> View::timeline_of_endpoint(std::string_view endpoint_uid) const {
  return tables_->with_prefix<TimelineEntry>(fmt::format("timeline/{}/", endpoint_uid));
}
Ptr<Machine> View::machine(std::string_view id) const { return tables_->find<Machine>(fmt::format("machine/{}", id)); }
List<Machine> View::machines() const { return tables_->with_prefix<Machine>("machine/"); }
Ptr<JoinToken> View::join_token(std::string_view hash) const {
  return tables_->find<JoinToken>(fmt::format("join-token/{}", hash));
}
List<JoinToken> View::join_tokens() const { return tables_->with_prefix<JoinToken>("join-token/"); }

}  // namespace zeropull::state
