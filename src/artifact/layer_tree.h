// LayerTree: what a layer's archive leaves in the folder of one overlayfs layer when containerd 1.6 extracts it
// (archive.Apply with OverlayConvertWhiteout), without a file being made. The unpacker feeds it entry by entry and writes the
// layer tree table from it; lower layers play no part here, they come in when layers are merged (artifact/layer_merge.h).
//
// An entry's meaning depends on what the layer has put in its place before: a name may lead through the layer's own symlinks,
// replace what stands there, link to it, or be missing its folders, which are then made. All that is followed as
// containerd and the kernel do it, odd corners included (docs/formats/layer-table.md lists those that show). Stricter than
// containerd: names that are absolute or have ".." are refused, not bent below the root.
//
// One thread at a time. Costs erofs::Tree's about 100 bytes an entry, and a folder's name and time once more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/layer_paths.h"
#include "artifact/layer_xattrs.h"
#include "base/result.h"
#include "codec/tar.h"
#include "erofs/tree.h"

namespace zeropull::artifact {

// A folder hides what lower layers have in it (trusted.overlay.opaque).
inline constexpr std::uint8_t kDirectoryOpaque = 1;
// A folder was made because an entry needed it: until an entry of its own comes it has a lower layer's attributes.
inline constexpr std::uint8_t kDirectoryImplicit = 2;
// A folder had an entry of its own.
inline constexpr std::uint8_t kDirectoryExplicit = 4;

// A whiteout is a character device 0:0, as overlayfs has it.
inline bool is_whiteout(std::uint16_t mode, erofs::DeviceNumber rdev) { return S_ISCHR(mode) && rdev == erofs::DeviceNumber{}; }

class LayerTree {
 public:
  enum class Content { kIgnore, kKeep };
  // Adds one entry. kKeep asks the caller to put the entry's content, `entry.size` bytes, at `blob_offset`: it is a file that is
  // now part of the tree. kInvalidArgument says why the entry is refused; the tree is then of no more use.
  Result<Content> apply(const codec::TarEntry& entry, std::uint64_t blob_offset);

  // After the last entry: folders get their times once more, as in containerd, where that changes anything.
  Result<void> finish();

  const erofs::Tree& tree() const { return tree_; }
  std::uint8_t directory_flags(erofs::NodeId directory) const { return flags_[directory]; }

 private:
  class View;
  struct FolderTime {
    std::uint64_t name_end;  // in folder_names_, where it begins behind the last one
    erofs::Time mtime;
  };

  Result<erofs::NodeId> ensure_parent(std::string_view path);
  Result<erofs::NodeId> ensure_directory(std::string_view path);
  Result<erofs::NodeId> make_implicit_directory(erofs::NodeId parent, std::string_view name);
  Result<void> whiteout(erofs::NodeId parent, std::string_view name);
  void remove(erofs::NodeId parent, std::string_view name, erofs::NodeId node);
  Result<Content> create(erofs::NodeId parent, std::string_view name, const codec::TarEntry& entry, std::uint64_t blob_offset);
  Result<void> hard_link(erofs::NodeId parent, std::string_view name, const codec::TarEntry& entry);
  Result<erofs::NodeId> link_target(std::string_view link);
  Result<void> set_attributes(erofs::NodeId node, const codec::TarEntry& entry);
  void set_flags(erofs::NodeId directory, std::uint8_t flags);
  XattrMap xattrs_of(erofs::NodeId node) const;
  Result<erofs::XattrSetId> intern(const XattrMap& xattrs);

  erofs::Tree tree_;
  std::vector<std::uint8_t> flags_{kDirectoryExplicit};  // by NodeId, of directories
  // The last entry's folder: most entries follow one of the same.
  std::string last_parent_path_;
  erofs::NodeId last_parent_ = erofs::kRootNode;
  bool last_parent_valid_ = false;
  // Entries of folders in order, for finish().
  std::string folder_names_;
  std::vector<FolderTime> folder_times_;
  bool names_moved_ = false;  // a folder or symlink was replaced: a name may lead elsewhere now
};

}  // namespace zeropull::artifact
