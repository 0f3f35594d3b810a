// Pages: which rows of a list one call of a List operation returns. Filters, order and token are the service's: a token says
// after which row to go on, so that objects which come or go between two pages neither repeat nor hide others. Pure.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/state/records.h"

namespace zeropull::api {

// What a list filters and sorts by; the views must live until the page is made.
struct PageRow {
  std::string_view name;
  std::string_view status;
  state::Millis created = 0;
  state::Millis modified = 0;
  std::size_t index = 0;  // the caller's own
};

struct Page {
  std::vector<std::size_t> indexes;  // in order
  std::string next_token;            // "" at the end
};

// By NameContains, CreationTime.., LastModifiedTime.., StatusEquals, SortBy (CreationTime), SortOrder (Descending), MaxResults
// and NextToken of `input`. kInvalidArgument: a token that another list gave.
Result<Page> select_page(const nlohmann::json& input, std::vector<PageRow> rows);

// The answer: {"<member>": [summary(index), ..], "NextToken": ..}.
nlohmann::json page_answer(std::string_view member, const Page& page,
                           const std::function<nlohmann::json(std::size_t index)>& summary);

}  // namespace zeropull::api
