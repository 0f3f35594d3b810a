// Pages of lists that have one order: a token says after which row to go on, so that rows that come or go between two pages
// neither repeat nor hide others. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::api {

enum class KeyOrder { kAscending, kDescending };

struct KeyPage {
  std::size_t begin = 0, end = 0;  // of the keys
  std::string next_token;          // "" at the end
};

// `keys` are distinct and in order. kOutOfRange: a token that another list gave.
Result<KeyPage> select_keys(std::string_view list, const std::vector<std::string>& keys, const std::string& token,
                            std::size_t size, KeyOrder order = KeyOrder::kAscending);

// What a token of this list holds; tokens are opaque to callers. kOutOfRange as above.
std::string make_token(std::string_view list, std::string_view content);
Result<std::string> read_token(std::string_view list, const std::string& token);

}  // namespace zeropull::api
