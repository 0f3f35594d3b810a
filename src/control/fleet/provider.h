// Provider: where instances come from. The contract that `local`, `static` and the tests' fake keep, checked by
// provider_conformance.h. Implementations are thread-safe; calls block and end with their context.
//
// Every call names the instance by the id that the fleet gave it and is idempotent: the fleet commits what it wants before it
// calls, and calls again whatever happened in between.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"
#include "control/fleet/instance_types.h"

namespace zeropull::fleet {

struct LaunchRequest {
  std::string instance_id;  // "i-<16 hex>"
  InstanceType type;
  std::vector<std::string>
      volumes;  // the endpoint's cache volumes on the server's machine; attached read-only where the provider can
  std::vector<std::string> folders = {};  // of the server's machine, seen at the same path, read-only, where the provider can
  Secret join_token;                      // buys the agent its first certificate
  std::string control_address;            // "host:port" that the agent dials
  std::string authority_pem;              // what the control plane's certificate is signed by
};

struct Launched {
  std::string handle;                // the provider's own name of it
  std::string address;               // where the router reaches its copies
  std::vector<std::string> volumes;  // as the instance sees them
};

struct ProviderInstance {
  std::string instance_id;
  std::string handle;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;
  // Returns when the instance is on its way; its agent joins later. An instance that is there already is answered as it is.
  // kResourceExhausted, saying of what: there is no capacity now. kInvalidArgument: there never will be for this type.
  virtual Result<Launched> launch(const Context& ctx, const LaunchRequest& request) = 0;
  // When it returns, nothing of the instance runs and nothing that it kept can be read. An instance that is not there is
  // released.
  virtual Result<void> release(const Context& ctx, const std::string& instance_id) = 0;
  // What is there and runs; also what was launched before the server's last start.
  virtual Result<std::vector<ProviderInstance>> list(const Context& ctx) = 0;
};

}  // namespace zeropull::fleet
