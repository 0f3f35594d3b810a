#include "erofs/directory_block.h"

#include <sys/stat.h>

namespace zeropull::erofs {

namespace {

layout::FileType file_type(std::uint16_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return layout::kDirectory;
    case S_IFCHR: return layout::kCharacterDevice;
    case S_IFBLK: return layout::kBlockDevice;
    case S_IFIFO: return layout::kFifo;
    case S_IFSOCK: return layout::kSocket;
    case S_IFLNK: return layout::kSymlink;
    default: return layout::kRegular;
  }
}

}  // namespace

void append_directory_block(Bytes& to, std::span<const DirectoryEntry> entries) {
  std::size_t name_offset = entries.size() * sizeof(layout::Dirent);
  for (const DirectoryEntry& entry : entries) {
    const layout::Dirent dirent{.nid_low = static_cast<std::uint32_t>(entry.nid),
                                .nid_high = static_cast<std::uint32_t>(entry.nid >> 32),
                                .name_offset = static_cast<std::uint16_t>(name_offset),
                                .file_type = file_type(entry.mode),
                                .reserved = 0};
    const auto bytes = std::as_bytes(std::span(&dirent, 1));
    to.insert(to.end(), bytes.begin(), bytes.end());
    name_offset += entry.name.size();
  }
  for (const DirectoryEntry& entry : entries) {
    const ByteView name = as_bytes(entry.name);
    to.insert(to.end(), name.begin(), name.end());
  }
}

}  // namespace zeropull::erofs
