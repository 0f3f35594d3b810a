#include "control/api/key_pages.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/base64.h"
#include "codec/json.h"

namespace zeropull::api {

using nlohmann::json;

std::string make_token(std::string_view list, std::string_view content) {
  return codec::base64_encode(as_bytes(codec::json_text(json::array({list, content}))));
}

Result<std::string> read_token(std::string_view list, const std::string& token) {
  auto refused = [] { return make_error(Code::kOutOfRange, "The NextToken is not of this list."); };
  auto bytes = codec::base64_decode(token);
  if (!bytes) return refused();
  auto parts = json::parse(as_text(*bytes), nullptr, false);
  if (!parts.is_array() || parts.size() != 2 || parts[0] != list || !parts[1].is_string()) return refused();
  return parts[1].get<std::string>();
}

Result<KeyPage> select_keys(std::string_view list, const std::vector<std::string>& keys, const std::string& token,
                            std::size_t size, KeyOrder order) {
  KeyPage page;
  if (!token.empty()) {
    auto last = TRY(read_token(list, token));
    auto after = std::ranges::find_if(
        keys, [&](const std::string& key) { return order == KeyOrder::kAscending ? key > last : key < last; });
    page.begin = static_cast<std::size_t>(after - keys.begin());
  }
  page.end = std::min(page.begin + size, keys.size());
  if (page.end < keys.size()) page.next_token = make_token(list, keys[page.end - 1]);
  return page;
}

}  // namespace zeropull::api
