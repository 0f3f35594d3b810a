#include "control/api/autoscaling/selection.h"

#include <nlohmann/json.hpp>

namespace zeropull::api::autoscaling {

std::set<std::string> names_in(const Call& call, const char* member) {
  if (!has(call.input, member)) return {};
  return call.input[member].get<std::set<std::string>>();
}

Result<nlohmann::json> page_of(const Call& call, const char* member, const std::vector<std::string>& keys,
                               std::size_t page_default, const std::function<nlohmann::json(std::size_t)>& show, KeyOrder order) {
  auto size = static_cast<std::size_t>(int_or(call.input, "MaxResults", static_cast<int>(page_default)));
  auto page = TRY(select_keys(member, keys, text_or(call.input, "NextToken"), size, order));
  auto list = nlohmann::json::array();
  for (auto i = page.begin; i < page.end; ++i) list.push_back(show(i));
  nlohmann::json answer{{member, std::move(list)}};
  if (!page.next_token.empty()) answer["NextToken"] = page.next_token;
  return answer;
}

}  // namespace zeropull::api::autoscaling
