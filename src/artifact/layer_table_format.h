// The bytes of a layer tree table (docs/formats/layer-table.md), for its writer and its reader. All numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zeropull::artifact::layer_table {

inline constexpr std::string_view kMagic{"ZPLTREE\0", 8};
inline constexpr std::uint32_t kVersion = 1;

// Header, then the sections in this order without gaps: inodes, names, texts, xattrs.
namespace header {
inline constexpr std::size_t kMagicAt = 0;
inline constexpr std::size_t kVersionAt = 8;      // u32
inline constexpr std::size_t kInodeCountAt = 16;  // u32
inline constexpr std::size_t kNameCountAt = 20;   // u32
inline constexpr std::size_t kTextSizeAt = 24;    // u64
inline constexpr std::size_t kXattrSizeAt = 32;   // u64
inline constexpr std::size_t kBlobSizeAt = 40;    // u64
inline constexpr std::size_t kBlobIdAt = 48;      // 32 bytes, zero without a blob
inline constexpr std::size_t kSize = 80;
}  // namespace header

namespace inode {
inline constexpr std::size_t kModeAt = 0;     // u16
inline constexpr std::size_t kFlagsAt = 2;    // u16: directory flags, kShared
inline constexpr std::size_t kUidAt = 4;      // u32
inline constexpr std::size_t kGidAt = 8;      // u32
inline constexpr std::size_t kXattrsAt = 12;  // u32: 1 + offset in the xattr section, or 0
inline constexpr std::size_t kMtimeAt = 16;   // u64, nanoseconds since 1970
inline constexpr std::size_t kSizeAt = 24;    // u64: bytes of a file or of a symlink's target, names of a directory
inline constexpr std::size_t kPlaceAt = 32;   // u64: in the blob; of the target in the texts; first name; major << 32 | minor
inline constexpr std::size_t kSize = 40;
inline constexpr std::uint16_t kShared = 0x100;
}  // namespace inode

namespace name {
inline constexpr std::size_t kInodeAt = 0;   // u32
inline constexpr std::size_t kTextAt = 4;    // u32: offset in the texts
inline constexpr std::size_t kLengthAt = 8;  // u16
inline constexpr std::size_t kSize = 10;
}  // namespace name

// Xattr set: u16 count; then for each xattr, ascending: u8 name length, u16 value length, name, value.
inline constexpr std::size_t kXattrCountSize = 2;
inline constexpr std::size_t kXattrHeaderSize = 3;

}  // namespace zeropull::artifact::layer_table
