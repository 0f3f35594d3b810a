// PinnedSessions: which copy a stateful session belongs to. A container that was called with SessionId NEW_SESSION names the
// session and its end; where it does not, the router does. Requests without a session never come here, so one lock serves all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/guarded.h"

namespace zeropull::router {

inline constexpr std::string_view kNewSession = "NEW_SESSION";

// "<id>; Expires=2026-06-21T00:00:00Z", the value of X-Amzn-SageMaker-New-Session-Id.
struct SessionGrant {
  std::string id;
  WallTime expires;
  static std::optional<SessionGrant> parse(std::string_view text);
  std::string text() const;
};

class PinnedSessions {
 public:
  // Past the limit of sessions the one that ends first makes room.
  void pin(const std::string& component_uid, const SessionGrant& grant, const std::string& copy_id, WallTime now);
  // The copy's id; nullopt for a session that is not known or has ended.
  std::optional<std::string> find(const std::string& component_uid, std::string_view session_id, WallTime now);
  void close(const std::string& component_uid, std::string_view session_id);

 private:
  struct Pin {
    std::string copy_id;
    WallTime expires;
  };
  using Pins = std::unordered_map<std::string, Pin>;
  static std::string key_of(const std::string& component_uid, std::string_view session_id);
  static void make_room(Pins& pins, WallTime now);
  Guarded<Pins> pins_;
};

}  // namespace zeropull::router
