#include "control/series/block.h"

#include "base/check.h"
#include "control/series/limits.h"
#include "control/series/point_codec.h"

namespace zeropull::series {

namespace {

// Bytes: 1 and 32 bytes of bits for what repeats, or 0; the number of entries; each entry the distance of its series to the one
// before, its length, its point.
constexpr std::size_t kBitBytes = kShardSeries / 8;
using Bits = std::array<char, kBitBytes>;

bool bit(std::string_view bits, std::size_t at) {
  return !bits.empty() && (static_cast<unsigned char>(bits[at / 8]) >> (at % 8) & 1) != 0;
}

class EntryWriter {
 public:
  void add(std::uint8_t series, const Point& point) {
    put_varint(entries_, static_cast<std::uint64_t>(series - before_));
    before_ = series;
    scratch_.clear();
    put_point(scratch_, point);
    put_varint(entries_, scratch_.size());
    entries_ += scratch_;
    ++count_;
  }
  void repeat(std::uint8_t series) {
    repeats_ = true;
    bits_[series / 8] = static_cast<char>(bits_[series / 8] | (1 << (series % 8)));
  }
  std::string bytes() const {
    std::string out(1, repeats_ ? '\1' : '\0');
    if (repeats_) out.append(bits_.data(), bits_.size());
    put_varint(out, count_);
    return out + entries_;
  }

 private:
  int before_ = 0;
  bool repeats_ = false;
  Bits bits_{};
  std::size_t count_ = 0;
  std::string entries_, scratch_;
};

// Calls repeated(bits) once, then entry(series, reader of the point's bytes) for each entry until it answers false.
template <typename Repeated, typename Entry>
void walk(std::string_view bytes, Repeated repeated, Entry entry) {
  ByteReader reader(bytes);
  repeated(reader.varint() != 0 ? reader.bytes(kBitBytes) : std::string_view());
  const auto count = reader.varint();
  std::uint64_t series = 0;
  for (std::uint64_t i = 0; i < count && !reader.broken(); ++i) {
    series += reader.varint();
    ByteReader point(reader.bytes(reader.varint()));
    if (reader.broken() || series >= kShardSeries || !entry(static_cast<std::size_t>(series), point)) return;
  }
}

}  // namespace

Block Chain::next(std::int64_t start, std::int64_t period, const std::vector<BlockPoint>& points) {
  CHECK(fits(start));
  const bool whole = last_.empty() || start >= whole_start_ + kWholeEvery * period;
  if (whole) {
    last_.clear();
    last_.resize(kShardSeries);
    whole_start_ = start;
  }
  last_start_ = start;
  EntryWriter writer;
  for (const auto& [series, point] : points) {
    auto& last = last_[series];
    if (!last.empty() && last == point) {
      writer.repeat(series);
      continue;
    }
    writer.add(series, point);
    last = point.sketch == nullptr ? point.clone() : Point();  // what has a sketch is never the same again
  }
  return {whole ? BlockKind::kWhole : BlockKind::kChained, writer.bytes()};
}

Block Chain::apart(const std::vector<BlockPoint>& points) {
  EntryWriter writer;
  for (const auto& [series, point] : points) writer.add(series, point);
  return {BlockKind::kApart, writer.bytes()};
}

const Point* SeriesReader::next(BlockKind kind, std::string_view bytes) {
  if (kind == BlockKind::kWhole) last_ = Point();
  const Point* found = nullptr;
  walk(
      bytes, [&](std::string_view bits) { found = bit(bits, series_) && !last_.empty() ? &last_ : nullptr; },
      [&](std::size_t series, ByteReader& point) {
        if (series < series_) return true;
        if (series > series_) return false;
        auto& target = kind == BlockKind::kApart ? apart_ : last_;
        target = point.point();
        found = target.empty() ? nullptr : &target;
        return false;
      });
  return found;
}

void ShardReader::read(BlockKind kind, std::string_view bytes) {
  if (kind == BlockKind::kWhole) {
    for (auto& point : last_) point = Point();
  }
  here_.fill(nullptr);
  walk(
      bytes,
      [&](std::string_view bits) {
        for (std::size_t i = 0; i < kShardSeries && !bits.empty(); ++i) {
          if (bit(bits, i) && !last_[i].empty()) here_[i] = &last_[i];
        }
      },
      [&](std::size_t series, ByteReader& point) {
        auto& target = kind == BlockKind::kApart ? apart_[series] : last_[series];
        target = point.point();
        here_[series] = target.empty() ? nullptr : &target;
        return true;
      });
}

}  // namespace zeropull::series
