// What the Describe operations have in common: which records a call is about, and pages of them. For .cc files that include the
// whole of nlohmann/json before it.
#pragma once

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

// Leaves the records that ResourceId and ScalableDimension name, and whose name is among those of `names`, if any are given.
template <typename T>
Result<void> keep_selected(const Call& call, const char* names, state::List<T>& records) {
  auto resource = text_or(call.input, "ResourceId");
  auto dimension = text_or(call.input, "ScalableDimension");
  if (!dimension.empty() && resource.empty()) return needs_resource("ResourceId");
  std::set<std::string> wanted;
  if (has(call.input, names)) wanted = call.input[names].get<std::set<std::string>>();
  std::erase_if(records, [&](const auto& record) {
    bool named = true;
    if constexpr (requires { record->name; }) named = wanted.empty() || wanted.contains(record->name);
    return !named || (!resource.empty() && record->resource_id != resource) ||
           (!dimension.empty() && record->dimension != dimension);
  });
  return {};
}

// A page of records that are in the order of their keys: {"<member>": [show(record), ..], "NextToken": ..}.
template <typename T, typename Show>
Result<nlohmann::json> listed(const Call& call, const char* member, const state::List<T>& records, std::size_t page_default,
                              Show show) {
  std::vector<std::string> keys;
  for (const auto& record : records) keys.push_back(state::key_of(static_cast<const T&>(*record)));
  auto size = static_cast<std::size_t>(int_or(call.input, "MaxResults", static_cast<int>(page_default)));
  auto page = TRY(select_keys(member, keys, text_or(call.input, "NextToken"), size));
  auto list = nlohmann::json::array();
  for (auto i = page.begin; i < page.end; ++i) list.push_back(show(*records[i]));
  nlohmann::json answer{{member, std::move(list)}};
  if (!page.next_token.empty()) answer["NextToken"] = page.next_token;
  return answer;
}

}  // namespace zeropull::api::autoscaling
