// Every size and count limit of the codec room, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace zeropull::codec {

// Decoders take compressed bytes in pieces of this size: large enough that a system call is cheap, small enough for the cache.
inline constexpr std::size_t kDecoderInputSize = 256 * kKiB;

// The tar reader's buffer, and so the largest view of file data that it hands out.
inline constexpr std::size_t kTarBufferSize = kMiB;

// The size of a PAX header or a GNU long name or link: Go's archive/tar and libarchive draw the line here too.
inline constexpr std::uint64_t kTarSpecialSizeMax = kMiB;

// Paths and link targets: the kernel's PATH_MAX without its final NUL. What is longer cannot be extracted anywhere.
inline constexpr std::size_t kPathLengthMax = 4095;

// Extended attributes: the kernel's XATTR_NAME_MAX and XATTR_SIZE_MAX, and more of them than any file system stores.
inline constexpr std::size_t kXattrNameMax = 255;
inline constexpr std::size_t kXattrValueMax = 64 * kKiB;
inline constexpr std::size_t kXattrsMax = 1024;

// Data regions of one sparse file. A million holds a file of 8 GiB whose every second block of 4 KiB is a hole.
inline constexpr std::size_t kSparseRegionsMax = 1'000'000;

// The zstd window that a layer may ask for: 2^29 bytes are 512 MiB. A decoder allocates it, so that the limit bounds memory.
inline constexpr int kZstdWindowLogMax = 29;

// Names and comments in gzip headers, as Go's compress/gzip allows.
inline constexpr std::size_t kGzipNameMax = 512;

}  // namespace zeropull::codec
