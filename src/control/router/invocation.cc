#include "control/router/invocation.h"

#include <algorithm>

#include "control/router/limits.h"
#include "control/router/policy.h"

namespace zeropull::router {

std::string_view Invocation::log_group() {
  const bool component = endpoint_->route.kind == EndpointKind::kComponents;
  log_group_ =
      component ? "/aws/sagemaker/InferenceComponents/" + component_->name : "/aws/sagemaker/Endpoints/" + endpoint_name_;
  return log_group_;
}

void Invocation::start(const Request& request) {
  head_ = &request.head;
  account_ = request.account;
  endpoint_name_ = request.endpoint;
  streaming_ = request.streaming;
  body_ = request.body;
  arrived_ = worker_.now();
  tries_ = 0;
  waited_ = false;
  stream_begun_ = head_sent_ = sending_ = stream_over_ = false;
  loan_.give_back();
  pinned_copy_.clear();
  auto refused = find_component(request);
  if (!refused) refused = find_session(request.head);
  if (refused) return caller_.answer(*refused);
  component_state_ = component_->state;
  component_state_->traffic.arrive();
  dispatch();
}

std::optional<ErrorAnswer> Invocation::find_component(const Request& request) {
  routes_ = worker_.routes;
  endpoint_ = routes_->find(request.account, request.endpoint);
  if (endpoint_ == nullptr) return unknown_endpoint(request.endpoint, request.account);
  if (request.body.size() > endpoint_->route.payload_max) {
    return error_answer(413, "ValidationError",
                        fmt::format("The request body has {} bytes; endpoint {} takes {}.", request.body.size(), request.endpoint,
                                    endpoint_->route.payload_max));
  }
  if (auto refused = check_headers(request.head)) return refused;
  const Routes::Variant* variant = nullptr;
  if (auto refused = choose_variant(request.head, variant)) return refused;
  const auto name = request.head.find("X-Amzn-SageMaker-Inference-Component");
  if (endpoint_->route.kind == EndpointKind::kModels) {
    if (name) return validation_error(kComponentHeaderRefused);
    component_ = &variant->components.front();
    return std::nullopt;
  }
  if (!name) return validation_error(kComponentHeaderMissing);
  const auto at = endpoint_->components_by_name.find(*name);
  if (at == endpoint_->components_by_name.end() || (variant != nullptr && at->second->variant != variant)) {
    return validation_error(
        fmt::format("Inference Component {} of endpoint {} not found.", name->substr(0, kNameMax), request.endpoint));
  }
  component_ = at->second;
  return std::nullopt;
}

// Of an endpoint with models the one that Target-Variant names, else one by weight; of an endpoint with components the named one
// or none.
std::optional<ErrorAnswer> Invocation::choose_variant(const MessageHead& head, const Routes::Variant*& variant) {
  if (const auto name = head.find("X-Amzn-SageMaker-Target-Variant")) {
    const auto at = std::ranges::find(endpoint_->variants, *name, &Routes::Variant::name);
    if (at == endpoint_->variants.end())
      return validation_error(fmt::format("Variant {} of endpoint {} not found.", name->substr(0, kNameMax), endpoint_name_));
    variant = &*at;
    return std::nullopt;
  }
  if (endpoint_->route.kind == EndpointKind::kComponents) return std::nullopt;
  if (std::ranges::none_of(endpoint_->weights, [](double weight) { return weight > 0; }))
    return validation_error(fmt::format("No variant of endpoint {} has a weight above 0.", endpoint_name_));
  variant = &endpoint_->variants[choose_weighted(endpoint_->weights, worker_.random())];
  return std::nullopt;
}

bool Invocation::has_copy(std::string_view id) const {
  return std::ranges::any_of(component_->copies, [&](const auto& copy) { return copy.state->id == id; });
}

std::optional<ErrorAnswer> Invocation::find_session(const MessageHead& head) {
  const auto session = head.find("X-Amzn-SageMaker-Session-Id");
  if (!session) return std::nullopt;
  if (*session == kNewSession) {
    if (!streaming_) return std::nullopt;
    return validation_error(
        "A session is created by InvokeEndpoint; InvokeEndpointWithResponseStream takes an existing SessionId.");
  }
  auto copy = worker_.shared.sessions.find(component_->state->uid, *session, worker_.shared.parts.clock->wall_now());
  if (!copy || !has_copy(*copy)) return session_ended(*session);
  pinned_copy_ = std::move(*copy);
  return std::nullopt;
}

// nullptr when no copy can have the request now.
const Routes::Copy* Invocation::choose_copy() {
  auto& candidates = worker_.candidates;
  auto& copies = worker_.candidate_copies;
  candidates.clear();
  copies.clear();
  const auto& clock = *worker_.shared.parts.clock;
  const SteadyTime now = clock.steady_now();
  const WallTime wall = clock.wall_now();
  for (const auto& copy : component_->copies) {
    if (!pinned_copy_.empty() && copy.state->id != pinned_copy_) continue;
    const auto in_flight = copy.state->traffic.in_flight();
    if (copy.concurrency_max > 0 && in_flight >= copy.concurrency_max) continue;
    if (now < copy.state->avoided_until.load(std::memory_order_relaxed)) continue;
    candidates.push_back({in_flight, share_of(wall - copy.ready_since, worker_.shared.options.slow_start)});
    copies.push_back(&copy);
  }
  if (candidates.empty()) return nullptr;
  return copies[policy_of(component_->variant->strategy).choose(candidates, worker_.random())];
}

void Invocation::dispatch() {
  if (!follow_routes()) return;
  const Routes::Copy* copy = tries_ < kCopiesTried ? choose_copy() : nullptr;
  if (copy == nullptr) return hold_or_refuse();
  ask(*copy);
}

void Invocation::ask(const Routes::Copy& copy) {
  ++tries_;
  copy_ = copy.state;
  copy_->traffic.arrive();
  asked_ = worker_.now();
  deadline_ = asked_ + (streaming_ ? endpoint_->route.stream_timeout : endpoint_->route.model_timeout);
  request_head_ = request_head(copy);
  answer_.clear();
  answer_status_ = 0;
  upstream_ = &worker_.upstreams.take(copy);
  upstream_->begin(*this, {request_head_, body_});
}

void Invocation::hold_or_refuse() {
  const HoldPolicy& hold = component_->hold;
  const auto refuse = [&](const ErrorAnswer& error, Outcome outcome) {
    finish(outcome);
    caller_.answer(error);
  };
  if (component_->copies.empty()) component_state_->traffic.find_no_copies();
  if (!hold.enabled) return refuse(no_capacity(), Outcome::kClientError);
  if (worker_.winding_down) return refuse(service_unavailable("The server is stopping."), Outcome::kServerError);
  ComponentState& state = *component_state_;
  const auto bytes = state.held_bytes.fetch_add(body_.size()) + body_.size();
  state.traffic.hold();
  held_ = true;
  held_place_ = worker_.held.add(state, *this);
  deadline_ = arrived_ + hold.time_max;
  if (state.traffic.held() > hold.requests_max || bytes > hold.bytes_max) {
    release_hold();
    return refuse(service_unavailable("Too many requests wait for a copy of the inference component."), Outcome::kServerError);
  }
  if (!std::exchange(waited_, true)) state.traffic.wait();
  if (auto* observer = worker_.shared.parts.observer) observer->on_demand(state.uid);
}

void Invocation::release_hold() {
  held_ = false;
  worker_.held.remove(*component_state_, held_place_);
  component_state_->held_bytes.fetch_sub(body_.size());
  component_state_->traffic.unhold();
}

// Makes the newest table the one that this request is routed by. False, and it is answered, when its component is not in it.
bool Invocation::follow_routes() {
  if (routes_ == worker_.routes) return true;
  const auto* endpoint = worker_.routes->find(account_, endpoint_name_);
  const auto* components = endpoint == nullptr ? nullptr : &endpoint->components_by_uid;
  if (components != nullptr && components->contains(component_state_->uid)) {
    routes_ = worker_.routes;
    endpoint_ = endpoint;
    component_ = components->find(component_state_->uid)->second;
    return true;
  }
  if (held_) release_hold();
  finish(Outcome::kClientError);
  caller_.answer(endpoint == nullptr ? unknown_endpoint(endpoint_name_, account_)
                                     : validation_error("The inference component was deleted while the request waited."));
  return false;
}

bool Invocation::retry() {
  if (!follow_routes()) return true;
  const Routes::Copy* copy = choose_copy();
  if (copy == nullptr) {
    if (pinned_copy_.empty() || has_copy(pinned_copy_)) return false;
    release_hold();
    finish(Outcome::kClientError);
    caller_.answer(session_ended(head_->find("X-Amzn-SageMaker-Session-Id").value_or("")));
    return true;
  }
  release_hold();
  tries_ = 0;
  ask(*copy);
  return true;
}

void Invocation::abandon() {
  if (held_) release_hold();
  if (upstream_ != nullptr) std::exchange(upstream_, nullptr)->abandon();
  if (component_state_) finish(Outcome::kAbandoned);
}

void Invocation::wind_down() {
  if (!held_) return;
  release_hold();
  finish(Outcome::kServerError);
  caller_.answer(service_unavailable("The server is stopping."));
}

void Invocation::tick(SteadyTime now) {
  if (!component_state_ || stream_over_ || now < deadline_) return;
  if (held_) {
    release_hold();
    finish(Outcome::kClientError);
    return caller_.answer(no_capacity());
  }
  std::exchange(upstream_, nullptr)->abandon();
  if (stream_begun_) return break_stream("ModelInvocationTimeExceeded", "The model's stream took longer than its time limit.");
  fail_model(0, kModelTimedOut);
}

// The copy's answer.

void Invocation::on_answer_head(const MessageHead& head) {
  answer_status_ = head.status();
  const bool success = answer_status_ / 100 == 2;
  if (!success) return;
  answer_fields_ = answer_fields(head);
  if (streaming_) {
    stream_begun_ = true;
    return caller_.begin_stream(answer_fields_);
  }
  const auto length = head.content_length().value_or(0);
  if (length <= endpoint_->route.answer_max) answer_.reserve(std::min<std::size_t>(length, kReadMax));
}

void Invocation::on_answer_body(std::string_view piece) {
  if (stream_begun_) return append_payload_part(answer_, piece);
  if (answer_status_ / 100 != 2) {
    answer_.append(piece.substr(0, kOriginalMessageMax - std::min(answer_.size(), kOriginalMessageMax)));
    if (answer_.size() < kOriginalMessageMax) return;
    std::exchange(upstream_, nullptr)->abandon();  // the rest is of no use
    return fail_model(answer_status_, answer_);
  }
  const bool fits = answer_.size() + piece.size() <= endpoint_->route.answer_max;
  if (fits && loan_.take(piece.size())) {
    answer_.append(piece);
    return;
  }
  std::exchange(upstream_, nullptr)->abandon();
  if (!fits) return fail_model(answer_status_, "the container's answer is larger than the endpoint's limit");
  finish(Outcome::kServerError);
  caller_.answer(service_unavailable("The router has no memory left for the answer; try again."));
}

bool Invocation::on_answer_pause() {
  if (!stream_begun_ || (answer_.empty() && head_sent_)) return false;
  head_sent_ = sending_ = true;
  caller_.send_stream(answer_);
  return true;
}

void Invocation::on_taken() {
  sending_ = false;
  answer_.clear();
  if (stream_over_) return caller_.end_stream(last_);
  if (upstream_ != nullptr) upstream_->resume();
}

void Invocation::on_answer_done() {
  upstream_ = nullptr;
  if (stream_begun_) {
    finish(Outcome::kSuccess);
    return caller_.end_stream(answer_);
  }
  if (answer_status_ / 100 != 2) return fail_model(answer_status_, answer_);
  finish(Outcome::kSuccess);
  caller_.answer(200, answer_fields_, std::move(answer_));
  answer_ = {};
}

void Invocation::on_answer_failed(UpstreamFailure failure) {
  upstream_ = nullptr;
  if (failure == UpstreamFailure::kUnsent) {
    copy_->avoided_until = worker_.now() + kRefusedPause;
    leave_copy();
    return dispatch();
  }
  if (stream_begun_) return break_stream("StreamBroken", "The container closed the connection within its stream.");
  switch (failure) {
    case UpstreamFailure::kUnsent:
    case UpstreamFailure::kSilent: return fail_model(0, "the container closed the connection without an answer");
    case UpstreamFailure::kBroken: return fail_model(answer_status_, "the container closed the connection within its answer");
    case UpstreamFailure::kMalformed: return fail_model(0, "the container's answer is no HTTP/1.1");
  }
}

void Invocation::fail_model(int status, std::string_view message) {
  const std::string group(log_group());
  const std::string_view region = worker_.shared.options.region;
  const ErrorAnswer error =
      model_error({.status = status, .message = message, .region = region, .account = account_, .log_group = group});
  finish(Outcome::kModelError);
  caller_.answer(error);
}

// The exception frame goes out behind what is being sent.
void Invocation::break_stream(std::string_view code, std::string_view message) {
  last_.clear();
  if (!sending_) last_.swap(answer_);
  append_stream_error(last_, code, message);
  finish(Outcome::kModelError);
  stream_over_ = true;
  if (!sending_) caller_.end_stream(last_);
}

// Counts the request as over, for its copy and its component; one of the held may have the place.
void Invocation::finish(Outcome outcome) {
  const SteadyTime now = worker_.now();
  if (copy_) {
    copy_->traffic.complete(outcome, now - asked_);
    tell_if_drained();
  }
  const auto component = std::exchange(component_state_, nullptr);
  component->traffic.complete(outcome, now - arrived_);
  if (component->traffic.held() > 0) worker_.shared.kick_holders(component.get());
}

void Invocation::leave_copy() {
  copy_->traffic.leave();
  tell_if_drained();
}

void Invocation::tell_if_drained() {
  const auto copy = std::exchange(copy_, nullptr);
  if (!copy->take_drained()) return;
  if (auto* observer = worker_.shared.parts.observer) observer->on_drained(copy->id);
}

}  // namespace zeropull::router
