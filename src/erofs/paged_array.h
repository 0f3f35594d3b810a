// PagedArray<T>: an array that grows by whole pages and moves nothing. A vector of a million inodes doubles into three times
// its memory for a moment; this one never holds more than a page too much. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace zeropull::erofs {

template <typename T>
class PagedArray {
 public:
  std::uint32_t size() const { return size_; }
  T& operator[](std::uint32_t at) { return pages_[at / kPage][at % kPage]; }
  const T& operator[](std::uint32_t at) const { return pages_[at / kPage][at % kPage]; }
  // Appends and returns the new index; the caller keeps size() below 2^32.
  std::uint32_t append(const T& value) {
    if (size_ % kPage == 0) pages_.push_back(std::make_unique_for_overwrite<T[]>(kPage));
    pages_.back()[size_ % kPage] = value;
    return size_++;
  }

 private:
  static constexpr std::uint32_t kPage = 4096;
  std::vector<std::unique_ptr<T[]>> pages_;
  std::uint32_t size_ = 0;
};

}  // namespace zeropull::erofs
