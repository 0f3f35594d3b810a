#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "control/fleet/component_goal.h"
#include "control/fleet/limits.h"
#include "control/fleet/steps.h"

namespace zeropull::fleet {

using namespace state;

namespace {

const agent::CopyReport* find_report(const InstanceSight& sight, const std::string& copy_id) {
  if (!sight.report) return nullptr;
  auto at = std::ranges::find(sight.report->copies, copy_id, &agent::CopyReport::id);
  return at == sight.report->copies.end() ? nullptr : &*at;
}

// Progress within a phase is not worth a commit for each report: Reconciler::live_phases() tells it.
bool same_milestones(const std::vector<PhaseRecord>& a, const std::vector<PhaseRecord>& b) {
  return std::ranges::equal(a, b, [](const PhaseRecord& x, const PhaseRecord& y) {
    return x.name == y.name && x.begin == y.begin && x.end == y.end &&
           (x.end == 0 || (x.bytes == y.bytes && x.source == y.source));
  });
}

std::uint64_t link_of(const std::string& type, const StepInput& in) {
  const auto* found = in.types.find(type);
  return found == nullptr ? 0 : found->link_bits_per_s;
}

void record_copy(Draft& draft, const StepInput& in, const Copy& copy, const std::string& outcome) {
  const auto* instance = draft.instance(copy.instance_id);
  std::string type = instance == nullptr ? "" : (*instance)->instance_type;
  draft.put_timeline({.id = copy.id,
                      .endpoint_uid = copy.endpoint_uid,
                      .component = copy.component,
                      .instance_id = copy.instance_id,
                      .instance_type = type,
                      .kind = "copy",
                      .outcome = outcome,
                      .link_bits_per_s = link_of(type, in),
                      .begin = copy.placed,
                      .phases = copy.phases});
}

void learn_model_identity(Draft& draft, const Copy& copy, const std::string& instance_type, const std::string& identity) {
  auto* component = draft.component(copy.component_uid);
  if (component == nullptr || identity.empty()) return;
  auto fill = [&](std::vector<ComponentSpec>& specs) {
    for (auto& spec : specs) {
      bool same = &spec == spec_on(specs, instance_type);
      if (same && !spec.container.model.uri.empty()) spec.container.model_identity = identity;
    }
  };
  auto lacks = [&](const std::vector<ComponentSpec>& specs) {
    const auto* spec = spec_on(specs, instance_type);
    return spec != nullptr && !spec->container.model.uri.empty() && spec->container.model_identity.empty();
  };
  const Component& now = **component;
  for (std::size_t i = 0; i < now.deployed.size(); ++i) {
    if (now.deployed[i].revision == copy.spec_revision && lacks(now.deployed[i].specs)) fill(component->edit().deployed[i].specs);
  }
  if ((*component)->spec_revision == copy.spec_revision && lacks((*component)->specs)) fill(component->edit().specs);
}

// Whether "host:port" is a port of this host. The router connects to it, so an agent may name no other host.
bool is_on_host(std::string_view address, std::string_view host) {
  if (host.empty() || !address.starts_with(host) || address.size() <= host.size() || address[host.size()] != ':') return false;
  auto digits = address.substr(host.size() + 1);
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port != 0;
}

void take_failure(Draft& draft, const StepInput& in, Row<Copy>& row, const std::string& reason, const std::string& log_tail) {
  if (row->phase == CopyPhase::kFailed) return;
  row.set(&Copy::phase, CopyPhase::kFailed);
  row.set(&Copy::reason, limited_reason(reason));
  row.set(&Copy::log_tail, log_tail);
  row.set(&Copy::draining, in.seen.now);  // since when it holds its place in vain
  record_copy(draft, in, *row, "failed: " + row->reason);
}

void take_copy_report(Draft& draft, const StepInput& in, Row<Copy>& row, const agent::CopyReport& report) {
  auto phases = phases_of(*row, report);
  bool news = !same_milestones(row->phases, phases);
  if (news) row.edit().phases = std::move(phases);
  row.set(&Copy::crashes, static_cast<int>(report.crashes));
  const auto* instance = draft.instance(row->instance_id);
  if (instance != nullptr) learn_model_identity(draft, *row, (*instance)->instance_type, report.model_identity);
  if (is_ending(*row)) return;
  switch (report.state) {
    case agent::CopyState::kPreparing: row.set(&Copy::phase, CopyPhase::kPreparing); break;
    case agent::CopyState::kStarting: row.set(&Copy::phase, CopyPhase::kStarting); break;
    case agent::CopyState::kUnhealthy:
      row.set(&Copy::phase, CopyPhase::kUnhealthy);
      row.set(&Copy::reason, limited_reason(report.reason));
      break;
    case agent::CopyState::kReady:
      if (instance == nullptr || !is_on_host(report.address, (*instance)->address)) {
        take_failure(draft, in, row,
                     fmt::format("its agent says that it answers at {:?}, which is no port of instance {} at {}", report.address,
                                 row->instance_id, instance == nullptr ? "no address" : (*instance)->address),
                     report.log_tail);
        break;
      }
      news = news || row->ready == 0;
      row.set(&Copy::address, report.address);
      row.set(&Copy::phase, CopyPhase::kReady);
      row.set(&Copy::reason, std::string());
      if (row->ready == 0) row.set(&Copy::ready, in.seen.now);
      if (news) record_copy(draft, in, *row, "ready");
      break;
    case agent::CopyState::kFailed:
      take_failure(draft, in, row, report.reason.empty() ? "the copy failed" : report.reason, report.log_tail);
      break;
    case agent::CopyState::kStopping:
    case agent::CopyState::kStopped: break;  // of a copy that was let go; else the agent starts it again
  }
}

}  // namespace

std::vector<PhaseRecord> phases_of(const Copy& copy, const agent::CopyReport& report) {
  std::vector<PhaseRecord> phases;
  if (!copy.phases.empty() && copy.phases.front().name == kDetectPhase) phases.push_back(copy.phases.front());
  for (const auto& phase : report.phases) {
    phases.push_back({.name = phase.name,
                      .begin = static_cast<Millis>(phase.begin_unix_ms),
                      .end = static_cast<Millis>(phase.end_unix_ms),
                      .bytes = phase.bytes,
                      .total_bytes = phase.total_bytes,
                      .source = phase.source,
                      .reason = phase.reason});
  }
  return phases;
}

bool is_ending(const Copy& copy) { return copy.phase == CopyPhase::kDraining || copy.phase == CopyPhase::kStopping; }
bool is_serving(const Copy& copy) { return copy.phase == CopyPhase::kReady && !copy.address.empty(); }

void let_go(Row<Copy>& copy, const StepInput& in, const std::string& reason) {
  if (is_ending(*copy)) return;
  bool served = copy->phase == CopyPhase::kReady || copy->phase == CopyPhase::kUnhealthy;
  copy.set(&Copy::phase, served ? CopyPhase::kDraining : CopyPhase::kStopping);
  copy.set(&Copy::draining, in.seen.now);
  if (copy->reason.empty()) copy.set(&Copy::reason, limited_reason(reason));
}

void take_reports(Draft& draft, const StepInput& in) {
  for (auto& row : draft.instances) {
    auto sight = in.seen.instances.find(row->id);
    if (sight == in.seen.instances.end() || !sight->second.report) continue;
    if (row->state != InstanceState::kLaunching || row->handle.empty()) continue;
    row.set(&Instance::state, InstanceState::kReady);
    row.set(&Instance::ready, in.seen.now);
    draft.put_timeline(
        {.id = row->id,
         .endpoint_uid = row->endpoint_uid,
         .component = "",
         .instance_id = row->id,
         .instance_type = row->instance_type,
         .kind = "instance",
         .outcome = "ready",
         .link_bits_per_s = link_of(row->instance_type, in),
         .begin = row->launched,
         .phases = {{.name = "provision", .begin = row->launched, .end = in.seen.now, .source = "", .reason = ""}}});
  }
  for (auto& row : draft.copies) {
    auto sight = in.seen.instances.find(row->instance_id);
    if (sight == in.seen.instances.end()) continue;
    const auto* report = find_report(sight->second, row->id);
    if (report != nullptr) take_copy_report(draft, in, row, *report);
    bool ended = report == nullptr || report->state == agent::CopyState::kStopped;
    if (row->phase == CopyPhase::kStopping && ended && sight->second.answers_last) row.remove();
  }
}

void prune_timeline(Draft& draft, const StepInput& in) {
  if (draft.timeline.size() <= in.policy.timeline_entries_max) return;
  std::vector<Row<TimelineEntry>*> rows;
  for (auto& row : draft.timeline) rows.push_back(&row);
  std::ranges::sort(rows, {}, [](const auto* row) { return (*row)->begin; });
  for (std::size_t i = 0; i + in.policy.timeline_entries_max < rows.size(); ++i) rows[i]->remove();
}

void give_up_lost(Draft& draft, const StepInput& in) {
  const auto now = in.seen.now;
  for (auto& row : draft.instances) {
    auto at = in.seen.instances.find(row->id);
    if (at == in.seen.instances.end() || row->handle.empty()) continue;
    const auto& sight = at->second;
    auto silent = std::chrono::floor<std::chrono::milliseconds>(in.seen.steady - sight.heard).count();
    if (row->state == InstanceState::kReady) {
      bool lost = (silent > in.policy.silent_after_ms && sight.gone) || silent > in.policy.lost_after_ms;
      if (!lost) continue;
      row.set(&Instance::state, InstanceState::kLost);
      row.set(&Instance::reason,
              fmt::format("its agent was not heard for {} s{}", silent / 1000, sight.gone ? " and the instance is gone" : ""));
    } else if (row->state == InstanceState::kLaunching) {
      bool late = now - row->launched > in.policy.connect_timeout_ms;
      if (!late && !sight.gone) continue;
      row.set(&Instance::state, InstanceState::kReleasing);
      row.set(&Instance::reason, late ? fmt::format("its agent did not connect within {} s", in.policy.connect_timeout_ms / 1000)
                                      : std::string("it ended before its agent connected"));
      draft.set_status_message(row->variant, fmt::format("Instance {} ({}): {}", row->id, row->instance_type, row->reason));
    }
  }
  for (auto& row : draft.copies) {
    const auto* instance = draft.instance(row->instance_id);
    bool there =
        instance != nullptr && ((*instance)->state == InstanceState::kLaunching || (*instance)->state == InstanceState::kReady);
    if (there || row.removed()) continue;
    record_copy(draft, in, *row, "lost: " + (instance == nullptr ? std::string("its instance is gone") : (*instance)->reason));
    row.remove();
  }
}

}  // namespace zeropull::fleet
