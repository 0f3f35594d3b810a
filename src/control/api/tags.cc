#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/base64.h"
#include "control/api/arns.h"
#include "control/api/input.h"
#include "control/api/limits.h"
#include "control/api/operations.h"
#include "control/api/tag_edits.h"

namespace zeropull::api {

using nlohmann::json;
using state::Changes;
using state::Tags;
using state::View;

namespace {

using ChangeTags = std::function<Result<void>(Tags&)>;

template <typename T>
Result<void> put_changed(Changes& changes, const state::Ptr<T>& was, const ChangeTags& change) {
  T next = *was;
  TRY(change(next.tags));
  if (next.tags != was->tags) changes.put(was, std::move(next));
  return {};
}

// The object that the ARN names, if it is there and the caller's. `use` gets a Ptr of whichever record it is.
template <typename Use>
Result<void> with_tagged(const Call& call, const View& view, const std::string& text, Use use) {
  auto arn = parse_arn(text);
  auto missing = [&] { return make_error(Code::kNotFound, "Could not find resource \"{}\".", text); };
  if (!arn || arn->account != call.account || arn->region != call.parts.region) return missing();
  auto named = call.named(arn->name);
  if (arn->kind == kModelArn) {
    if (auto found = view.model(named)) return use(found);
  } else if (arn->kind == kEndpointConfigArn) {
    if (auto found = view.endpoint_config(named)) return use(found);
  } else if (arn->kind == kEndpointArn) {
    if (auto found = view.endpoint_in_any_case(named)) return use(found);  // ARNs may be lower-cased
  } else if (arn->kind == kComponentArn) {
    if (auto found = view.component(named); found && !found->implicit) return use(found);
  }
  return missing();
}

Result<Tags> change_tags(const Call& call, const ChangeTags& change) {
  Tags after;
  TRY(call.state().update(call.ctx, [&](const View& view) -> Result<Changes> {
    Changes changes;
    TRY(with_tagged(call, view, text_or(call.input, "ResourceArn"), [&](const auto& found) {
      return put_changed(changes, found, [&](Tags& tags) -> Result<void> {
        TRY(change(tags));
        after = tags;
        return {};
      });
    }));
    return changes;
  }));
  return after;
}

}  // namespace

Result<json> add_tags(const Call& call) {
  auto added = TRY(tags_of(call.input));
  auto tags = TRY(change_tags(call, [&](Tags& all) -> Result<void> {
    merge_tags(all, added);
    return check_tag_count(all, Code::kResourceExhausted, "resource");
  }));
  return json{{"Tags", tag_list(tags.begin(), tags.end())}};
}

Result<json> delete_tags(const Call& call) {
  TRY(change_tags(call, [&](Tags& all) -> Result<void> {
    erase_tags(all, call.input["TagKeys"]);
    return {};
  }));
  return json::object();
}

// The token is the key after which the page begins.
Result<json> list_tags(const Call& call) {
  Tags tags;
  TRY(with_tagged(call, call.state().view(), text_or(call.input, "ResourceArn"), [&](const auto& found) -> Result<void> {
    tags = found->tags;
    return {};
  }));
  auto from = tags.cbegin();
  if (auto token = text_or(call.input, "NextToken"); !token.empty()) {
    auto after = codec::base64_decode(token);
    if (!after) return make_error(Code::kInvalidArgument, "Invalid NextToken: it is not of this list.");
    from = tags.upper_bound(std::string(as_text(*after)));
  }
  auto size = static_cast<std::ptrdiff_t>(int_or(call.input, "MaxResults", kTagPageDefault));
  auto to = std::distance(from, tags.cend()) > size ? std::next(from, size) : tags.cend();
  json answer{{"Tags", tag_list(from, to)}};
  if (to != tags.cend()) answer["NextToken"] = codec::base64_encode(as_bytes(std::prev(to)->first));
  return answer;
}

}  // namespace zeropull::api
