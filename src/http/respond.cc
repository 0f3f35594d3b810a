// The helpers of server.h that need no Beast.
#include "http/range.h"
#include "http/server.h"
#include "http/url.h"

namespace zeropull::http {

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    auto equals = pair.find('=');
    if (percent_decode(pair.substr(0, equals)) != name) continue;
    if (equals == std::string_view::npos) return std::string();
    return percent_decode(pair.substr(equals + 1));
  }
  return std::nullopt;
}

ServerResponse respond_with_range(const ServerRequest& request, std::uint64_t size, const OpenRange& open) {
  auto range = parse_range(request.headers.find("Range"), size);
  if (!range) return {.status = 416, .headers = {{"Content-Range", "bytes */" + std::to_string(size)}}, .body = {}};
  const ByteRange wanted = range->value_or(ByteRange{0, size});
  auto body = open(wanted);
  if (!body) return {.status = 500, .headers = {}, .body = body.error().message() + "\n"};
  ServerResponse response{.status = 200, .headers = {{"Accept-Ranges", "bytes"}}, .body = std::move(*body)};
  if (*range) {
    response.status = 206;
    response.headers.add("Content-Range", content_range_header(wanted, size));
  }
  return response;
}

}  // namespace zeropull::http
