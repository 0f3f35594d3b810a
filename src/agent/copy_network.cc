#include "agent/copy_network.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "agent/copy_limits.h"
#include "base/guarded.h"
#include "os/file.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/nftables.h"

namespace zeropull::agent {

namespace {

constexpr const char* kBridge = "zpcopies";
constexpr const char* kInside = "eth0";
constexpr const char* kRemoveTable = "add table inet zeropull\ndelete table inet zeropull\n";
constexpr std::array kNeverReached{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"};

os::Ipv4Address at_slot(const os::Ipv4Network& network, std::uint32_t slot) { return {network.address.value + slot}; }

// Locally administered; unlike each other on one bridge.
os::MacAddress mac_of(std::uint32_t slot) {
  return {0x02, 0x7a, 0x70, 0x00, static_cast<std::uint8_t>(slot >> 8), static_cast<std::uint8_t>(slot)};
}

std::string veth_of(std::uint32_t slot) { return fmt::format("zpc{}", slot); }

constexpr std::string_view kNetworks = "ipv4_addr; flags interval; auto-merge";
constexpr std::string_view kSenders = "ether_addr . ipv4_addr";

std::string set_of(std::string_view name, std::string_view type, const std::vector<std::string>& elements) {
  std::string text = fmt::format("  set {} {{\n    type {}\n", name, type);
  if (!elements.empty()) text += fmt::format("    elements = {{ {} }}\n", fmt::join(elements, ", "));
  return text + "  }\n";
}

std::vector<std::string> texts_of(const std::vector<os::Ipv4Network>& networks) {
  std::vector<std::string> texts;
  for (const auto& network : networks) texts.push_back(network.text());
  return texts;
}

Result<std::vector<os::Ipv4Network>> parse_networks(const std::vector<std::string>& texts) {
  std::vector<os::Ipv4Network> networks;
  for (const auto& text : texts) {
    if (text.contains(':')) continue;
    auto network = TRY(os::Ipv4Network::parse(text));
    networks.push_back(network);
  }
  return networks;
}

class KernelCopyNetwork final : public CopyNetwork {
 public:
  explicit KernelCopyNetwork(CopyNetworkOptions options) : options_(std::move(options)) {}

  std::uint32_t slots_end() const override { return (1U << (32 - options_.network.prefix)) - 1; }
  std::string address_of(std::uint32_t slot) const override { return at_slot(options_.network, slot).text(); }
  std::string netns_of(const std::string& id) const override { return options_.netns_folder + "/" + id; }

  Result<void> set_policy(const Context& ctx, const NetworkPolicy& policy) override {
    auto state = state_.lock();
    if (state->policy == policy && state->rules == Rules::kSet) return {};
    state->policy = policy;
    return refresh(ctx, *state);
  }

  Result<void> attach(const Context& ctx, const CopyPort& port) override {
    auto state = state_.lock();
    TRY(ensure_bridge());
    // The rules first: a copy that is attached is never without them.
    state->ports[port.id] = port;
    TRY(refresh(ctx, *state));
    TRY(os::ensure_netns(netns_of(port.id)));
    return connect(port).with_context("connect copy {}", port.id);
  }

  Result<void> detach(const Context& ctx, const CopyPort& port) override {
    auto state = state_.lock();
    auto here = TRY(os::Netlink::open());
    TRY(here.remove_link(veth_of(port.slot)));
    TRY(os::remove_netns(netns_of(port.id)));
    state->ports.erase(port.id);
    TRY(refresh(ctx, *state));
    return {};
  }

  Result<void> remove_strangers(const Context& ctx, const std::vector<CopyPort>& known) override {
    auto state = state_.lock();
    auto here = TRY(os::Netlink::open());
    for (std::uint32_t slot = kFirstSlot; slot < slots_end(); ++slot) {
      bool ours = std::ranges::any_of(known, [&](const CopyPort& port) { return port.slot == slot; });
      if (!ours) TRY(here.remove_link(veth_of(slot)));
    }
    auto names = os::list_folder(options_.netns_folder);
    if (names.failed_with(Code::kNotFound)) names = std::vector<std::string>();
    auto listed = TRY(std::move(names));
    for (const auto& name : listed) {
      bool ours = std::ranges::any_of(known, [&](const CopyPort& port) { return port.id == name; });
      if (!ours) TRY(os::remove_netns(netns_of(name)));
    }
    if (known.empty()) TRY(refresh(ctx, *state));
    return {};
  }

 private:
  enum class Rules { kStale, kSet };
  struct State {
    Rules rules = Rules::kStale;  // whether the kernel has them as they shall be
    std::optional<NetworkPolicy> policy;
    std::map<std::string, CopyPort> ports;  // attached
  };

  // The bridge with its address, and forwarding where packets of copies come in.
  Result<void> ensure_bridge() const {
    auto here = TRY(os::Netlink::open());
    TRY(here.ensure_bridge({.name = kBridge, .mac = mac_of(1)}));
    TRY(here.ensure_address({.link = kBridge, .address = at_slot(options_.network, 1), .prefix = options_.network.prefix}));
    TRY(here.set_up(kBridge));
    auto uplink = TRY(os::interface_of(options_.instance_address.text()).with_context("find the instance's own address"));
    for (const auto& name : {std::string(kBridge), uplink}) {
      TRY(os::write_net_setting({.name = fmt::format("ipv4/conf/{}/forwarding", name), .value = "1"}));
    }
    return {};
  }

  Result<void> connect(const CopyPort& port) const {
    auto here = TRY(os::Netlink::open());
    auto netns = TRY(os::open_netns(netns_of(port.id)));
    auto inside = TRY(os::Netlink::open_in(netns));
    auto veth = veth_of(port.slot);
    auto mac = mac_of(port.slot);
    auto address = at_slot(options_.network, port.slot);
    auto connected = TRY(inside.has_link(kInside));
    if (!connected) {
      TRY(here.remove_link(veth));
      TRY(here.create_veth({.name = veth, .peer_name = kInside, .peer_mac = mac, .peer_netns = netns.get()}));
    }
    TRY(here.ensure_isolated_port({.name = veth, .bridge = kBridge}));
    TRY(here.ensure_forwarding({.port = veth, .mac = mac}));
    TRY(here.ensure_neighbour({.link = kBridge, .address = address, .mac = mac}));
    TRY(here.set_up(veth));
    TRY(inside.set_up("lo"));
    TRY(inside.ensure_address({.link = kInside, .address = address, .prefix = options_.network.prefix}));
    TRY(inside.set_up(kInside));
    return inside.ensure_default_route(at_slot(options_.network, 1));
  }

  Result<void> refresh(const Context& ctx, State& state) const {
    state.rules = Rules::kStale;
    if (state.ports.empty()) {
      TRY(os::apply_nftables(ctx, kRemoveTable));
      auto here = TRY(os::Netlink::open());
      TRY(here.remove_link(kBridge));
    } else if (state.policy) {
      std::vector<CopyPort> ports;
      for (const auto& [id, port] : state.ports) ports.push_back(port);
      TRY(os::apply_nftables(ctx, copy_rules(options_, *state.policy, ports)));
    }
    state.rules = Rules::kSet;
    return {};
  }

  const CopyNetworkOptions options_;
  Guarded<State> state_;
};

}  // namespace

Result<NetworkPolicy> parse_policy(const std::vector<std::string>& routers, const std::vector<std::string>& denied) {
  NetworkPolicy policy;
  policy.routers = TRY(parse_networks(routers).with_context("router addresses"));
  policy.denied = TRY(parse_networks(denied).with_context("denied networks"));
  return policy;
}

Result<std::unique_ptr<CopyNetwork>> CopyNetwork::create(const CopyNetworkOptions& options) {
  if (options.network.prefix < 16 || options.network.prefix > 29) {
    return make_error(Code::kInvalidArgument, "the copies' network {}: take a prefix of 16 to 29", options.network.text());
  }
  return std::unique_ptr<CopyNetwork>(new KernelCopyNetwork(options));
}

std::string copy_rules(const CopyNetworkOptions& options, const NetworkPolicy& policy, const std::vector<CopyPort>& ports) {
  auto denied = texts_of(policy.denied);
  denied.insert(denied.end(), kNeverReached.begin(), kNeverReached.end());
  denied.push_back(options.network.text());
  denied.push_back(options.instance_address.text());
  for (const auto& router : policy.routers) denied.push_back(router.text());
  std::vector<std::string> outbound;
  std::vector<std::string> senders;
  std::string forwards;
  for (const CopyPort& port : ports) {
    auto address = at_slot(options.network, port.slot).text();
    senders.push_back(fmt::format("{:02x} . {}", fmt::join(mac_of(port.slot), ":"), address));
    if (port.outbound == Outbound::kAllowed) outbound.push_back(address);
    forwards += fmt::format("    ip daddr {} tcp dport {} dnat ip to {}:{}\n", options.instance_address.text(), port.port,
                            address, kServingPort);
  }
  return kRemoveTable + fmt::format(
                            R"(table inet zeropull {{
{}{}{}{}  chain senders {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "{bridge}" return
    meta nfproto ipv6 drop
    ether saddr . ip saddr != @copies drop
  }}
  chain to_copies {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "{bridge}" return
    ip saddr != @routers return
{}  }}
  chain from_copies {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @outbound oifname != "{bridge}" masquerade
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname != "{bridge}" oifname != "{bridge}" accept
    ct state established,related accept
    oifname "{bridge}" ip saddr @routers ct status dnat tcp dport {port} iifname != "{bridge}" accept
    oifname "{bridge}" drop
    ip daddr @denied drop
    ip saddr @outbound accept
    drop
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "{bridge}" ct state established,related accept
    iifname "{bridge}" drop
  }}
}}
)",
                            set_of("routers", kNetworks, texts_of(policy.routers)), set_of("denied", kNetworks, denied),
                            set_of("outbound", kNetworks, outbound), set_of("copies", kSenders, senders), forwards,
                            fmt::arg("bridge", kBridge), fmt::arg("port", kServingPort));
}

}  // namespace zeropull::agent
