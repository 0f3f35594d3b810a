// Every limit of the erofs room, with its reason. Most are the kernel's (fs/erofs/erofs_fs.h, linux/limits.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace zeropull::erofs {

// The unit of addresses in the metadata image and in the blobs. Kernels mount images of their own page size and below.
inline constexpr std::uint64_t kBlockSize = 4096;

inline constexpr std::size_t kNameMax = 255;            // NAME_MAX
inline constexpr std::size_t kSymlinkTargetMax = 4095;  // PATH_MAX with its NUL: no system call makes a longer one

inline constexpr std::size_t kXattrNameMax = 255;       // XATTR_NAME_MAX, prefix included
inline constexpr std::size_t kXattrValueMax = 65535;    // 16 bits on disk
inline constexpr std::size_t kXattrsPerInodeMax = 255;  // 8 bits on disk count an inode's shared xattrs

// dev_t as Linux encodes it: 12 bits and 20 bits.
inline constexpr std::uint32_t kMajorMax = (1U << 12) - 1;
inline constexpr std::uint32_t kMinorMax = (1U << 20) - 1;

// Far above any image's layers; the number shares 16 bits with a flag.
inline constexpr std::uint16_t kDevicesMax = 4096;

// Block addresses are 32 bits, all ones mean a hole.
inline constexpr std::uint64_t kDeviceSizeMax = 0xffff'fffeULL * kBlockSize;
inline constexpr std::uint64_t kFileSizeMax = 0x7fff'ffff'ffff'ffffULL - kBlockSize;  // loff_t, and rounding up to blocks

// A sparse file's chunk indexes: 65,536 of 8 bytes are half a MiB of metadata for a file, the most one is worth.
inline constexpr std::uint64_t kSparseChunksMax = 65536;

}  // namespace zeropull::erofs
