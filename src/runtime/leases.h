// Leases: containerd's promises not to collect. What a client under a lease (ContainerdClient::with_lease) creates stays until
// the lease is removed, whether a record holds it or not; a lease also carries an expiry, so that a crashed program's does not
// stay for ever. Thread-safe; each method is one call.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "runtime/containerd_client.h"
#include "runtime/limits.h"

namespace zeropull::runtime {

class Leases {
 public:
  explicit Leases(ContainerdClient client) : client_(std::move(client)) {}
  // The new lease's id, random.
  Result<std::string> create(const Context& ctx, Duration lifetime = kLeaseLifetime) const;
  // Absent is fine. kCollected waits until what the lease alone held is gone; kLater leaves that to the collector.
  enum class Held { kLater, kCollected };
  Result<void> remove(const Context& ctx, const std::string& lease_id, Held held = Held::kLater) const;
  Result<std::vector<std::string>> list(const Context& ctx) const;

 private:
  ContainerdClient client_;
};

}  // namespace zeropull::runtime
