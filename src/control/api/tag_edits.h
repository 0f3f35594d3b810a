// What the tag operations of every service do alike.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "control/api/operations.h"

namespace zeropull::api {

void merge_tags(state::Tags& all, const state::Tags& added);
void erase_tags(state::Tags& all, const nlohmann::json& keys);
// [{"Key": .., "Value": ..}, ..], in the order of the keys.
nlohmann::json tag_list(state::Tags::const_iterator from, state::Tags::const_iterator to);

// `code` where a record, a `noun` to its owner, would have more tags than it may.
Result<void> check_tag_count(const state::Tags& tags, Code code, std::string_view noun);

// Writes a record with the tags that `edit` leaves of its own. `code` and `noun` as above.
template <typename T, typename Edit>
Result<void> put_edited_tags(state::Changes& changes, const state::Ptr<T>& was, Code code, std::string_view noun, Edit edit) {
  T next = *was;
  edit(next.tags);
  TRY(check_tag_count(next.tags, code, noun));
  changes.put(was, std::move(next));
  return {};
}

// Commits such an edit of the record that `find(call, view)` names, a Result of its Ptr.
template <typename Find, typename Edit>
Result<void> edit_tags(const Call& call, Code code, std::string_view noun, Find find, Edit edit) {
  TRY(call.state().update(call.ctx, [&](const state::View& view) -> Result<state::Changes> {
    auto record = TRY(find(call, view));
    state::Changes changes;
    TRY(put_edited_tags(changes, record, code, noun, edit));
    return changes;
  }));
  return {};
}

}  // namespace zeropull::api
