#include "control/api/pages.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "codec/base64.h"
#include "codec/json.h"
#include "control/api/input.h"
#include "control/api/limits.h"

namespace zeropull::api {

namespace {

using nlohmann::json;

struct Order {
  std::string by;
  bool descending;
};

// Where a row stands: names make it unique.
using Position = std::tuple<std::string, state::Millis, std::string>;

Position position_of(const PageRow& row, const Order& order) {
  if (order.by == "Name") return {"", 0, std::string(row.name)};
  if (order.by == "Status") return {std::string(row.status), 0, std::string(row.name)};
  return {"", row.created, std::string(row.name)};
}

bool comes_before(const PageRow& a, const PageRow& b, const Order& order) {
  const bool by_status = order.by == "Status", by_time = order.by == "CreationTime";
  auto key = [&](const PageRow& row) {
    return std::tuple(by_status ? row.status : std::string_view(), by_time ? row.created : 0, row.name);
  };
  return order.descending ? key(b) < key(a) : key(a) < key(b);
}

std::string token_of(const PageRow& row, const Order& order) {
  auto [status, created, name] = position_of(row, order);
  return codec::base64_encode(as_bytes(codec::json_text(json::array({order.by, order.descending, status, created, name}))));
}

Result<Position> parse_token(const std::string& token, const Order& order) {
  auto refused = [] { return make_error(Code::kInvalidArgument, "Invalid NextToken: it is not of this list."); };
  auto bytes = codec::base64_decode(token);
  if (!bytes) return refused();
  auto parts = json::parse(as_text(*bytes), nullptr, false);
  if (!parts.is_array() || parts.size() != 5 || !parts[0].is_string() || !parts[1].is_boolean() || !parts[2].is_string() ||
      !parts[3].is_number_integer() || !parts[4].is_string() || parts[0] != order.by || parts[1] != order.descending) {
    return refused();
  }
  return Position{parts[2].get<std::string>(), parts[3].get<state::Millis>(), parts[4].get<std::string>()};
}

// The request's bounds of a time, read once: there may be ten thousand rows.
struct Bounds {
  std::optional<double> before, after;
  bool hold(state::Millis time) const { return (!before || seconds_of(time) < *before) && (!after || seconds_of(time) > *after); }
};

Bounds bounds_of(const json& input, const char* before, const char* after) {
  Bounds bounds;
  if (has(input, before)) bounds.before = number_or(input, before, 0);
  if (has(input, after)) bounds.after = number_or(input, after, 0);
  return bounds;
}

}  // namespace

Result<Page> select_page(const json& input, std::vector<PageRow> rows) {
  Order order{text_or(input, "SortBy", "CreationTime"), text_or(input, "SortOrder", "Descending") == "Descending"};
  auto contains = text_or(input, "NameContains");
  auto status = text_or(input, "StatusEquals");
  auto created = bounds_of(input, "CreationTimeBefore", "CreationTimeAfter");
  auto modified = bounds_of(input, "LastModifiedTimeBefore", "LastModifiedTimeAfter");
  std::erase_if(rows, [&](const PageRow& row) {
    return row.name.find(contains) == std::string_view::npos || (!status.empty() && row.status != status) ||
           !created.hold(row.created) || !modified.hold(row.modified);
  });
  auto token = text_or(input, "NextToken");
  if (!token.empty()) {
    auto last = TRY(parse_token(token, order));
    std::erase_if(rows, [&](const PageRow& row) {
      return order.descending ? position_of(row, order) >= last : position_of(row, order) <= last;
    });
  }
  auto size = static_cast<std::size_t>(int_or(input, "MaxResults", kPageDefault));
  auto middle = rows.begin() + static_cast<std::ptrdiff_t>(std::min(size, rows.size()));
  std::ranges::partial_sort(rows, middle, [&](const PageRow& a, const PageRow& b) { return comes_before(a, b, order); });
  Page page;
  for (auto at = rows.begin(); at != middle; ++at) page.indexes.push_back(at->index);
  if (middle != rows.end()) page.next_token = token_of(*(middle - 1), order);
  return page;
}

json page_answer(std::string_view member, const Page& page, const std::function<json(std::size_t index)>& summary) {
  auto list = json::array();
  for (auto index : page.indexes) list.push_back(summary(index));
  json answer;
  answer[std::string(member)] = std::move(list);
  if (!page.next_token.empty()) answer["NextToken"] = page.next_token;
  return answer;
}

}  // namespace zeropull::api
