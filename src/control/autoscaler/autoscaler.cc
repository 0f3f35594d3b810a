#include "control/autoscaler/autoscaler.h"

#include <algorithm>

#include "control/autoscaler/limits.h"
#include "control/autoscaler/log.h"

namespace zeropull::autoscaler {

using namespace state;

namespace {

constexpr std::string_view kTimelinePrefix = "timeline/", kActivityPrefix = "scaling-activity/";
constexpr double kInsightSeconds = 30;

}  // namespace

Autoscaler::Autoscaler(AutoscalerParts parts)
    : parts_(std::move(parts)),
      ledger_(parts_.state, parts_.clock, parts_.random),
      schedules_(parts_.state, ledger_),
      readings_(parts_.metrics),
      alarms_(parts_.metrics) {
  readings_.know_starts(parts_.state.view());
  subscription_ = parts_.state.subscribe([this](const std::vector<Changed>& changes) {
    for (const auto& change : changes) {
      if (change.removed) continue;
      if (change.key.starts_with(kActivityPrefix)) shared_.lock()->activities = true;
      if (!change.key.starts_with(kTimelinePrefix)) continue;
      shared_.lock()->starts.emplace_back(change.endpoint_uid, change.key.substr(change.key.rfind('/') + 1));
    }
  });
}

Autoscaler::~Autoscaler() { stop(); }

void Autoscaler::start() {
  thread_ = std::jthread([this](std::stop_token stop) { loop(std::move(stop)); });
}

void Autoscaler::stop() {
  subscription_.reset();
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Autoscaler::loop(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto done = run_once(Context::root("autoscaler", stop, std::chrono::minutes(1)));
    if (!done.ok() && !stop.stop_requested()) LOG_ERROR(kLog, "{}", done.error().to_string());
    bool woken = false;
    {
      auto shared = shared_.lock();
      woken = shared.wait(Context::root("autoscaler", stop, kTick), [&] { return shared->woken; });
      shared->woken = false;
    }
    if (woken) (void)Context::root("autoscaler", stop).sleep(kWakePause);
  }
}

void Autoscaler::wake(const std::string&) {
  auto shared = shared_.lock();
  shared->woken = true;
  shared.notify_all();
}

std::optional<TargetInsight> Autoscaler::insight(const ResourceName& resource) {
  auto shared = shared_.lock();
  auto at = shared->insights.find(resource);
  return at == shared->insights.end() ? std::nullopt : std::optional(at->second);
}

std::map<std::string, ComponentLoad> Autoscaler::loads() { return shared_.lock()->loads; }

Moment Autoscaler::now() const { return {.steady = parts_.clock.steady_now(), .wall = parts_.clock.wall_now()}; }

Result<void> Autoscaler::run_once(const Context& ctx) {
  const auto moment = now();
  auto stats = parts_.traffic();
  {
    auto view = parts_.state.view();
    loads_.take(stats, view);
    readings_.look(view, loads_, moment.wall);
  }
  const bool new_second = std::exchange(second_, moment.seconds()) != moment.seconds();
  if (new_second) TRY(every_second(ctx, moment));
  auto invoked = invoked_targets();
  auto targets = read_targets(moment, invoked, new_second);
  Result<void> outcome;
  for (const auto& target : targets) {
    auto at = invoked.empty() ? invoked.end() : invoked.find(resource_name(*target.now.target));
    const auto* by = at == invoked.end() ? nullptr : &at->second;
    auto decision = decide(target, by, moment);
    if (!decision) continue;
    auto done = carry_out(ctx, *decision, by);
    if (!done.ok()) outcome = std::move(done);  // the others go on
  }
  if (alarms_.has_unwritten()) TRY(write_alarms(ctx));
  if (new_second) {
    keep_insight(targets);
    if (std::exchange(shared_.lock()->activities, false)) ledger_.notice();
    TRY(ledger_.follow(ctx));
  }
  return outcome;
}

// Metrics first, then those who read them.
Result<void> Autoscaler::every_second(const Context& ctx, const Moment& moment) {
  Reports reports;
  if (parts_.reports) {
    std::vector<std::string> ids;
    for (const auto& instance : parts_.state.view().instances()) ids.push_back(instance->id);
    reports = parts_.reports(ids);
  }
  List<Alarm> alarms;
  {
    auto view = parts_.state.view();
    readings_.read_second(view, loads_, reports, moment.wall);
    alarms = view.alarms();
  }
  count_starts(moment);
  alarms_.take(alarms, moment.seconds());
  alarms_.evaluate_due(moment.seconds());
  return schedules_.run(ctx, ledger_.now());
}

void Autoscaler::count_starts(const Moment& moment) {
  auto starts = std::exchange(shared_.lock()->starts, {});
  if (starts.empty()) return;
  auto view = parts_.state.view();
  for (const auto& [endpoint_uid, id] : starts) {
    auto entries = view.timeline_of_endpoint(endpoint_uid);
    auto entry = std::ranges::find_if(entries, [&](const auto& one) { return one->id == id; });
    if (entry != entries.end()) readings_.count_start(view, **entry, moment.wall);
  }
}

ExpectedStart Autoscaler::start_of(const View& view, const ScalingResource& resource, Memory& memory, const Moment& moment) {
  if (memory.start_read != SteadyTime{} && moment.steady - memory.start_read < kStartTimeFresh) return memory.start;
  memory.start_read = moment.steady;
  auto entries = view.timeline_of_endpoint(resource.endpoint->uid);
  if (!resource.component) return memory.start = expected_instance(entries);
  const auto& name = resource.component->name;
  return memory.start = expected_start(entries, name, expected_path(entries, name, *resource.endpoint));
}

bool Autoscaler::rests(const Memory& memory, Revision revision) const {
  if (memory.uid.empty() || memory.at_work || memory.revision != revision) return false;
  const auto& load = loads_.of(memory.uid).requests;
  return load.in_flight == 0 && load.arrivals == memory.arrivals && load.without_copies == memory.without_copies;
}

std::vector<Autoscaler::Looked> Autoscaler::read_targets(const Moment& moment, const std::map<ResourceName, Invoked>& invoked,
                                                         bool all) {
  std::vector<Looked> targets;
  ++look_;
  auto view = parts_.state.view();
  for (const auto& target : view.scalable_targets()) {
    auto& memory = memory_[target->id];
    memory.looked = look_;
    const bool called = !invoked.empty() && invoked.contains(resource_name(*target));
    if (!all && !called && rests(memory, target->revision)) continue;
    auto resource = find_resource(view, scaled_of(*target));
    if (!resource) {
      memory.looked = 0;  // one of the name that comes later is another
      continue;
    }
    const auto load = resource->component ? loads_.of(resource->component->uid)
                                          : loads_.of_variant(view, resource->endpoint->uid, resource->variant);
    memory.uid = resource->component ? resource->component->uid : "";
    memory.revision = target->revision;
    memory.arrivals = load.requests.arrivals;
    memory.without_copies = load.requests.without_copies;
    memory.at_work = load.requests.in_flight > 0;
    auto start = start_of(view, *resource, memory, moment);
    targets.push_back({read_target(view, target, std::move(*resource), load, memory.target), &memory});
    targets.back().now.start = start;
  }
  std::erase_if(memory_, [&](const auto& one) { return one.second.looked != look_; });
  return targets;
}

std::map<ResourceName, Autoscaler::Invoked> Autoscaler::invoked_targets() {
  std::map<ResourceName, Invoked> invoked;
  auto triggers = alarms_.take_triggers();
  if (triggers.empty()) return invoked;
  auto view = parts_.state.view();
  for (const auto& trigger : triggers) {
    for (const auto& id : trigger.policy_ids) {
      auto policy = view.scaling_policy_by_id(id);
      if (!policy) continue;
      auto& target = invoked[resource_name(*policy)];
      target.alarm_keys.push_back(trigger.alarm_key);
      target.policy_ids.push_back(id);
    }
  }
  return invoked;
}

std::optional<Decision> Autoscaler::decide(const Looked& looked, const Invoked* invoked, const Moment& moment) {
  const auto& target = looked.now;
  if (!target.resource.busy.empty()) return std::nullopt;
  if (auto forced = decide_by_bounds(target)) return forced;
  auto& memory = looked.memory->target;
  auto decision =
      target.own ? decide_by_detector(target, memory, parts_.settings, alarms_, moment) : decide_by_wake(target, memory, moment);
  if (decision || invoked == nullptr) return decision;
  return decide_by_alarms(target, invoked->policy_ids, alarms_, moment);
}

Result<void> Autoscaler::carry_out(const Context& ctx, const Decision& decision, const Invoked* invoked) {
  if (invoked == nullptr) {
    TRY(ledger_.carry_out(ctx, decision));
    return {};
  }
  TRY(ledger_.carry_out(ctx, decision,
                        [&](const View& view, Changes& changes) { alarms_.write(view, invoked->alarm_keys, changes); }));
  alarms_.written(invoked->alarm_keys);
  return {};
}

Result<void> Autoscaler::write_alarms(const Context& ctx) {
  TRY(parts_.state.update(ctx.with_timeout(kCommitTimeout), [&](const View& view) -> Result<Changes> {
    Changes changes;
    alarms_.write(view, {}, changes);
    return changes;
  }));
  alarms_.written({});
  return {};
}

void Autoscaler::keep_insight(const std::vector<Looked>& targets) {
  std::map<ResourceName, TargetInsight> insights;
  for (const auto& [target, memory] : targets) {
    auto name = resource_name(*target.target);
    TargetInsight insight{.start = target.start,
                          .in_flight = target.load.requests.in_flight,
                          .held = target.load.requests.held,
                          .rate = {},
                          .service_seconds = {}};
    const auto& detector = memory->target.detector;
    if (detector) {
      auto recent = detector->load.last(kInsightSeconds);
      if (recent.seconds > 0) insight.rate = recent.arrivals / recent.seconds;
      insight.service_seconds = detector->service.mean();
    }
    insights.emplace(std::move(name), insight);
  }
  auto shared = shared_.lock();
  shared->insights = std::move(insights);
  shared->loads = loads_.components();
}

}  // namespace zeropull::autoscaler
