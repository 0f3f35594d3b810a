#include "control/fleet/local_network.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>

#include "control/fleet/limits.h"
#include "os/file.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/nftables.h"
#include "os/process.h"

namespace zeropull::fleet {

namespace {

constexpr std::size_t kLinkNameMax = 15;
constexpr const char* kUplink = "eth0";  // in the instance

// Locally administered, unique on the bridge as the address is.
os::MacAddress mac_of(os::Ipv4Address address) {
  auto byte = [&](int shift) { return static_cast<std::uint8_t>(address.value >> shift); };
  return {0x02, 0x5a, byte(24), byte(16), byte(8), byte(0)};
}

// The end of the instance's id, which is random.
std::string port_of(const std::string& instance_id) {
  constexpr std::size_t kDigits = 12;
  auto digits = instance_id.size() > kDigits ? instance_id.substr(instance_id.size() - kDigits) : instance_id;
  return "zp-" + digits;
}

// A bucket of 10 ms at the link's rate, so that the rate is kept where the clock ticks seldom.
Result<void> limit_rate(const Context& ctx, const std::vector<std::string>& tc, const std::string& link,
                        std::uint64_t bits_per_s) {
  if (bits_per_s == 0 || bits_per_s > kLocalLinkMax) return {};
  constexpr std::uint64_t kBurstMin = 256 * kKiB;
  auto burst = std::max(kBurstMin, bits_per_s / 8 / 100);
  auto argv = tc;
  for (auto word : {std::string("qdisc"), std::string("replace"), std::string("dev"), link, std::string("root"),
                    std::string("tbf"), std::string("rate"), fmt::format("{}bit", bits_per_s), std::string("burst"),
                    std::to_string(burst), std::string("latency"), std::string("50ms")}) {
    argv.push_back(std::move(word));
  }
  TRY(os::run_program(ctx, {.argv = std::move(argv), .input = {}}));
  return {};
}

}  // namespace

Result<std::unique_ptr<LocalNetwork>> LocalNetwork::create(const Context& ctx, const LocalNetworkOptions& options) {
  if (options.bridge.empty() || options.bridge.size() > kLinkNameMax) {
    return make_error(Code::kInvalidArgument, "bridge \"{}\": a name has 1 to {} characters", options.bridge, kLinkNameMax);
  }
  if (options.network.prefix < 8 || options.network.prefix > 28) {
    return make_error(Code::kInvalidArgument, "network {}: the prefix is 8 to 28", options.network.text());
  }
  std::unique_ptr<LocalNetwork> network(new LocalNetwork(options));
  TRY(network->set_up(ctx).with_context("network of the instances"));
  return network;
}

std::uint32_t LocalNetwork::instances_end() const {
  auto hosts = (std::uint64_t{1} << (32 - options_.network.prefix)) - 1;  // without the broadcast address
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(hosts, kFirstInstance + kLocalInstancesMax));
}

Result<void> LocalNetwork::set_up(const Context& ctx) {
  auto netlink = TRY(os::Netlink::open());
  TRY(netlink.ensure_bridge({.name = options_.bridge, .mac = mac_of(server_address())}));
  TRY(netlink.ensure_address({.link = options_.bridge, .address = server_address(), .prefix = options_.network.prefix}));
  TRY(netlink.set_up(options_.bridge));
  auto table = "zeropull-" + options_.bridge;
  auto rules = fmt::format("table inet {0} {{}}\ndelete table inet {0}\ntable inet {0} {{\n", table);
  rules += fmt::format(
      " chain forward {{ type filter hook forward priority filter; policy accept;\n  iifname \"{0}\" oifname \"{0}\" drop\n",
      options_.bridge);
  if (options_.outbound == LocalNetworkOptions::Outbound::kOff) rules += fmt::format("  iifname \"{}\" drop\n", options_.bridge);
  rules += " }\n";
  if (options_.outbound == LocalNetworkOptions::Outbound::kMasqueraded) {
    rules += fmt::format(
        " chain postrouting {{ type nat hook postrouting priority srcnat;\n  ip saddr {0} ip daddr != {0} masquerade\n }}\n",
        options_.network.text());
  }
  rules += "}\n";
  TRY(os::apply_nftables(ctx, rules));
  if (options_.outbound == LocalNetworkOptions::Outbound::kMasqueraded) {
    TRY(os::write_net_setting({.name = "ipv4/ip_forward", .value = "1"}));
  }
  return {};
}

Result<void> LocalNetwork::attach(const Context& ctx, const Attachment& attachment) {
  std::lock_guard lock(mutex_);
  auto port = port_of(attachment.instance_id);
  auto own = address(attachment.number);
  auto netns_path = fmt::format("/proc/{}/ns/net", attachment.process);
  auto netns = TRY(os::open_file(netns_path, O_RDONLY));
  auto netlink = TRY(os::Netlink::open());
  TRY(netlink.remove_link(port));
  TRY(netlink.create_veth({.name = port, .peer_name = kUplink, .peer_mac = mac_of(own), .peer_netns = netns.get()}));
  TRY(netlink.ensure_isolated_port({.name = port, .bridge = options_.bridge}));
  TRY(netlink.ensure_forwarding({.port = port, .mac = mac_of(own)}));
  TRY(netlink.set_up(port));
  TRY(limit_rate(ctx, {"tc"}, port, attachment.link_bits_per_s));
  auto inside = TRY(os::Netlink::open_in(netns));
  TRY(inside.set_up("lo"));
  TRY(inside.ensure_address({.link = kUplink, .address = own, .prefix = options_.network.prefix}));
  TRY(inside.set_up(kUplink));
  TRY(inside.ensure_default_route(server_address()));
  return limit_rate(ctx, {"nsenter", "--net=" + netns_path, "tc"}, kUplink, attachment.link_bits_per_s);
}

Result<void> LocalNetwork::give_up_connections_soon(const os::UniqueFd& netns) {
  return os::write_net_setting_in(netns, {.name = "ipv4/tcp_orphan_retries", .value = "1"});
}

// A socket with a time limit of its own, as gRPC gives to its connections, does not heed that setting.
Result<void> LocalNetwork::let_connections_end(const Context& ctx, const os::UniqueFd& netns) {
  const auto until = ctx.with_timeout(kGoodbyeMax);
  while (true) {
    const bool left = TRY(os::has_tcp_sockets(netns));
    if (!left || !until.sleep(std::chrono::milliseconds(2)).ok()) return {};
  }
}

Result<void> LocalNetwork::detach(const std::string& instance_id) {
  std::lock_guard lock(mutex_);
  auto netlink = TRY(os::Netlink::open());
  return netlink.remove_link(port_of(instance_id));
}

Result<void> LocalNetwork::remove(const Context& ctx) {
  std::lock_guard lock(mutex_);
  auto netlink = TRY(os::Netlink::open());
  TRY(netlink.remove_link(options_.bridge));
  auto table = "zeropull-" + options_.bridge;
  return os::apply_nftables(ctx, fmt::format("table inet {0} {{}}\ndelete table inet {0}\n", table));
}

}  // namespace zeropull::fleet
