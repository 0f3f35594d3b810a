#include "control/autoscaler/start_times.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "control/autoscaler/limits.h"
#include "control/fleet/desired.h"
#include "control/fleet/steps.h"

namespace zeropull::autoscaler {

using state::Millis;

namespace {

constexpr std::array<std::string_view, 3> kPathNames{"with image and model cached", "that fetched image or model",
                                                     "of an instance"};

struct Start {
  Millis begin = 0;
  double seconds = 0;
  double without_fetching = 0;  // less the time in which image or model were on their way
  bool hit = true;
};

std::optional<Start> start_of(const state::TimelineEntry& entry) {
  Start start{.begin = entry.begin};
  Millis end = 0, fetch_begin = 0, fetch_end = 0;
  for (const auto& phase : entry.phases) {
    if (phase.name == fleet::kDetectPhase) continue;
    end = std::max(end, phase.end);
    if (phase.name != "image" && phase.name != "model") continue;
    if (phase.begin != 0 && (fetch_begin == 0 || phase.begin < fetch_begin)) fetch_begin = phase.begin;
    fetch_end = std::max(fetch_end, phase.end);
    if (!phase.source.empty() && phase.source != "cache" && phase.source != "volume") start.hit = false;
  }
  if (end <= entry.begin) return std::nullopt;
  start.seconds = static_cast<double>(end - entry.begin) / 1000;
  start.without_fetching = start.seconds - static_cast<double>(std::max<Millis>(0, fetch_end - fetch_begin)) / 1000;
  return start;
}

// Those that became ready, newest first.
std::vector<Start> starts_of(const state::List<state::TimelineEntry>& entries, const std::string& component,
                             std::string_view kind = "copy") {
  std::vector<Start> starts;
  for (const auto& entry : entries) {
    if (entry->kind != kind || entry->component != component || entry->outcome != "ready") continue;
    if (auto start = start_of(*entry)) starts.push_back(*start);
  }
  std::ranges::sort(starts, std::greater(), &Start::begin);
  return starts;
}

ExpectedStart median_of(std::vector<double> seconds, StartPath path) {
  ExpectedStart expected{.path = path, .measured = static_cast<int>(seconds.size())};
  auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::ranges::nth_element(seconds, middle);
  expected.time = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::max(*middle, 0.1)));
  return expected;
}

}  // namespace

std::string ExpectedStart::text() const {
  const double seconds = std::chrono::duration<double>(time).count();
  if (measured == 0) return fmt::format("{:.0f} s (no start was measured yet)", seconds);
  return fmt::format("{:.1f} s (median of {} {} {})", seconds, measured, measured == 1 ? "start" : "starts",
                     kPathNames.at(static_cast<std::size_t>(path)));
}

ExpectedStart expected_start(const state::List<state::TimelineEntry>& entries, const std::string& component, StartPath path) {
  std::vector<double> same, others;
  for (const auto& start : starts_of(entries, component)) {
    if (start.hit == (path == StartPath::kHit)) {
      if (same.size() < kStartsLookedAt) same.push_back(start.seconds);
    } else if (others.size() < kStartsLookedAt) {
      // What was fetched then need not be now; what was not fetched may have to be, at a cost that nobody has measured.
      others.push_back(path == StartPath::kHit ? start.without_fetching : start.seconds);
    }
  }
  if (!same.empty()) return median_of(std::move(same), path);
  if (!others.empty()) return median_of(std::move(others), path);
  return {.time = kStartTimeGuess, .path = path};
}

ExpectedStart expected_instance(const state::List<state::TimelineEntry>& entries) {
  std::vector<double> seconds;
  for (const auto& start : starts_of(entries, "", "instance")) {
    if (seconds.size() < kStartsLookedAt) seconds.push_back(start.seconds);
  }
  if (!seconds.empty()) return median_of(std::move(seconds), StartPath::kInstance);
  return {.time = kStartTimeGuess, .path = StartPath::kInstance};
}

StartPath expected_path(const state::List<state::TimelineEntry>& entries, const std::string& component,
                        const state::Endpoint& endpoint) {
  if (fleet::is_off(endpoint.tags, fleet::kImageCacheTag) || fleet::is_off(endpoint.tags, fleet::kModelCacheTag)) {
    return StartPath::kMiss;
  }
  return starts_of(entries, component).empty() ? StartPath::kMiss : StartPath::kHit;
}

}  // namespace zeropull::autoscaler
