#include "control/series/history.h"

#include <algorithm>

#include "control/series/limits.h"

namespace zeropull::series {

namespace {

// A chunk is closed when it has so many bytes: what is dropped late, and what a series' last chunk wastes, stay small beside it.
constexpr std::size_t kChunkBytes = 232;
constexpr std::size_t kRunBytes = 24;  // what most runs need at most

}  // namespace

void History::add(std::int64_t second, Point point) {
  if (length_ > 0 && second == begin_ + length_ && point.sketch == nullptr && point == point_) {
    ++length_;
    return;
  }
  write_run();
  begin_ = second;
  length_ = 1;
  point_ = std::move(point);
}

void History::write_run() {
  if (length_ == 0) return;
  if (chunks_.empty() || chunks_.back().bytes.size() + kRunBytes > kChunkBytes) {
    chunks_.emplace_back();
    chunks_.back().bytes.reserve(kChunkBytes);
  }
  auto& chunk = chunks_.back();
  put_signed(chunk.bytes, begin_ - chunk.before);
  put_varint(chunk.bytes, static_cast<std::uint64_t>(length_));
  put_point(chunk.bytes, point_);
  chunk.before = begin_;
  chunk.first = std::min(chunk.first, begin_);
  chunk.last = std::max(chunk.last, begin_ + length_ - 1);
  ++chunk.runs;
  ++runs_;
  length_ = 0;
  if (runs_ > kRunsMax && chunks_.size() > 1) drop(0);
}

void History::drop(std::size_t chunk) {
  complete_from = std::max(complete_from, chunks_[chunk].last + 1);
  runs_ -= chunks_[chunk].runs;
  chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk));
}

void History::drop_before(std::int64_t oldest) {
  for (std::size_t i = chunks_.size(); i-- > 0;) {
    if (chunks_[i].last < oldest) drop(i);
  }
  if (length_ > 0 && begin_ + length_ <= oldest) {
    complete_from = std::max(complete_from, begin_ + length_);
    length_ = 0;
  }
}

std::size_t History::bytes() const {
  std::size_t sum = 0;
  for (const auto& chunk : chunks_) sum += chunk.bytes.capacity() + sizeof chunk;
  return sum;
}

}  // namespace zeropull::series
