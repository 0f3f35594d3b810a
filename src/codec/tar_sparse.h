// The forms in which tar archives carry the map of a sparse file's data: text of the PAX formats 0.1 and 1.0 (numbers of the old
// GNU format are read by tar_header.h), and the check that all of them pass. Internal to the codec room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/tar.h"

namespace zeropull::codec {

// "offset,length,offset,length,..." with as many pairs as `count` says.
Result<std::vector<SparseRegion>> parse_sparse_map_0_1(std::string_view count, std::string_view map);

// Format 1.0: lines at the beginning of the file's data, a count and then an offset and a length for each region, filled up to a
// whole block. Takes blocks until it is done.
class SparseMapReader {
 public:
  bool done() const { return counted_ && regions_.size() == count_; }
  Result<void> take(ByteView block);
  std::vector<SparseRegion> regions() && { return std::move(regions_); }

 private:
  Result<void> take_line();

  std::string line_;
  bool counted_ = false;
  std::size_t count_ = 0;
  bool has_offset_ = false;
  std::uint64_t offset_ = 0;
  std::vector<SparseRegion> regions_;
};

// Checks that the regions ascend within `size` and hold exactly `data_size` bytes; drops empty ones and joins those that touch.
Result<std::vector<SparseRegion>> normalize_sparse_map(const std::vector<SparseRegion>& regions, std::uint64_t size,
                                                       std::uint64_t data_size);

}  // namespace zeropull::codec
