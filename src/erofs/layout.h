// The EROFS on-disk structures as far as we write them. Source of every number: Linux, fs/erofs/erofs_fs.h. All integers are
// little-endian; the structs have no padding (asserted), so a struct's bytes are its disk form on the machines we run on.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace zeropull::erofs::layout {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::uint64_t kSuperblockOffset = 1024;
inline constexpr std::uint32_t kMagic = 0xE0F5E1E2;
inline constexpr std::uint8_t kBlockBits = 12;

// feature_compat
inline constexpr std::uint32_t kCompatChecksum = 0x1;
inline constexpr std::uint32_t kCompatMtime = 0x2;  // times are the files' mtime, not their ctime
// feature_incompat
inline constexpr std::uint32_t kIncompatChunkedFile = 0x4;
inline constexpr std::uint32_t kIncompatDeviceTable = 0x8;

struct Superblock {
  std::uint32_t magic;
  std::uint32_t checksum;  // CRC-32C of the block from the superblock on, with this field 0, begun with all ones, not inverted
  std::uint32_t feature_compat;
  std::uint8_t block_bits;
  std::uint8_t extension_slots;
  std::uint16_t root_nid;
  std::uint64_t inode_count;
  std::uint64_t build_time;  // of compact inodes
  std::uint32_t build_time_nanoseconds;
  std::uint32_t blocks;       // of this device
  std::uint32_t meta_block;   // inodes are counted from here
  std::uint32_t xattr_block;  // shared xattrs are counted from here
  std::array<std::uint8_t, 16> uuid;
  std::array<char, 16> volume_name;
  std::uint32_t feature_incompat;
  std::uint16_t compression;
  std::uint16_t extra_devices;
  std::uint16_t device_table_slot;  // its place in units of a DeviceSlot
  std::uint8_t directory_block_bits;
  std::uint8_t xattr_prefix_count;
  std::uint32_t xattr_prefix_start;
  std::uint64_t packed_nid;
  std::array<std::uint8_t, 24> reserved;
};
static_assert(sizeof(Superblock) == 128);

struct DeviceSlot {
  std::array<std::uint8_t, 64> tag;
  std::uint32_t blocks;
  std::uint32_t mapped_block;  // for images that are one address space; 0 here
  std::array<std::uint8_t, 56> reserved;
};
static_assert(sizeof(DeviceSlot) == 128);

// Inodes stand at multiples of 32 bytes; the multiple, counted from meta_block, is the inode's nid.
inline constexpr std::uint64_t kInodeSlot = 32;

// Inode format: bit 0 version, bits 1 to 3 where the data are.
inline constexpr std::uint16_t kInodeExtended = 1;
inline constexpr std::uint16_t kDataPlain = 0 << 1;   // whole blocks
inline constexpr std::uint16_t kDataInline = 2 << 1;  // whole blocks, then a tail behind the inode, which may cross no block
inline constexpr std::uint16_t kDataChunks = 4 << 1;  // an array of ChunkIndex behind the inode

// An inode's fourth word: a block address, an encoded device number, or this chunk format.
inline constexpr std::uint32_t kChunkIndexes = 0x20;
inline constexpr std::uint32_t kChunkBitsMax = 31;  // in the low five bits, above the block's

struct CompactInode {
  std::uint16_t format;
  std::uint16_t xattr_count;  // 0, or 1 + the number of words behind an XattrHeader
  std::uint16_t mode;
  std::uint16_t links;
  std::uint32_t size;
  std::uint32_t reserved;
  std::uint32_t place;
  std::uint32_t number;  // for 32-bit stat
  std::uint16_t uid;
  std::uint16_t gid;
  std::uint32_t reserved2;
};
static_assert(sizeof(CompactInode) == 32);

struct ExtendedInode {
  std::uint16_t format;
  std::uint16_t xattr_count;
  std::uint16_t mode;
  std::uint16_t reserved;
  std::uint64_t size;
  std::uint32_t place;
  std::uint32_t number;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint64_t mtime;
  std::uint32_t mtime_nanoseconds;
  std::uint32_t links;
  std::array<std::uint8_t, 16> reserved2;
};
static_assert(sizeof(ExtendedInode) == 64);

struct XattrHeader {
  std::uint32_t name_filter;  // 0: no filter
  std::uint8_t shared_count;  // so many words follow: places of shared xattrs in 4 bytes from xattr_block
  std::array<std::uint8_t, 7> reserved;
};
static_assert(sizeof(XattrHeader) == 12);

// The name without its prefix and the value follow, then zeros to a multiple of 4.
struct XattrEntry {
  std::uint8_t name_size;
  std::uint8_t name_index;
  std::uint16_t value_size;
};
static_assert(sizeof(XattrEntry) == 4);
inline constexpr std::uint64_t kXattrAlignment = 4;

inline constexpr std::uint8_t kXattrIndexUser = 1;
inline constexpr std::uint8_t kXattrIndexAclAccess = 2;
inline constexpr std::uint8_t kXattrIndexAclDefault = 3;
inline constexpr std::uint8_t kXattrIndexTrusted = 4;
inline constexpr std::uint8_t kXattrIndexSecurity = 6;

struct ChunkIndex {
  std::uint16_t advise;
  std::uint16_t device;
  std::uint32_t block;
};
static_assert(sizeof(ChunkIndex) == 8);
inline constexpr std::uint32_t kHole = 0xffff'ffff;

// A directory block: Dirents in the order of their names' bytes, then the names, then zeros. The first name's place tells the
// number of Dirents.
struct Dirent {
  std::uint32_t nid_low;  // together a 64-bit nid, split because a Dirent has no alignment
  std::uint32_t nid_high;
  std::uint16_t name_offset;
  std::uint8_t file_type;
  std::uint8_t reserved;
};
static_assert(sizeof(Dirent) == 12);

enum FileType : std::uint8_t {
  kRegular = 1,
  kDirectory = 2,
  kCharacterDevice = 3,
  kBlockDevice = 4,
  kFifo = 5,
  kSocket = 6,
  kSymlink = 7,
};

}  // namespace zeropull::erofs::layout
