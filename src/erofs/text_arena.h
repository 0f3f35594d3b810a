// TextArena: short texts (names, symlink targets) packed one behind the other, each found by a 32-bit place. Nothing is given
// back before the arena goes. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zeropull::erofs {

class TextArena {
 public:
  static constexpr std::size_t kTextMax = 4095;
  // kResourceExhausted when the arena would pass 4 GiB.
  Result<std::uint32_t> add(std::string_view text);  // at most kTextMax bytes
  std::string_view at(std::uint32_t place) const;

 private:
  static constexpr std::uint32_t kChunkBits = 16;
  static constexpr std::uint32_t kChunkSize = 1U << kChunkBits;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;  // each text: its length in 2 bytes, its bytes; none spans two chunks
  std::uint32_t used_ = kChunkSize;                   // of the last chunk
};

}  // namespace zeropull::erofs
