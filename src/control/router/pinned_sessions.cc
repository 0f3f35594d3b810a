#include "control/router/pinned_sessions.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>

#include "control/router/limits.h"
#include "http/headers.h"

namespace zeropull::router {

namespace {

constexpr std::string_view kExpires = "Expires=";

std::optional<WallTime> parse_time(const std::string& text) {
  std::tm time{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return wall_time(timegm(&time));
}

}  // namespace

std::optional<SessionGrant> SessionGrant::parse(std::string_view text) {
  const auto semicolon = text.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  SessionGrant grant{std::string(http::trim(text.substr(0, semicolon))), {}};
  const auto rest = http::trim(text.substr(semicolon + 1));
  if (grant.id.empty() || grant.id.size() > kSessionIdMax || !rest.starts_with(kExpires)) return std::nullopt;
  const auto expires = parse_time(std::string(rest.substr(kExpires.size())));
  if (!expires) return std::nullopt;
  grant.expires = *expires;
  return grant;
}

std::string SessionGrant::text() const {
  const auto seconds = std::chrono::system_clock::to_time_t(expires);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}; {}{:%Y-%m-%dT%H:%M:%SZ}", id, kExpires, parts);
}

std::string PinnedSessions::key_of(const std::string& component_uid, std::string_view session_id) {
  std::string key = component_uid;
  key.push_back('\0');
  return key.append(session_id);
}

void PinnedSessions::make_room(Pins& pins, WallTime now) {
  if (pins.size() < kSessionsMax) return;
  std::erase_if(pins, [&](const auto& entry) { return entry.second.expires <= now; });
  if (pins.size() < kSessionsMax) return;
  pins.erase(std::ranges::min_element(pins, {}, [](const auto& entry) { return entry.second.expires; }));
}

void PinnedSessions::pin(const std::string& component_uid, const SessionGrant& grant, const std::string& copy_id, WallTime now) {
  auto pins = pins_.lock();
  make_room(*pins, now);
  pins->insert_or_assign(key_of(component_uid, grant.id), Pin{copy_id, grant.expires});
}

std::optional<std::string> PinnedSessions::find(const std::string& component_uid, std::string_view session_id, WallTime now) {
  auto pins = pins_.lock();
  const auto at = pins->find(key_of(component_uid, session_id));
  if (at == pins->end()) return std::nullopt;
  if (at->second.expires > now) return at->second.copy_id;
  pins->erase(at);
  return std::nullopt;
}

void PinnedSessions::close(const std::string& component_uid, std::string_view session_id) {
  pins_.lock()->erase(key_of(component_uid, session_id));
}

}  // namespace zeropull::router
