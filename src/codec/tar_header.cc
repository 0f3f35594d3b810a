#include "codec/tar_header.h"

#include <algorithm>
#include <charconv>

namespace zeropull::codec {
namespace {

// Where a field stands in the block.
struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kTypeFlag = 156;
constexpr Field kLinkName{157, 100};
constexpr Field kMagicField{257, 6};
constexpr Field kVersion{263, 2};
constexpr Field kDeviceMajor{329, 8};
constexpr Field kDeviceMinor{337, 8};
constexpr Field kUstarPrefix{345, 155};
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarAccessTime{476, 12};
constexpr Field kStarChangeTime{488, 12};
constexpr Field kStarTrailer{508, 4};
constexpr Field kGnuAccessTime{345, 12};
constexpr Field kGnuChangeTime{357, 12};
constexpr std::size_t kGnuSparse = 386;
constexpr Field kGnuRealSize{483, 12};

constexpr std::size_t kHeaderRegions = 4;
constexpr std::size_t kExtensionRegions = 21;
constexpr std::size_t kRegionNumberSize = 12;
constexpr std::size_t kRegionSize = 2 * kRegionNumberSize;

using namespace std::string_view_literals;

std::string_view field(ByteView block, Field at) { return as_text(block.subspan(at.offset, at.size)); }

// Up to the first NUL, or all.
std::string_view text_of(std::string_view field) { return field.substr(0, field.find('\0')); }

std::optional<std::int64_t> parse_octal(std::string_view text) {
  const auto first = text.find_first_not_of(" \0"sv);
  if (first == text.npos) return 0;
  text = text_of(text.substr(first, text.find_last_not_of(" \0"sv) + 1 - first));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<std::int64_t>(value);  // a field has at most 12 digits, 36 bits
}

// A set first bit means a two's complement number in big-endian bytes, that bit aside; otherwise octal.
std::optional<std::int64_t> parse_number(std::string_view text) {
  const auto byte_at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if ((byte_at(0) & 0x80) == 0) return parse_octal(text);
  const bool negative = (byte_at(0) & 0x40) != 0;
  const std::uint8_t inversion = negative ? 0xff : 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < text.size(); i++) {
    std::uint8_t byte = byte_at(i) ^ inversion;
    if (i == 0) byte &= 0x7f;
    if (value >> 56 != 0) return std::nullopt;
    value = value << 8 | byte;
  }
  if (value >> 63 != 0) return std::nullopt;
  return static_cast<std::int64_t>(negative ? ~value : value);
}

// Reads a block's number fields and keeps the first that is none.
class NumberReader {
 public:
  explicit NumberReader(ByteView block) : block_(block) {}
  std::int64_t read(Field at, std::string_view what) {
    const auto number = parse_number(field(block_, at));
    if (!number && bad_.empty()) bad_ = what;
    return number.value_or(0);
  }
  std::string_view bad() const { return bad_; }  // empty when all were numbers

 private:
  ByteView block_;
  std::string_view bad_;
};

bool checksum_matches(ByteView block) {
  const auto expected = parse_octal(field(block, kChecksum));
  std::int64_t unsigned_sum = 0;
  std::int64_t signed_sum = 0;  // what Sun's tar wrote
  for (std::size_t i = 0; i < block.size(); i++) {
    const bool in_checksum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const auto byte = in_checksum ? std::uint8_t{' '} : std::to_integer<std::uint8_t>(block[i]);
    unsigned_sum += byte;
    signed_sum += static_cast<std::int8_t>(byte);
  }
  return expected && (*expected == unsigned_sum || *expected == signed_sum);
}

TarDialect dialect_of(ByteView block) {
  const std::string_view magic = field(block, kMagicField);
  if (magic == "ustar\0"sv) return field(block, kStarTrailer) == "tar\0"sv ? TarDialect::kStar : TarDialect::kUstar;
  if (magic == "ustar "sv && field(block, kVersion) == " \0"sv) return TarDialect::kGnu;
  return TarDialect::kV7;
}

// GNU headers have no prefix but times in its place. Go before 1.8 wrote a prefix there, so that what is no time is taken for a
// prefix if it is ASCII, as Go still does.
std::string_view gnu_prefix(ByteView block) {
  for (const Field at : {kGnuAccessTime, kGnuChangeTime}) {
    const std::string_view time = field(block, at);
    if (time.front() == '\0' || parse_number(time)) continue;
    const std::string_view prefix = text_of(field(block, kUstarPrefix));
    const bool ascii = std::ranges::all_of(prefix, [](char letter) { return static_cast<unsigned char>(letter) < 0x80; });
    return ascii ? prefix : std::string_view();
  }
  return {};
}

Result<OldSparsePart> parse_old_sparse(ByteView block, std::size_t offset, std::size_t count) {
  OldSparsePart part;
  for (std::size_t i = 0; i < count; i++) {
    const std::size_t at = offset + i * kRegionSize;
    if (block[at] == std::byte{0}) break;  // as GNU and BSD tar: the first unused place ends the block's part
    const auto start = parse_number(field(block, {at, kRegionNumberSize}));
    const auto length = parse_number(field(block, {at + kRegionNumberSize, kRegionNumberSize}));
    if (!start || !length || *start < 0 || *length < 0) {
      return make_error(Code::kDataLoss, "the sparse map has a field that is no number");
    }
    part.regions.push_back({static_cast<std::uint64_t>(*start), static_cast<std::uint64_t>(*length)});
  }
  part.more = block[offset + count * kRegionSize] != std::byte{0};
  return part;
}

}  // namespace

bool tar_has_data(char type_flag) { return type_flag < '1' || type_flag > '6'; }

bool tar_is_zero_block(ByteView block) {
  return std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; });
}

Result<TarHeader> parse_tar_header(ByteView block) {
  if (!checksum_matches(block)) return make_error(Code::kDataLoss, "its checksum is wrong, so it is no tar header");
  TarHeader header;
  std::ranges::copy(block, header.block.begin());
  header.dialect = dialect_of(block);
  header.type_flag = static_cast<char>(block[kTypeFlag]);
  header.path = text_of(field(block, kName));
  header.link_target = text_of(field(block, kLinkName));
  NumberReader numbers(block);
  header.size = numbers.read(kSize, "size");
  header.mode = numbers.read(kMode, "mode");
  header.uid = numbers.read(kUid, "uid");
  header.gid = numbers.read(kGid, "gid");
  header.mtime = numbers.read(kMtime, "time");
  std::string_view prefix;
  if (header.dialect != TarDialect::kV7) {
    header.device_major = numbers.read(kDeviceMajor, "device number");
    header.device_minor = numbers.read(kDeviceMinor, "device number");
  }
  switch (header.dialect) {
    case TarDialect::kV7: break;
    case TarDialect::kUstar: prefix = text_of(field(block, kUstarPrefix)); break;
    case TarDialect::kStar:
      prefix = text_of(field(block, kStarPrefix));
      numbers.read(kStarAccessTime, "access time");
      numbers.read(kStarChangeTime, "change time");
      break;
    case TarDialect::kGnu: prefix = gnu_prefix(block); break;
  }
  if (!prefix.empty()) header.path = fmt::format("{}/{}", prefix, header.path);
  if (!numbers.bad().empty()) return make_error(Code::kDataLoss, "its {} is no number", numbers.bad());
  if (header.size < 0 && tar_has_data(header.type_flag)) return make_error(Code::kDataLoss, "its size is negative");
  return header;
}

Result<OldSparsePart> parse_old_sparse_header(const TarHeader& header) {
  return parse_old_sparse(header.block, kGnuSparse, kHeaderRegions);
}

Result<OldSparsePart> parse_old_sparse_extension(ByteView block) { return parse_old_sparse(block, 0, kExtensionRegions); }

Result<std::uint64_t> parse_old_sparse_size(const TarHeader& header) {
  const auto size = parse_number(field(header.block, kGnuRealSize));
  if (!size || *size < 0) return make_error(Code::kDataLoss, "its sparse size is no size");
  return static_cast<std::uint64_t>(*size);
}

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace zeropull::codec
