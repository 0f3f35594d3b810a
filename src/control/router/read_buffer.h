// ReadBuffer: the bytes of a connection that have been read and not yet used. Grows from kReadMin while reads fill it, to what
// the longest message head needs. Used by one thread.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "control/router/limits.h"

namespace zeropull::router {

class ReadBuffer {
 public:
  // Room for the next read; moves what is left to the front. Never empty: heads are limited below kCapacityMax.
  MutableByteView room() {
    if (begin_ > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (capacity_ == 0 || filled_ || end_ == capacity_) grow();
    return {bytes_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t bytes) {
    end_ += bytes;
    filled_ = end_ == capacity_ && capacity_ < kReadMax;
  }
  void consume(std::size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }
  std::string_view unused() const { return {reinterpret_cast<const char*>(bytes_.get()) + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }

 private:
  void grow() {
    const std::size_t capacity = std::max(2 * capacity_, kReadMin);
    auto bytes = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (end_ > 0) std::memcpy(bytes.get(), bytes_.get(), end_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
    filled_ = false;
  }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
  bool filled_ = false;  // the last read wanted more room
};

}  // namespace zeropull::router
