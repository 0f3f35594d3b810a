// Netlink: interfaces, addresses, routes and neighbours of one network namespace through the kernel's rtnetlink(7). Every change
// is idempotent where it says "ensure", so that who crashed in the middle does it all again.
//
// An object owns one socket, which stays in the namespace that it was opened in. Not thread-safe: one object, one thread at a
// time. Calls are answered by the kernel at once.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "os/fd.h"
#include "os/ipv4.h"

namespace zeropull::os {

using MacAddress = std::array<std::uint8_t, 6>;

struct BridgeLink {
  std::string name;
  MacAddress mac;  // fixed: a bridge without one of its own takes that of a port, and changes it
};

// Two ends: `name` here, `peer_name` in another namespace.
struct VethLink {
  std::string name;
  std::string peer_name;
  MacAddress peer_mac;
  int peer_netns;  // a descriptor
};

struct BridgePort {
  std::string name;
  std::string bridge;
};

struct LinkAddress {
  std::string link;
  Ipv4Address address;
  std::uint8_t prefix;
};

// Where an address is, as a fact that no packet changes.
struct Neighbour {
  std::string link;
  Ipv4Address address;
  MacAddress mac;
};
struct ForwardingEntry {
  std::string port;
  MacAddress mac;
};

class Netlink {
 public:
  static Result<Netlink> open();  // of the caller's namespace
  static Result<Netlink> open_in(const UniqueFd& netns);

  Result<std::uint32_t> link_index(const std::string& name);  // kNotFound
  Result<bool> has_link(const std::string& name);
  Result<void> ensure_bridge(const BridgeLink& bridge);
  Result<void> create_veth(const VethLink& veth);     // kAlreadyExists
  Result<void> remove_link(const std::string& name);  // with its peer; absent is fine
  Result<void> set_up(const std::string& name);
  // The port talks to the bridge itself alone, to no other port like it; the bridge does not learn from it what lies behind, and
  // drops what comes from another sender: ensure_forwarding says who does.
  Result<void> ensure_isolated_port(const BridgePort& port);
  Result<void> ensure_address(const LinkAddress& address);
  Result<void> ensure_default_route(Ipv4Address gateway);
  Result<void> ensure_neighbour(const Neighbour& neighbour);
  Result<void> ensure_forwarding(const ForwardingEntry& entry);

 private:
  class Message;
  explicit Netlink(UniqueFd socket) : socket_(std::move(socket)) {}
  // Sends and waits for the answer: of a query its first message's index, else 0.
  Result<std::uint32_t> request(Message& message, std::string_view what);
  UniqueFd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace zeropull::os
