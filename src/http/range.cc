#include "http/range.h"

#include <fmt/core.h>

#include <algorithm>

#include "http/headers.h"

namespace zeropull::http {

std::string range_header(ByteRange range) { return fmt::format("bytes={}-{}", range.offset, range.offset + range.length - 1); }

std::string range_from_header(std::uint64_t offset) { return fmt::format("bytes={}-", offset); }

Result<std::optional<ByteRange>> parse_range(std::optional<std::string_view> header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const std::optional<ByteRange> whole;
  if (!header || !header->starts_with(kUnit)) return whole;
  auto spec = trim(header->substr(kUnit.size()));
  auto dash = spec.find('-');
  if (dash == std::string_view::npos || spec.contains(',')) return whole;
  auto first = parse_size(spec.substr(0, dash));
  auto last = parse_size(spec.substr(dash + 1));
  const auto unsatisfiable = [&] { return make_error(Code::kOutOfRange, "range \"{}\" of {} bytes", spec, size); };

  if (dash == 0) {  // the last N bytes
    if (!last) return whole;
    if (*last == 0 || size == 0) return unsatisfiable();
    auto length = std::min(*last, size);
    return std::optional(ByteRange{size - length, length});
  }
  bool open_ended = dash + 1 == spec.size();
  if (!first || (!last && !open_ended) || (last && *last < *first)) return whole;
  if (*first >= size) return unsatisfiable();
  auto end = last ? std::min(*last, size - 1) : size - 1;
  return std::optional(ByteRange{*first, end - *first + 1});
}

std::optional<ContentRange> parse_content_range(std::string_view header) {
  constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  auto spec = header.substr(kUnit.size());
  auto dash = spec.find('-');
  auto slash = spec.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  auto first = parse_size(spec.substr(0, dash));
  auto last = parse_size(spec.substr(dash + 1, slash - dash - 1));
  if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
  ContentRange out{{*first, *last - *first + 1}, std::nullopt};
  if (auto total = spec.substr(slash + 1); total != "*") {
    out.total = parse_size(total);
    if (!out.total || *last >= *out.total) return std::nullopt;
  }
  return out;
}

std::string content_range_header(ByteRange range, std::uint64_t total) {
  return fmt::format("bytes {}-{}/{}", range.offset, range.offset + range.length - 1, total);
}

}  // namespace zeropull::http
