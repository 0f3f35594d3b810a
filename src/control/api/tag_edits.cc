#include "control/api/tag_edits.h"

#include <nlohmann/json.hpp>

#include "control/api/limits.h"

namespace zeropull::api {

using nlohmann::json;
using state::Tags;

void merge_tags(Tags& all, const Tags& added) {
  for (const auto& [key, value] : added) all[key] = value;
}

void erase_tags(Tags& all, const json& keys) {
  for (const auto& key : keys) all.erase(key.get_ref<const std::string&>());
}

json tag_list(Tags::const_iterator from, Tags::const_iterator to) {
  auto list = json::array();
  for (; from != to; ++from) list.push_back({{"Key", from->first}, {"Value", from->second}});
  return list;
}

Result<void> check_tag_count(const Tags& tags, Code code, std::string_view noun) {
  if (tags.size() <= kTagsMax) return {};
  return make_error(code, "The {} would have {} tags; at most {} are allowed.", noun, tags.size(), kTagsMax);
}

}  // namespace zeropull::api
