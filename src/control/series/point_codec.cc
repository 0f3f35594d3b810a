#include "control/series/point_codec.h"

#include <cmath>
#include <cstring>

#include "control/series/limits.h"

namespace zeropull::series {

namespace {

constexpr unsigned char kCountIsOne = 1, kOneValue = 2, kSumIsProduct = 4, kOpaque = 8, kHasSketch = 16, kAllFlags = 31;
// A number's first byte has bit 0 clear for a whole number's varint; this one announces eight bytes.
constexpr char kEightBytes = 1;
constexpr double kWholeMax = 4503599627370496.0;  // 2^52: its zigzag form, doubled, is far from 2^64

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

}  // namespace

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_signed(std::string& out, std::int64_t value) { put_varint(out, zigzag(value)); }

void put_number(std::string& out, double value) {
  if (std::abs(value) <= kWholeMax && value == std::trunc(value) && !(value == 0 && std::signbit(value))) {
    put_varint(out, zigzag(static_cast<std::int64_t>(value)) << 1);
    return;
  }
  out.push_back(kEightBytes);
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof raw);
}

void put_point(std::string& out, const Point& point) {
  unsigned flags = 0;
  if (point.count == 1) flags |= kCountIsOne;
  if (point.minimum == point.maximum) flags |= kOneValue;
  if (point.sum == point.minimum * point.count) flags |= kSumIsProduct;
  if (point.opaque) flags |= kOpaque;
  if (point.sketch != nullptr) flags |= kHasSketch;
  out.push_back(static_cast<char>(flags));
  put_number(out, point.minimum);
  if ((flags & kCountIsOne) == 0) put_number(out, point.count);
  if ((flags & kOneValue) == 0) put_number(out, point.maximum);
  if ((flags & kSumIsProduct) == 0) put_number(out, point.sum);
  if (point.sketch == nullptr) return;
  out.push_back(static_cast<char>(point.sketch->level));
  put_varint(out, point.sketch->buckets.size());
  std::int64_t before = 0;
  for (const auto& bucket : point.sketch->buckets) {
    put_signed(out, bucket.key - before);
    put_number(out, bucket.count);
    before = bucket.key;
  }
}

unsigned char ByteReader::byte() {
  if (rest_.empty()) {
    broken_ = true;
    return 0;
  }
  const auto value = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto next = byte();
    value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
    if ((next & 0x80) == 0) return value;
  }
  broken_ = true;
  return 0;
}

std::int64_t ByteReader::signed_varint() { return unzigzag(varint()); }

std::string_view ByteReader::bytes(std::size_t count) {
  if (count > rest_.size()) {
    broken_ = true;
    rest_ = {};
    return {};
  }
  const auto taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

double ByteReader::number() {
  if (!rest_.empty() && rest_.front() == kEightBytes) {
    byte();
    const auto raw = bytes(sizeof(double));
    double value = 0;
    if (!broken_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  return static_cast<double>(unzigzag(varint() >> 1));
}

Point ByteReader::point() {
  Point point;
  const auto flags = byte();
  if (flags > kAllFlags) broken_ = true;
  point.minimum = number();
  point.count = (flags & kCountIsOne) != 0 ? 1 : number();
  point.maximum = (flags & kOneValue) != 0 ? point.minimum : number();
  point.sum = (flags & kSumIsProduct) != 0 ? point.minimum * point.count : number();
  point.opaque = (flags & kOpaque) != 0;
  if ((flags & kHasSketch) != 0 && !broken_) {
    point.sketch = std::make_unique<Sketch>();
    point.sketch->level = byte();
    const auto count = varint();
    if (count == 0 || count > kBucketsMax || point.sketch->level > 20) broken_ = true;
    std::int64_t key = 0;
    for (std::uint64_t i = 0; i < count && !broken_; ++i) {
      const auto step = signed_varint();
      if (std::abs(step) > 2 * INT16_MAX || (i > 0 && step <= 0)) broken_ = true;
      key += step;
      if (std::abs(key) > INT16_MAX) broken_ = true;
      const auto count_of_it = number();
      if (!broken_) point.sketch->buckets.push_back({static_cast<std::int16_t>(key), count_of_it});
    }
  }
  if (broken_) return {};
  return point;
}

}  // namespace zeropull::series
