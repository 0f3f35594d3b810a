// Frame table: what is known of each frame of an artifact, packed into 64 bytes a frame, as it stands in the artifact index.
//
//   offset size  field
//        0   32  SHA-256 of the plain bytes
//       32   12  nonce of AES-256-GCM
//       44    4  number of the pack in the blob's list of packs
//       48    4  offset in the pack
//       52    4  stored length, with the authentication tag
//       56    1  codec: 0 not in a store, 1 stored, 2 zstd, 3 all zero (rests nowhere)
//       57    7  zero
//
// All numbers are little-endian. Plain values, callable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace zeropull::artifact {

enum class FrameCodec : std::uint8_t { kUnplaced = 0, kStored = 1, kZstd = 2, kZero = 3 };

inline constexpr std::size_t kNonceSize = 12;
inline constexpr std::size_t kTagSize = 16;
using Nonce = std::array<std::byte, kNonceSize>;

struct FrameEntry {
  Sha256 sha256;
  Nonce nonce{};
  std::uint32_t pack = 0;
  std::uint32_t offset = 0;
  std::uint32_t stored_length = 0;
  FrameCodec codec = FrameCodec::kUnplaced;
  bool operator==(const FrameEntry&) const = default;
  // Whether the frame's bytes rest in a pack.
  bool in_pack() const { return codec == FrameCodec::kStored || codec == FrameCodec::kZstd; }
};

inline constexpr std::size_t kFrameEntrySize = 64;

void encode_frame(const FrameEntry& frame, std::span<std::byte, kFrameEntrySize> out);
// Refuses unknown codecs, padding that is not zero, and places that the codec does not have (kDataLoss).
Result<FrameEntry> decode_frame(std::span<const std::byte, kFrameEntrySize> in);

}  // namespace zeropull::artifact
