#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/operations.h"
#include "control/api/pages.h"
#include "control/api/statuses.h"

namespace zeropull::api {

using nlohmann::json;
using state::View;

namespace {

json phases_of(const std::vector<state::PhaseRecord>& phases) {
  auto list = json::array();
  for (const auto& phase : phases) {
    json shown{{"Name", phase.name}, {"Bytes", phase.bytes}, {"TotalBytes", phase.total_bytes}};
    if (phase.begin != 0) shown["BeginTime"] = seconds_of(phase.begin);
    if (phase.end != 0) shown["EndTime"] = seconds_of(phase.end);
    if (!phase.source.empty()) shown["Source"] = phase.source;
    if (!phase.reason.empty()) shown["Reason"] = phase.reason;
    list.push_back(std::move(shown));
  }
  return list;
}

json copy_summary(const state::Copy& copy) {
  json shown{{"CopyId", copy.id},
             {"InferenceComponentName", copy.component},
             {"Phase", status_name(copy.phase)},
             {"PlacedTime", seconds_of(copy.placed)}};
  if (!copy.accelerators.empty()) shown["Accelerators"] = copy.accelerators;
  if (!copy.reason.empty()) shown["Reason"] = copy.reason;
  return shown;
}

json instance_summary(const View& view, const state::Instance& instance) {
  auto endpoint = view.endpoint_by_uid(instance.endpoint_uid);
  json shown{{"InstanceId", instance.id},
             {"EndpointName", endpoint ? endpoint->name : ""},
             {"VariantName", instance.variant},
             {"InstanceType", instance.instance_type},
             {"State", status_name(instance.state)},
             {"Provider", instance.provider},
             {"Handle", instance.handle},
             {"Address", instance.address},
             {"LaunchTime", seconds_of(instance.launched)},
             {"Copies", json::array()}};
  if (instance.ready != 0) shown["ReadyTime"] = seconds_of(instance.ready);
  if (instance.idle_since != 0) shown["IdleSince"] = seconds_of(instance.idle_since);
  if (!instance.reason.empty()) shown["Reason"] = instance.reason;
  for (const auto& copy : view.copies_of_instance(instance.id)) shown["Copies"].push_back(copy_summary(*copy));
  return shown;
}

json shown_entry(const state::TimelineEntry& entry) {
  return {{"Id", entry.id},
          {"Kind", entry.kind},
          {"InferenceComponentName", entry.component},
          {"InstanceId", entry.instance_id},
          {"InstanceType", entry.instance_type},
          {"Outcome", entry.outcome},
          {"LinkBitsPerSecond", entry.link_bits_per_s},
          {"BeginTime", seconds_of(entry.begin)},
          {"Phases", phases_of(entry.phases)}};
}

// A copy that is there, in the form of one that has gone; the rate of its link is its instance type's.
state::TimelineEntry live_entry(const Call& call, const View& view, const state::Copy& copy) {
  state::TimelineEntry entry;
  entry.id = copy.id;
  entry.kind = "copy";
  entry.component = copy.component;
  entry.instance_id = copy.instance_id;
  if (auto instance = view.instance(copy.instance_id)) entry.instance_type = instance->instance_type;
  if (const auto* type = call.parts.instance_types->find(entry.instance_type)) entry.link_bits_per_s = type->link_bits_per_s;
  entry.outcome = copy.phase == state::CopyPhase::kFailed ? "failed: " + copy.reason : copy.ready != 0 ? "ready" : "";
  entry.begin = copy.placed;
  entry.phases = call.parts.live_phases ? call.parts.live_phases(copy) : copy.phases;
  return entry;
}

Result<state::Ptr<state::Endpoint>> own_endpoint(const Call& call, const View& view) {
  auto name = text_or(call.input, "EndpointName");
  auto endpoint = view.endpoint(call.named(name));
  if (endpoint == nullptr) return not_found(call, kEndpointArn, name);
  return endpoint;
}

// The copies whose logs are asked for, the newest first.
Result<state::List<state::Copy>> chosen_copies(const Call& call, const View& view) {
  state::List<state::Copy> copies;
  auto name = text_or(call.input, "InferenceComponentName");
  auto variant = text_or(call.input, "VariantName");
  auto id = text_or(call.input, "CopyId");
  if (!name.empty()) {
    auto component = view.component(call.named(name));
    if (component == nullptr) return not_found(call, kComponentArn, name);
    copies = view.copies_of_component(component->uid);
  } else if (has(call.input, "EndpointName")) {
    auto endpoint = TRY(own_endpoint(call, view));
    copies = view.copies_of_endpoint(endpoint->uid);
  } else {
    return make_error(Code::kInvalidArgument, "GetLogs needs an InferenceComponentName or an EndpointName.");
  }
  std::erase_if(copies, [&](const auto& copy) {
    return (!variant.empty() && copy->variant != variant) || (!id.empty() && copy->id != id);
  });
  if (!id.empty() && copies.empty()) return make_error(Code::kNotFound, "Could not find copy \"{}\".", id);
  std::ranges::sort(copies, [](const auto& a, const auto& b) { return a->placed > b->placed; });
  if (copies.size() > kLogCopiesMax) copies.resize(kLogCopiesMax);
  return copies;
}

}  // namespace

Result<json> list_instances(const Call& call) {
  auto view = call.state().view();
  state::List<state::Instance> instances;
  if (has(call.input, "EndpointName")) {
    auto endpoint = TRY(own_endpoint(call, view));
    instances = view.instances_of_endpoint(endpoint->uid);
  } else {
    for (const auto& endpoint : view.endpoints(call.account)) {
      for (auto& instance : view.instances_of_endpoint(endpoint->uid)) instances.push_back(std::move(instance));
    }
  }
  std::vector<PageRow> rows;
  for (std::size_t i = 0; i < instances.size(); ++i) rows.push_back({instances[i]->id, "", instances[i]->launched, 0, i});
  auto page = TRY(select_page(call.input, std::move(rows)));
  return page_answer("Instances", page, [&](std::size_t i) { return instance_summary(view, *instances[i]); });
}

Result<json> describe_timeline(const Call& call) {
  auto view = call.state().view();
  auto endpoint = TRY(own_endpoint(call, view));
  std::vector<state::TimelineEntry> entries;
  std::set<std::string> ended;
  for (const auto& entry : view.timeline_of_endpoint(endpoint->uid)) {
    entries.push_back(*entry);
    ended.insert(entry->id);
  }
  for (const auto& copy : view.copies_of_endpoint(endpoint->uid)) {
    if (!ended.contains(copy->id)) entries.push_back(live_entry(call, view, *copy));
  }
  std::ranges::sort(entries, {}, &state::TimelineEntry::begin);
  json answer{{"EndpointName", endpoint->name}, {"Entries", json::array()}};
  for (const auto& entry : entries) answer["Entries"].push_back(shown_entry(entry));
  return answer;
}

Result<json> describe_caches(const Call& call) {
  auto endpoint = TRY(own_endpoint(call, call.state().view()));
  json answer{{"EndpointName", endpoint->name}, {"Artifacts", json::array()}};
  if (!call.parts.caches) return answer;
  for (const auto& cached : call.parts.caches(*endpoint)) {
    answer["Artifacts"].push_back({{"Kind", cached.kind},
                                   {"Identity", cached.identity},
                                   {"Bytes", cached.bytes},
                                   {"InStore", cached.in_store},
                                   {"InVolume", cached.in_volume},
                                   {"Instances", cached.instances}});
  }
  return answer;
}

// What the state keeps of a copy's log stands in where its instance cannot be asked, and the answer says why.
Result<json> get_logs(const Call& call) {
  auto copies = TRY(chosen_copies(call, call.state().view()));
  auto bytes_max = static_cast<std::size_t>(int_or(call.input, "BytesMax", kLogBytesDefault));
  json answer{{"Copies", json::array()}};
  for (const auto& copy : copies) {
    auto shown = copy_summary(*copy);
    shown["InstanceId"] = copy->instance_id;
    shown["Log"] = copy->log_tail;
    if (call.parts.read_log) {
      auto log = call.parts.read_log(call.ctx, *copy, bytes_max);
      if (log.ok()) {
        shown["Log"] = *log;
      } else {
        shown["LogError"] = log.error().message();
      }
    }
    answer["Copies"].push_back(std::move(shown));
  }
  return answer;
}

}  // namespace zeropull::api
