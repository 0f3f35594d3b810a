// LocalNetwork: the network of provider `local`'s instances: one bridge of the server's machine, on which the server has the
// first address, and a veth to each instance, limited both ways to the rate of its type's link. Instances reach the server and,
// where it is allowed, the outside through it; never each other.
//
// Sources followed: ip-link(8), tc-tbf(8), nft(8). Thread-safe. The bridge outlives the server, as the instances do.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "os/fd.h"
#include "os/ipv4.h"

namespace zeropull::fleet {

struct LocalNetworkOptions {
  std::string bridge = "zpbr0";                                       // at most 15 characters
  os::Ipv4Network network = {.address = {0x0ac90000}, .prefix = 16};  // 10.201.0.0/16; the server has .0.1
  enum class Outbound { kMasqueraded, kOff } outbound = Outbound::kMasqueraded;
};

class LocalNetwork {
 public:
  // Makes the bridge, or takes over the one that is there.
  static Result<std::unique_ptr<LocalNetwork>> create(const Context& ctx, const LocalNetworkOptions& options);

  os::Ipv4Address server_address() const { return {options_.network.address.value + 1}; }
  // Number n of kFirstInstance.. instances_end(): one address each.
  static constexpr std::uint32_t kFirstInstance = 2;
  std::uint32_t instances_end() const;
  os::Ipv4Address address(std::uint32_t number) const { return {options_.network.address.value + number}; }

  struct Attachment {
    std::string instance_id;
    std::uint32_t number;
    pid_t process;  // one in the instance's network namespace
    std::uint64_t link_bits_per_s;
  };
  Result<void> attach(const Context& ctx, const Attachment& attachment);
  // Connections that an instance's processes leave keep its network namespace until their peers have said goodbye, which these
  // cannot when the link has gone: the kernel waits for up to a minute. Before the processes are killed: what has no answering
  // peer is to be given up soon. Between that and detach(): waits until nothing is left, for half a second at most.
  static Result<void> give_up_connections_soon(const os::UniqueFd& netns);
  static Result<void> let_connections_end(const Context& ctx, const os::UniqueFd& netns);
  Result<void> detach(const std::string& instance_id);  // absent is fine
  Result<void> remove(const Context& ctx);              // bridge and rules; absent is fine

 private:
  explicit LocalNetwork(LocalNetworkOptions options) : options_(std::move(options)) {}
  Result<void> set_up(const Context& ctx);
  const LocalNetworkOptions options_;
  std::mutex mutex_;  // one change at a time
};

}  // namespace zeropull::fleet
