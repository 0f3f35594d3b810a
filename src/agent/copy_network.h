// CopyNetwork: how copies are reached, and what they reach.
//
//   router --> instance address:port --DNAT--> [bridge zpcopies] --veth zpcN--> copy's own namespace, eth0, 172.31.255.N:8080
//
// Each copy has a named network namespace that its container joins. One nftables table, `inet zeropull`, is the whole policy: a
// copy's port is reached from the router's addresses alone; a copy opens no connection to the instance, to other copies (its port
// of the bridge is isolated as well) nor, unless it may, to the outside; never to the denied networks. Everything lies in the
// kernel: the agent's end changes nothing, and each call makes again what is missing. Forwarding is on for the bridge and for the
// interface with the instance's address only.
//
// Source followed: nft(8), bridge(8). IPv4; what a copy sends over IPv6 is dropped. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/desired_state.h"
#include "base/context.h"
#include "base/result.h"
#include "os/ipv4.h"

namespace zeropull::agent {

struct CopyNetworkOptions {
  std::string netns_folder = "/run/zeropull/netns";
  os::Ipv4Address instance_address;                                   // where the router reaches the ports
  os::Ipv4Network network = {.address = {0xac1fff00}, .prefix = 24};  // 172.31.255.0/24; the bridge has .1
};

// Who may reach copies, and what they never reach beside loopback, link-local, multicast and the instance itself.
struct NetworkPolicy {
  std::vector<os::Ipv4Network> routers;
  std::vector<os::Ipv4Network> denied;
  bool operator==(const NetworkPolicy&) const = default;
};
// Of an Endpoint's lists. IPv6 networks are left out: copies have no IPv6.
Result<NetworkPolicy> parse_policy(const std::vector<std::string>& routers, const std::vector<std::string>& denied);

struct CopyPort {
  std::string id;
  std::uint32_t slot = 0;  // kFirstSlot.. slots_end(); one copy's as long as it lives
  std::uint16_t port = 0;  // on the instance's address
  Outbound outbound = Outbound::kOff;
};

class CopyNetwork {
 public:
  static constexpr std::uint32_t kFirstSlot = 2;
  // kInvalidArgument for a network that is too small or too large.
  static Result<std::unique_ptr<CopyNetwork>> create(const CopyNetworkOptions& options);
  virtual ~CopyNetwork() = default;

  virtual std::uint32_t slots_end() const = 0;
  virtual std::string address_of(std::uint32_t slot) const = 0;  // the copy's own: "172.31.255.2"
  virtual std::string netns_of(const std::string& id) const = 0;
  // Before the first policy the rules of an earlier agent stay as they are.
  virtual Result<void> set_policy(const Context& ctx, const NetworkPolicy& policy) = 0;
  virtual Result<void> attach(const Context& ctx, const CopyPort& port) = 0;
  // With the last copy the bridge and the table go.
  virtual Result<void> detach(const Context& ctx, const CopyPort& port) = 0;
  // Removes what belongs to none of these copies, of an agent that lost its records.
  virtual Result<void> remove_strangers(const Context& ctx, const std::vector<CopyPort>& known) = 0;
};

// The text for nft that replaces the table in one transaction.
std::string copy_rules(const CopyNetworkOptions& options, const NetworkPolicy& policy, const std::vector<CopyPort>& ports);

}  // namespace zeropull::agent
