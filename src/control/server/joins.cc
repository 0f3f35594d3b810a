#include "control/server/joins.h"

#include <algorithm>

#include "base/bytes.h"
#include "codec/digest.h"
#include "control/fleet/draft.h"
#include "control/state/millis.h"
#include "identity/join_token.h"

namespace zeropull::server {

namespace {

Error denied(const char* why) { return make_error(Code::kPermissionDenied, "the join token {}: make a new one", why); }

state::Machine machine_of(const std::string& id, const agent::Machine& told, state::Millis now) {
  state::Machine machine;
  machine.id = id;
  machine.instance_type = told.instance_type;
  machine.address = told.address;
  machine.host_name = told.host_name;
  machine.cpu_cores = told.cpu_cores;
  machine.memory_bytes = told.memory_bytes;
  machine.disk_bytes = told.disk_bytes;
  machine.accelerators = told.accelerators;
  machine.joined = now;
  return machine;
}

// The instance that the agent of that name is; nullptr for a machine of the pool that is free.
state::Ptr<state::Instance> instance_of(const state::View& view, const std::string& agent) {
  auto machine = view.machine(agent);
  return view.instance(machine ? machine->instance_id : agent);
}

// Whom it works for now.
Result<identity::InstanceIdentity> identity_of(const state::View& view, const std::string& agent) {
  identity::InstanceIdentity identity;
  identity.instance_id = agent;
  auto instance = instance_of(view, agent);
  if (instance != nullptr) {
    identity.account = instance->account;
    identity.endpoint_uid = instance->endpoint_uid;
  } else if (view.machine(agent) == nullptr) {
    return make_error(Code::kPermissionDenied, "instance {} is not, or no longer, one of this control plane", agent);
  }
  return identity;
}

}  // namespace

Result<void> Joins::check_address(const fleet::JoinCall& call) const {
  const auto& told = call.machine.address;
  auto address = http::IpAddress::parse(told);
  if (!address) return make_error(Code::kInvalidArgument, "instance_address: {:?} is no IP address", told);
  if (address == http::IpAddress::parse(call.peer)) return {};
  if (std::ranges::any_of(machines_, [&](const auto& network) { return network.contains(*address); })) return {};
  return make_error(
      Code::kPermissionDenied,
      "the machine says that it is reached at {}, and its connection comes from {}: correct its instance_address, or "
      "list the address in static.addresses of the server's configuration",
      told, call.peer.empty() ? "an address that is not known" : call.peer);
}

Result<identity::SignedCertificate> Joins::join(const Context& ctx, const fleet::JoinCall& call) {
  const auto hash = identity::join_token_hash(call.token);
  const auto request_hash = codec::sha256(as_bytes(call.csr_pem)).hex();
  std::string agent;
  auto joined = state_.update(ctx, [&](const state::View& view) -> Result<state::Changes> {
    auto token = view.join_token(hash);
    const auto now = state::millis_of(clock_.wall_now());
    if (token == nullptr) return denied("is not known");
    if (token->used != 0 && token->request_hash != request_hash) return denied("was used before");
    if (token->expires < now) return denied("is too old");
    state::Changes changes;
    if (token->used != 0) {
      agent = token->agent;
      return changes;
    }
    agent = token->instance_id.empty() ? fleet::new_id("m", random_) : token->instance_id;
    if (token->instance_id.empty()) {
      TRY(check_address(call));
      changes.add(machine_of(agent, call.machine, now));
    } else if (view.instance(agent) == nullptr) {
      return make_error(Code::kPermissionDenied, "instance {} is gone", agent);
    }
    state::JoinToken used = *token;
    used.used = now;
    used.request_hash = request_hash;
    used.agent = agent;
    changes.put(token, std::move(used));
    return changes;
  });
  if (!joined.ok()) return std::move(joined).take_error();
  auto identity = TRY(identity_of(state_.view(), agent));
  return authority_.sign_instance(call.csr_pem, identity);
}

Result<identity::SignedCertificate> Joins::renew(const Context& ctx, const fleet::RenewCall& call) {
  TRY(ctx.check());
  auto identity = TRY(identity_of(state_.view(), call.identity.instance_id));
  return authority_.sign_instance(call.csr_pem, identity);
}

bool Joins::holds_lease(const identity::InstanceIdentity& who) const {
  auto instance = instance_of(state_.view(), who.instance_id);
  return instance != nullptr && instance->account == who.account && instance->endpoint_uid == who.endpoint_uid &&
         (instance->state == state::InstanceState::kLaunching || instance->state == state::InstanceState::kReady);
}

Result<Joins::NewToken> Joins::issue(const Context& ctx, Duration lifetime) {
  auto made = identity::make_join_token(random_);
  NewToken token;
  token.text = made.text;
  token.record.hash = made.hash;
  token.record.expires = state::millis_of(clock_.wall_now() + std::chrono::duration_cast<WallTime::duration>(lifetime));
  state::Changes changes;
  changes.add(token.record);
  TRY(state_.commit(ctx, std::move(changes)));
  return token;
}

}  // namespace zeropull::server
