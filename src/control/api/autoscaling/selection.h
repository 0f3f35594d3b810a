// What the Describe operations have in common: which records a call is about, and pages of them.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "control/api/input.h"
#include "control/api/key_pages.h"
#include "control/api/operations.h"
#include "control/state/record_json.h"

namespace zeropull::api::autoscaling {

inline Error needs_resource(std::string_view member) {
  return make_error(Code::kInvalidArgument, "If you specify a scalable dimension, you must also specify {}.", member);
}

// The texts of the list `member` of the input; none where it is absent.
std::set<std::string> names_in(const Call& call, const char* member);

// A page of what stands under `keys`, which are in this order: {"<member>": [show(i), ..], "NextToken": ..}.
Result<nlohmann::json> page_of(const Call& call, const char* member, const std::vector<std::string>& keys,
                               std::size_t page_default, const std::function<nlohmann::json(std::size_t)>& show,
                               KeyOrder order = KeyOrder::kAscending);

// Leaves the records that ResourceId and ScalableDimension name, and whose name is among those of `names`, if any are given.
template <typename T>
Result<void> keep_selected(const Call& call, const char* names, state::List<T>& records) {
  auto resource = text_or(call.input, "ResourceId");
  auto dimension = text_or(call.input, "ScalableDimension");
  if (!dimension.empty() && resource.empty()) return needs_resource("ResourceId");
  const auto wanted = names_in(call, names);
  std::erase_if(records, [&](const auto& record) {
    bool named = true;
    if constexpr (requires { record->name; }) named = wanted.empty() || wanted.contains(record->name);
    return !named || (!resource.empty() && record->resource_id != resource) ||
           (!dimension.empty() && record->dimension != dimension);
  });
  return {};
}

// A page of records that are in the order of their keys.
template <typename T, typename Show>
auto listed(const Call& call, const char* member, const state::List<T>& records, std::size_t page_default, Show show) {
  std::vector<std::string> keys;
  for (const auto& record : records) keys.push_back(state::key_of(static_cast<const T&>(*record)));
  return page_of(call, member, keys, page_default, [&](std::size_t i) { return show(*records[i]); });
}

}  // namespace zeropull::api::autoscaling
