// ControlLink: the agent's line to the control plane (proto/zeropull/control/v1/control.proto), over mutual TLS.
//
// It buys the instance's first certificate with a join token, for a key made here, renews it at half its life and whenever the
// desired state is of another endpoint than the certificate, keeps one stream open and dials again, with jitter, when that
// breaks. Desired states go to a callback; a report is asked of another one when somebody called report_soon() (calls coalesce)
// and every ten seconds. A lost stream changes nothing here: the next desired state says all.
//
// Two threads of its own. `desired` and `read_log` run on one of them, `report` on the other; all should be quick.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/control_limits.h"
#include "agent/desired_state.h"
#include "agent/log_request.h"
#include "agent/report.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "identity/instance_identity.h"

namespace zeropull::agent {

struct ControlLinkOptions {
  std::string target;         // "host:port"
  std::string server_name;    // that the control plane's certificate carries; "" for the target's host
  std::string authority_pem;  // that signed it; comes with the join token
  Secret join_token;          // used when the folder has no certificate of this authority
  Machine machine;            // what the join says of this machine
  std::string folder;         // made with mode 0700; holds credential.pem, authority.pem, join.pem
  Duration report_every = kReportEvery;
  Duration reconnect_max = kReconnectMax;
};

struct LinkEvents {
  std::function<void(const DesiredState&)> desired;
  std::function<Report()> report;
  std::function<Result<LogChunk>(const LogRequest&)> read_log;
};

struct LinkStatus {
  bool connected = false;                              // a stream is open and the control plane has answered on it
  std::optional<identity::InstanceIdentity> identity;  // of the certificate; none before the join
  std::string error;                                   // why the last attempt failed; "" for none
};

class ControlLink {
 public:
  // Returns at once; joins and connects in the background, and goes on trying until it is stopped.
  static Result<std::unique_ptr<ControlLink>> create(ControlLinkOptions options, LinkEvents events);
  virtual ~ControlLink() = default;  // stop()

  virtual void report_soon() = 0;  // never waits
  virtual LinkStatus status() const = 0;

  // Key and certificate chain in one PEM file of mode 0600, replaced whole at every renewal: what an HttpClient takes as both
  // certificate_file and key_file, and reads anew for each connection. Absent before the join.
  virtual std::string credential_file() const = 0;
  virtual std::string authority_file() const = 0;  // what signs the store's certificate

  virtual void stop() = 0;  // idempotent
};

}  // namespace zeropull::agent
