#include "erofs/text_arena.h"

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace zeropull::erofs {

Result<std::uint32_t> TextArena::add(std::string_view text) {
  CHECK(text.size() <= kTextMax);
  const auto length = static_cast<std::uint16_t>(text.size());
  const auto needed = static_cast<std::uint32_t>(sizeof length + text.size());
  if (kChunkSize - used_ < needed) {
    if (chunks_.size() == UINT32_MAX / kChunkSize) {
      return make_error(Code::kResourceExhausted, "the names of the tree take more than 4 GiB");
    }
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunkSize));
    used_ = 0;
  }
  std::byte* to = chunks_.back().get() + used_;
  store_le(to, length);
  std::memcpy(to + sizeof length, text.data(), text.size());
  const auto place = static_cast<std::uint32_t>((chunks_.size() - 1) << kChunkBits) | used_;
  used_ += needed;
  return place;
}

std::string_view TextArena::at(std::uint32_t place) const {
  const std::byte* text = chunks_[place >> kChunkBits].get() + (place & (kChunkSize - 1));
  return as_text({text + sizeof(std::uint16_t), load_le<std::uint16_t>(text)});
}

}  // namespace zeropull::erofs
