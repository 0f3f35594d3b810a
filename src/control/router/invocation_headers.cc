// Which headers an invocation takes from its caller to the container and back (SageMaker Runtime, InvokeEndpoint): those listed
// here and no others.
#include <array>
#include <iterator>

#include "control/router/invocation.h"
#include "control/router/limits.h"

namespace zeropull::router {

namespace {

struct Passed {
  std::string_view from;  // the caller's name of it
  std::string_view to;    // the container's
  std::size_t size_max;
  bool calls, streams;  // in which of the two it is known
};

constexpr std::array kToContainer = {
    Passed{"Content-Type", "Content-Type", 1024, true, true},
    Passed{"Accept", "Accept", 1024, true, false},
    Passed{"X-Amzn-SageMaker-Accept", "Accept", 1024, false, true},
    Passed{"X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-Custom-Attributes", 1024, true, true},
    Passed{"X-Amzn-SageMaker-Inference-Id", "X-Amzn-SageMaker-Inference-Id", 64, true, true},
    Passed{"X-Amzn-SageMaker-Session-Id", "X-Amzn-SageMaker-Session-Id", kSessionIdMax, true, true},
};

// Members of the API that need what a container here does not have: several models, several containers, an explainer.
constexpr std::array kRefused = {
    std::pair{std::string_view("X-Amzn-SageMaker-Target-Model"), std::string_view("TargetModel")},
    std::pair{std::string_view("X-Amzn-SageMaker-Target-Container-Hostname"), std::string_view("TargetContainerHostname")},
    std::pair{std::string_view("X-Amzn-SageMaker-Enable-Explanations"), std::string_view("EnableExplanations")},
};

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::optional<ErrorAnswer> Invocation::check_headers(const MessageHead& head) const {
  for (const auto& [header, member] : kRefused) {
    if (head.find(header)) return validation_error(fmt::format("{} is not supported by this server.", member));
  }
  for (const auto& passed : kToContainer) {
    const auto value = head.find(passed.from);
    if (value && value->size() > passed.size_max)
      return validation_error(
          fmt::format("{} has {} bytes; at most {} are allowed.", passed.from, value->size(), passed.size_max));
  }
  return std::nullopt;
}

std::string Invocation::request_head(const Routes::Copy& copy) const {
  std::string head;
  head.reserve(512);
  head.append("POST /invocations HTTP/1.1\r\nHost: ").append(copy.host).append("\r\n");
  for (const auto& passed : kToContainer) {
    if (!(streaming_ ? passed.streams : passed.calls)) continue;
    if (const auto value = head_->find(passed.from)) append_field(head, passed.to, *value);
  }
  fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n\r\n", body_.size());
  return head;
}

std::string Invocation::answer_fields(const MessageHead& head) {
  std::string fields;
  fields.reserve(256);
  const auto type = head.find("Content-Type");
  if (streaming_) append_field(fields, "Content-Type", "application/vnd.amazon.eventstream");
  if (type) append_field(fields, streaming_ ? "X-Amzn-SageMaker-Content-Type" : "Content-Type", *type);
  append_field(fields, "x-Amzn-Invoked-Production-Variant", component_->variant->name);
  if (const auto value = head.find("X-Amzn-SageMaker-Custom-Attributes"))
    append_field(fields, "X-Amzn-SageMaker-Custom-Attributes", *value);
  if (const auto session = head_->find("X-Amzn-SageMaker-Session-Id")) fields += session_fields(head, *session);
  return fields;
}

// Pins or ends the caller's session as the container says; where the container knows no sessions, a new one is of the router's
// making.
std::string Invocation::session_fields(const MessageHead& head, std::string_view session) {
  auto& sessions = worker_.shared.sessions;
  std::string fields;
  if (const auto closed = head.find("X-Amzn-SageMaker-Closed-Session-Id")) {
    sessions.close(component_state_->uid, *closed);
    append_field(fields, "X-Amzn-SageMaker-Closed-Session-Id", *closed);
  }
  if (session != kNewSession) return fields;
  const WallTime now = worker_.shared.parts.clock->wall_now();
  const auto given = head.find("X-Amzn-SageMaker-New-Session-Id");
  auto grant = given ? SessionGrant::parse(*given) : std::nullopt;
  if (!grant) {
    const auto expires = now + worker_.shared.options.session_time;
    grant = SessionGrant{worker_.request_id(), std::chrono::time_point_cast<WallTime::duration>(expires)};
  }
  sessions.pin(component_state_->uid, *grant, copy_->id, now);
  append_field(fields, "X-Amzn-SageMaker-New-Session-Id", grant->text());
  return fields;
}

}  // namespace zeropull::router
