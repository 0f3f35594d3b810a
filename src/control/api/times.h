// Times as the Query protocol writes them: ISO 8601 in UTC. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zeropull::api {

// "2026-06-21T00:00:00.250Z": to the millisecond.
std::string iso_time(double seconds);
// Seconds since the epoch of "2026-06-21T00:00:00Z", with or without a fraction; an offset "+02:00" may stand for the Z. nullopt:
// not such a time.
std::optional<double> parse_iso_time(std::string_view text);

}  // namespace zeropull::api
