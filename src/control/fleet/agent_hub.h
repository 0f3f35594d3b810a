// AgentHub: where agents dial in. The gRPC server of proto/zeropull/control/v1/control.proto over mutual TLS, with one stream an
// instance: desired states and log requests go down, reports and pieces of logs come up.
//
// It decides nothing and keeps nothing but the live streams and the last desired state given for each instance, which it sends on
// every connection anew: whatever happens to a stream, the next one says all. Who a caller is, is what his certificate says,
// checked here at every call and again at every report; whether that instance still exists, HubEvents say.
//
// Streams are reactors of gRPC's callback interface: an idle one has no thread. Events run on pools of the hub's own and may
// block on the disk; those of one instance one after another, those of several at once. They may call the hub, but not stop().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/desired_state.h"
#include "agent/log_request.h"
#include "agent/report.h"
#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "identity/authority.h"
#include "identity/certificate.h"
#include "identity/instance_identity.h"

namespace zeropull::fleet {

struct JoinCall {
  std::string token;  // as sent: look it up by identity::join_token_hash
  std::string csr_pem;
  agent::Machine machine;
  std::string peer;  // the address that the connection comes from, "10.0.0.7" or "fd00::7"
};

struct RenewCall {
  identity::InstanceIdentity identity;  // of the certificate that is to be replaced; it may have expired during an outage
  std::string csr_pem;
};

// An error reaches the agent with its code and message. All four are set.
struct HubEvents {
  // kPermissionDenied for a token that is unknown, used or too old.
  std::function<Result<identity::SignedCertificate>(const Context&, const JoinCall&)> join;
  // Signs for whom the instance is leased to now, which need not be what its old certificate says. kPermissionDenied for an
  // instance that is gone.
  std::function<Result<identity::SignedCertificate>(const Context&, const RenewCall&)> renew;
  // An error ends the stream; the agent comes back.
  std::function<Result<void>(const identity::InstanceIdentity&, agent::Report)> report;
  // The instance has no stream any more. Not called when a newer one took its place, nor by stop().
  std::function<void(const identity::InstanceIdentity&)> disconnected;
};

struct AgentHubOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;           // 0: any free one
  identity::Credential credential;  // of Authority::issue_server
  std::string authority_pem;        // that signed the instances' certificates
  const Clock* clock = &Clock::system();
};

class AgentHub {
 public:
  static Result<std::unique_ptr<AgentHub>> create(AgentHubOptions options, HubEvents events);
  virtual ~AgentHub() = default;  // stop()

  virtual std::uint16_t port() const = 0;

  // Keeps the state for the instance and sends it now, where it is connected, and at each of its later connections. A newer state
  // replaces one that was not yet sent. Never waits.
  virtual void send_desired(const std::string& instance_id, const agent::DesiredState& desired) = 0;
  // Drops the state that is kept and ends the stream: for instances that are gone.
  virtual void forget(const std::string& instance_id) = 0;
  virtual bool connected(const std::string& instance_id) const = 0;

  // Asks the instance and waits for its answer. kUnavailable when it is not connected or the stream ends first.
  virtual Result<agent::LogChunk> fetch_log(const Context& ctx, const std::string& instance_id,
                                            const agent::LogRequest& request) = 0;

  // Ends all streams and calls, waits for running events. Idempotent.
  virtual void stop() = 0;
};

}  // namespace zeropull::fleet
