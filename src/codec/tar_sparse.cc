#include "codec/tar_sparse.h"

#include <optional>

#include "base/units.h"
#include "codec/limits.h"
#include "codec/tar_header.h"

namespace zeropull::codec {
namespace {

constexpr std::size_t kLineMax = 24;  // a 64-bit number has at most 20 characters

Error bad_map() { return make_error(Code::kDataLoss, "its sparse map is malformed"); }

Result<std::uint64_t> parse_map_number(std::string_view text) {
  const auto value = parse_decimal(text);
  if (!value || *value < 0) return bad_map();
  return static_cast<std::uint64_t>(*value);
}

Result<std::size_t> parse_count(std::string_view text) {
  const std::uint64_t count = TRY(parse_map_number(text));
  if (count > kSparseRegionsMax) {
    return make_error(Code::kInvalidArgument, "it is a sparse file of {} regions, more than {}", count, kSparseRegionsMax);
  }
  return count;
}

}  // namespace

Result<std::vector<SparseRegion>> parse_sparse_map_0_1(std::string_view count, std::string_view map) {
  const std::size_t expected = TRY(parse_count(count));
  std::vector<SparseRegion> regions;
  bool more = !map.empty();
  while (more) {
    if (regions.size() == expected) return bad_map();
    const auto first = map.find(',');
    if (first == map.npos) return bad_map();
    const auto second = map.find(',', first + 1);
    const std::uint64_t offset = TRY(parse_map_number(map.substr(0, first)));
    const std::uint64_t length = TRY(parse_map_number(map.substr(first + 1, second - first - 1)));
    regions.push_back({offset, length});
    more = second != map.npos;
    if (more) map.remove_prefix(second + 1);
  }
  if (regions.size() != expected) return bad_map();
  return regions;
}

Result<void> SparseMapReader::take(ByteView block) {
  for (const char letter : as_text(block)) {
    if (done()) return {};
    if (letter == '\n') {
      TRY(take_line());
      line_.clear();
    } else {
      if (line_.size() == kLineMax) return bad_map();
      line_.push_back(letter);
    }
  }
  return {};
}

Result<void> SparseMapReader::take_line() {
  if (!counted_) {
    count_ = TRY(parse_count(line_));
    counted_ = true;
    return {};
  }
  const std::uint64_t number = TRY(parse_map_number(line_));
  if (has_offset_) {
    regions_.push_back({offset_, number});
  } else {
    offset_ = number;
  }
  has_offset_ = !has_offset_;
  return {};
}

Result<std::vector<SparseRegion>> normalize_sparse_map(const std::vector<SparseRegion>& regions, std::uint64_t size,
                                                       std::uint64_t data_size) {
  std::vector<SparseRegion> normal;
  std::uint64_t end = 0;    // of the last region
  std::uint64_t total = 0;  // at most `end`, so that it cannot overflow
  for (const SparseRegion& region : regions) {
    const auto region_end = checked_add(region.offset, region.length);
    if (!region_end || *region_end > size || region.offset < end) return bad_map();
    if (region.length > 0) {
      if (!normal.empty() && region.offset == end && normal.back().offset + normal.back().length == end) {
        normal.back().length += region.length;
      } else {
        normal.push_back(region);
      }
    }
    end = *region_end;
    total += region.length;
  }
  if (total != data_size) {
    return make_error(Code::kDataLoss, "its sparse map speaks of {} bytes of data, but {} are stored", total, data_size);
  }
  return normal;
}

}  // namespace zeropull::codec
