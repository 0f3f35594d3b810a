// Byte ranges of HTTP (RFC 9110 section 14): the Range header that a server reads and the Content-Range that a client checks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zeropull::http {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const ByteRange&) const = default;
};

// "bytes=10-19" for {10, 10}; length is not 0.
std::string range_header(ByteRange range);
// "bytes=10-", from `offset` to the end.
std::string range_from_header(std::uint64_t offset);

// What a Range header asks of a resource of `size` bytes. nullopt: no single satisfiable-or-not byte range was asked (absent,
// several ranges, another unit), so the whole is served; kOutOfRange: answer 416.
Result<std::optional<ByteRange>> parse_range(std::optional<std::string_view> header, std::uint64_t size);

// "bytes 10-19/100", with the total absent when it is "*".
struct ContentRange {
  ByteRange range;
  std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view header);
std::string content_range_header(ByteRange range, std::uint64_t total);

}  // namespace zeropull::http
