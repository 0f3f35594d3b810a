// Between the plain structs (desired_state.h, report.h, log_request.h) and the messages of control.proto. Both the agent's link
// and the control plane's hub use it; generated types are named here alone and included in .cc files. What comes from a peer is
// checked against control_limits.h: a message that breaks a limit is kInvalidArgument as a whole. Pure functions.
#pragma once

#include "agent/desired_state.h"
#include "agent/log_request.h"
#include "agent/report.h"
#include "base/result.h"

namespace zeropull::control::v1 {
class DesiredState;
class Machine;
class Report;
}  // namespace zeropull::control::v1

namespace zeropull::agent {

void to_proto(const DesiredState& desired, control::v1::DesiredState& out);
void to_proto(const Report& report, control::v1::Report& out);  // bytes that are not UTF-8 become "?"
void to_proto(const Machine& machine, control::v1::Machine& out);

Result<DesiredState> from_proto(const control::v1::DesiredState& desired);
Result<Report> from_proto(const control::v1::Report& report);
Result<Machine> from_proto(const control::v1::Machine& machine);

}  // namespace zeropull::agent
