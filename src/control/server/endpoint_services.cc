#include "control/server/endpoint_services.h"

#include <algorithm>

#include "agent/registry_access.h"
#include "artifact/complete_volume.h"
#include "control/server/log.h"
#include "oci/image_source.h"
#include "os/file.h"
#include "store/scoped_store.h"

namespace zeropull::server {

namespace {

Result<std::vector<http::IpNetwork>> parse_networks(const std::vector<std::string>& texts) {
  std::vector<http::IpNetwork> networks;
  for (const auto& text : texts) {
    auto network = TRY(http::IpNetwork::parse(text));
    networks.push_back(network);
  }
  return networks;
}

agent::RegistryAccess access_of(const AccountConfig::Registry& registry) {
  agent::RegistryAccess access;
  access.host = registry.host;
  access.username = registry.username;
  access.password = Secret(registry.password);
  access.transport = registry.plain_http ? agent::RegistryAccess::Transport::kPlain : agent::RegistryAccess::Transport::kTls;
  access.mirrors = registry.mirrors;
  access.aws = {.access_key_id = registry.aws_access_key_id,
                .secret_access_key = Secret(registry.aws_secret_access_key),
                .session_token = Secret(registry.aws_session_token),
                .endpoint_url = registry.ecr_endpoint_url};
  return access;
}

std::vector<agent::RegistryAccess> accesses_of(const AccountConfig& account) {
  std::vector<agent::RegistryAccess> accesses;
  for (const auto& registry : account.registries) accesses.push_back(access_of(registry));
  return accesses;
}

}  // namespace

Result<std::unique_ptr<EndpointServices>> EndpointServices::create(const ServeConfig& config, state::State& state,
                                                                   const EndpointSecrets& secrets, store::FolderStore& store,
                                                                   Surroundings surroundings) {
  http::AddressRules rules;
  rules.denied = TRY(parse_networks(surroundings.denied_networks));
  rules.allowed = TRY(parse_networks(config.allowed_addresses).with_context("allowed_addresses"));
  auto pool = TRY(parse_networks(config.static_pool.addresses).with_context("static: addresses"));
  rules.denied.insert(rules.denied.end(), pool.begin(), pool.end());
  return std::unique_ptr<EndpointServices>(
      new EndpointServices(config, state, secrets, store, std::move(surroundings), std::move(rules), std::move(pool)));
}

std::vector<std::string> EndpointServices::denied_networks() const {
  auto denied = surroundings_.denied_networks;
  const auto& listed = config_.static_pool.addresses;  // a network that the operator lists stands for all machines in it
  denied.insert(denied.end(), listed.begin(), listed.end());
  for (const auto& machine : state_.view().machines()) {
    auto address = http::IpAddress::parse(machine->address);
    if (!address || std::ranges::none_of(pool_, [&](const auto& network) { return network.contains(*address); })) {
      denied.push_back(machine->address);
    }
  }
  std::ranges::sort(denied);  // the same for the same machines
  denied.erase(std::ranges::unique(denied).begin(), denied.end());
  return denied;
}

http::AddressGuard EndpointServices::guard() const {
  auto rules = rules_;
  for (const auto& machine : state_.view().machines()) {
    auto network = http::IpNetwork::parse(machine->address);
    if (network.ok()) rules.denied.push_back(*network);
  }
  return http::AddressGuard(std::move(rules));
}

Result<std::string> EndpointServices::resolve_image(const Context& ctx, const state::Endpoint& endpoint,
                                                    const std::string& image) const {
  auto reference = TRY(oci::parse_image_name(image));
  oci::RegistryOptions options;
  options.guard = guard();
  options.machine_logins = false;  // never the server's own
  agent::use_accesses(accesses_of(config_.account(endpoint.account)), reference.host, options);
  auto source = TRY(oci::RegistrySource::create(reference, std::move(options)));
  auto resolved = TRY(oci::resolve_image(ctx, *source, oci::host_platform()).with_context("image {}", image));
  return fmt::format("{}/{}@{}", reference.host, reference.repository, resolved.manifest.digest.text());
}

Result<fleet::EndpointAccess> EndpointServices::access(const state::Endpoint& endpoint) const {
  fleet::EndpointAccess access;
  access.key = TRY(secrets_.reveal(endpoint));
  access.store_url = surroundings_.store_url;
  access.router_addresses = surroundings_.router_addresses;
  access.denied_networks = denied_networks();
  access.allowed_addresses = config_.allowed_addresses;
  const auto& account = config_.account(endpoint.account);
  access.registries = accesses_of(account);
  access.s3.endpoint_url = account.s3.endpoint_url;
  access.s3.region = account.s3.region;
  access.s3.access_key_id = account.s3.access_key_id;
  access.s3.secret_access_key = Secret(account.s3.secret_access_key);
  access.s3.session_token = Secret(account.s3.session_token);
  access.allowed_folders = account.model_folders;
  access.outbound = config_.outbound ? agent::Outbound::kAllowed : agent::Outbound::kOff;
  return access;
}

std::vector<std::string> EndpointServices::volumes(const state::Endpoint& endpoint) const {
  auto volume = volume_of(endpoint);
  if (fleet::is_off(endpoint.tags, kVolumeTag) || !os::exists(volume + "/blobs")) return {};
  return {volume};
}

bool EndpointServices::volume_has(const state::Endpoint& endpoint, const artifact::ArtifactName& artifact) const {
  const bool image = artifact.kind == artifact::ArtifactKind::kImage;
  return os::exists(fmt::format("{}/{}/{}/index", volume_of(endpoint), image ? "images" : "models", artifact.digest.hex()));
}

Result<void> EndpointServices::complete_volume(const Context& ctx, const state::Endpoint& endpoint) {
  if (config_.provider != "local" || fleet::is_off(endpoint.tags, kVolumeTag)) return {};
  auto folder = TRY(store::ObjectName::parse(endpoint.uid));
  store::ScopedStore scoped(store_, std::move(folder));
  auto key = TRY(secrets_.key(endpoint));
  TRY(os::ensure_folder(config_.root + "/volumes"));
  auto done =
      TRY(artifact::complete_volume(ctx, scoped, key, volume_of(endpoint)).with_context("volume of endpoint {}", endpoint.uid));
  LOG_INFO(kLog, "volume of endpoint {}: {} artifacts, {} new", endpoint.name, done.present + done.added, done.added);
  return {};
}

Result<void> EndpointServices::purge(const Context& ctx, const state::Endpoint& endpoint) {
  TRY(ctx.check());
  TRY(os::remove_tree(volume_of(endpoint)).with_context("purge the volume"));
  return os::remove_tree(config_.root + "/store/" + endpoint.uid).with_context("purge the store");
}

}  // namespace zeropull::server
