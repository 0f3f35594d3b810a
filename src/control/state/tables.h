// Tables: the records of a State in memory, one ordered map by key, and sets of records by what they belong to (an index has a
// name such as "copy of instance/i-1"). Used by State and View alone, under State's lock.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <variant>

#include "control/state/state.h"

namespace zeropull::state {

using AnyPtr = std::variant<Ptr<AccessKey>, Ptr<Model>, Ptr<EndpointConfig>, Ptr<Endpoint>, Ptr<Component>, Ptr<Instance>,
                            Ptr<Copy>, Ptr<TimelineEntry>, Ptr<Machine>, Ptr<JoinToken>, Ptr<ScalableTarget>, Ptr<ScalingPolicy>,
                            Ptr<ScheduledAction>, Ptr<Alarm>, Ptr<ScalingActivity>>;
// Indexes that scaling_views.cc reads.
inline constexpr std::string_view kTargetById = "scalable target by id";
inline constexpr std::string_view kPolicyById = "scaling policy by id";
inline constexpr std::string_view kAlarmOfPolicy = "alarm of policy";

using Rows = std::map<std::string, AnyPtr, std::less<>>;

struct Tables {
  Rows rows;
  std::unordered_map<std::string, Rows> indexes;

  void put(const std::string& key, AnyRecord record, Revision revision);
  void remove(const std::string& key);
  Revision revision_of(std::string_view key) const;         // 0: no such record
  std::string endpoint_uid_of(std::string_view key) const;  // see Changed

  template <typename T>
  Ptr<T> find(std::string_view key) const {
    auto found = rows.find(key);
    return found == rows.end() ? nullptr : std::get<Ptr<T>>(found->second);
  }
  template <typename T>
  List<T> with_prefix(std::string_view prefix) const {
    List<T> list;
    for (auto at = rows.lower_bound(prefix); at != rows.end() && at->first.starts_with(prefix); ++at) {
      list.push_back(std::get<Ptr<T>>(at->second));
    }
    return list;
  }
  template <typename T>
  List<T> indexed(const std::string& index) const {
    List<T> list;
    auto found = indexes.find(index);
    if (found == indexes.end()) return list;
    list.reserve(found->second.size());
    for (const auto& [key, row] : found->second) list.push_back(std::get<Ptr<T>>(row));
    return list;
  }
  template <typename T>
  Ptr<T> indexed_one(const std::string& index) const {
    auto found = indexes.find(index);
    return found == indexes.end() ? nullptr : std::get<Ptr<T>>(found->second.begin()->second);
  }
};

// What the keys of an account's records of a kind begin with.
std::string of_account(std::string_view kind, std::string_view account);

}  // namespace zeropull::state
