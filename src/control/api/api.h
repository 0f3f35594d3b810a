// Api: the SageMaker control plane, Application Auto Scaling and CloudWatch on the wire, and Zeropull's own operations beside
// them (X-Amz-Target "Zeropull.<Op>"). A call is addressed (service.h), authenticated, parsed in its protocol (protocol.h),
// validated against the tables of schema.h and carried out on State: it writes what is desired and returns; the reconcilers and
// the autoscaler do the rest. Each account sees its own objects alone.
//
// handle() is blocking (the router's workers call it), thread-safe, and answers every request: an error is an answer too. A write
// costs one commit of the state, a read touches memory only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "control/autoscaler/insight.h"
#include "control/fleet/instance_types.h"
#include "control/series/series.h"
#include "control/state/state.h"
#include "http/server.h"

namespace zeropull::api {

class Authenticator;

// Where an endpoint's artifact is complete, beside the registry or bucket that it is from.
struct CachedCopy {
  std::string kind;      // "image", "model"
  std::string identity;  // manifest digest, or the model's identity
  std::uint64_t bytes = 0;
  bool in_store = false, in_volume = false;
  std::vector<std::string> instances;
};

// What the API stands on. The pointers outlive it.
struct ApiParts {
  state::State* state = nullptr;
  const Authenticator* authenticator = nullptr;
  const fleet::InstanceTypes* instance_types = nullptr;
  series::Store* series = nullptr;  // absent: the operations on metrics answer that there are none
  Clock* clock = &Clock::system();
  Random* random = &Random::secure();
  std::string region = "us-east-1";  // in ARNs
  // A new data key for the endpoint with this uid, wrapped under the master key.
  std::function<Result<std::string>(const std::string& endpoint_uid)> make_endpoint_key;
  // The end of a copy's log, at most `bytes_max`; from its instance, so it may wait. Absent: only what the state keeps.
  std::function<Result<std::string>(const Context&, const state::Copy&, std::size_t bytes_max)> read_log;
  // What the endpoint's instances say that they hold, and what its volume has. Absent: nothing is known.
  std::function<std::vector<CachedCopy>(const state::Endpoint&)> caches = {};
  // A copy's phases, with what came so far of a download that runs. Absent: what the record has.
  std::function<std::vector<state::PhaseRecord>(const state::Copy&)> live_phases = {};
  // What the autoscaler sees of a target now. Absent: only what the records say.
  std::function<std::optional<autoscaler::TargetInsight>(const autoscaler::ResourceName&)> scaling_insight = {};
};

class Api {
 public:
  explicit Api(ApiParts parts) : parts_(std::move(parts)) {}
  http::ServerResponse handle(const Context& ctx, const http::ServerRequest& request) const;

 private:
  const ApiParts parts_;
};

// docs/api-members.md: the members and values that are refused, and why.
std::string refused_members_text();

}  // namespace zeropull::api
