// One header block of a tar archive, taken apart: the dialect by its magic, numbers in octal or base 256, the checksum. Follows
// Go's archive/tar (format.go, strconv.go and Reader.readHeader). Internal to the codec room; stateless.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/tar.h"

namespace zeropull::codec {

inline constexpr std::size_t kTarBlockSize = 512;

enum class TarDialect { kV7, kUstar, kStar, kGnu };

struct TarHeader {
  TarDialect dialect = TarDialect::kV7;
  char type_flag = 0;
  std::string path;  // with the prefix
  std::string link_target;
  std::int64_t mode = 0;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::int64_t size = 0;  // of the data in the archive
  std::int64_t mtime = 0;
  std::int64_t device_major = 0;
  std::int64_t device_minor = 0;
  std::array<std::byte, kTarBlockSize> block{};  // the old GNU sparse map stands in it
};

// Whether data follows such a header: links, devices, folders and fifos have none, whatever their size says.
bool tar_has_data(char type_flag);

bool tar_is_zero_block(ByteView block);

// `block` holds kTarBlockSize bytes. The error says what is wrong, and the reader adds where.
Result<TarHeader> parse_tar_header(ByteView block);

// The old GNU sparse format: four regions in the header, 21 in each extension block that follows while `more` is set.
struct OldSparsePart {
  std::vector<SparseRegion> regions;  // as found, unchecked
  bool more = false;
};
Result<OldSparsePart> parse_old_sparse_header(const TarHeader& header);
Result<OldSparsePart> parse_old_sparse_extension(ByteView block);
Result<std::uint64_t> parse_old_sparse_size(const TarHeader& header);  // of the file with its holes

// A whole number as Go's strconv.ParseInt(text, 10, 64) takes it: a sign and digits; nullopt otherwise or when it overflows.
std::optional<std::int64_t> parse_decimal(std::string_view text);

}  // namespace zeropull::codec
