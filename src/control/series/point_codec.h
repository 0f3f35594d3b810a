// Points as bytes: what a series' 1 s points are kept as, and what blocks on disk are made of. A gauge's point takes two bytes
// and its value: three for a small whole number, ten else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/series/point.h"

namespace zeropull::series {

void put_varint(std::string& out, std::uint64_t value);
void put_signed(std::string& out, std::int64_t value);
// A whole number below 2^53 as a varint, anything else as eight bytes.
void put_number(std::string& out, double value);
void put_point(std::string& out, const Point& point);

// Reads what the functions above wrote. Past the end, or at what they never write, it is broken() and everything reads as zero.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t varint();
  std::int64_t signed_varint();
  double number();
  Point point();
  std::string_view bytes(std::size_t count);
  bool at_end() const { return rest_.empty(); }
  bool broken() const { return broken_; }

 private:
  unsigned char byte();
  std::string_view rest_;
  bool broken_ = false;
};

}  // namespace zeropull::series
