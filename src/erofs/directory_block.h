// A directory's entries in their disk form: what an entry takes, and one block of them. Pure functions over bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "erofs/layout.h"

namespace zeropull::erofs {

// What an entry takes of a block.
inline std::uint32_t dirent_bytes(std::string_view name) {
  return static_cast<std::uint32_t>(sizeof(layout::Dirent) + name.size());
}

struct DirectoryEntry {
  std::string_view name;
  std::uint64_t nid;
  std::uint16_t mode;  // of the inode: the entry tells its type
};

// Appends a block of these entries, sorted by name, without the zeros at its end.
void append_directory_block(Bytes& to, std::span<const DirectoryEntry> entries);

}  // namespace zeropull::erofs
