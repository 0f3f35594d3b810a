#include "control/series/key.h"

#include "base/check.h"
#include "control/series/limits.h"

namespace zeropull::series {

namespace {

Result<void> check_part(std::string_view what, std::string_view text, std::size_t max) {
  if (text.empty()) return make_error(Code::kInvalidArgument, "{} is empty", what);
  if (text.size() > max) return make_error(Code::kInvalidArgument, "{} has more than {} characters", what, max);
  if (text.contains('\0')) return make_error(Code::kInvalidArgument, "{} has a NUL character", what);
  return {};
}

}  // namespace

Result<std::string> canonical(const SeriesKey& key) {
  TRY(check_part("the account", key.account, kAccountMax));
  TRY(check_part("the namespace", key.name_space, kNamespaceMax));
  TRY(check_part("the metric's name", key.metric, kMetricMax));
  if (key.dimensions.size() > kDimensionsMax) {
    return make_error(Code::kInvalidArgument, "a metric has at most {} dimensions", kDimensionsMax);
  }
  // NUL is in no part and sorts before everything, so that the text sorts as the parts do.
  std::string text = key.account;
  text.append(1, '\0').append(key.name_space).append(1, '\0').append(key.metric);
  for (const auto& [name, value] : key.dimensions) {
    TRY(check_part("a dimension's name", name, kDimensionNameMax));
    TRY(check_part("a dimension's value", value, kDimensionValueMax));
    text.append(1, '\0').append(name).append(1, '\0').append(value);
  }
  return text;
}

SeriesKey key_of(std::string_view canonical) {
  auto next = [&canonical, ended = false]() mutable {
    CHECK(!ended);
    const auto at = canonical.find('\0');
    std::string part(canonical.substr(0, at));
    ended = at == std::string_view::npos;
    canonical.remove_prefix(ended ? canonical.size() : at + 1);
    return part;
  };
  SeriesKey key;
  key.account = next();
  key.name_space = next();
  key.metric = next();
  while (!canonical.empty()) {
    auto name = next();
    key.dimensions.emplace(std::move(name), next());
  }
  return key;
}

}  // namespace zeropull::series
