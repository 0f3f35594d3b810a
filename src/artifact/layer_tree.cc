#include "artifact/layer_tree.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "codec/limits.h"

namespace zeropull::artifact {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";

Error refuse(std::string_view what) { return {Code::kInvalidArgument, std::string(what)}; }

// containerd's boundTime: what nanoseconds since 1970 in 63 bits cannot hold becomes 0.
erofs::Time bounded(codec::TarTime time) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr codec::TarTime kLast{kMax / 1'000'000'000, kMax % 1'000'000'000};
  if (time < codec::TarTime{} || time > kLast) return {};
  return {time.seconds, time.nanoseconds};
}

mode_t type_of(codec::TarType type) {
  switch (type) {
    case codec::TarType::kRegular: return S_IFREG;
    case codec::TarType::kSymlink: return S_IFLNK;
    case codec::TarType::kCharDevice: return S_IFCHR;
    case codec::TarType::kBlockDevice: return S_IFBLK;
    case codec::TarType::kDirectory: return S_IFDIR;
    case codec::TarType::kFifo: return S_IFIFO;
    case codec::TarType::kHardLink:
    case codec::TarType::kUnsupported: break;
  }
  return 0;
}

std::uint16_t full_mode(mode_t type, std::uint32_t permissions) { return static_cast<std::uint16_t>(type | permissions); }

// The part in front of the last name, and the last name.
std::pair<std::string_view, std::string_view> split_last(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

class LayerTree::View final : public PathTree {
 public:
  explicit View(const erofs::Tree& tree) : tree_(tree) {}
  std::optional<std::uint32_t> lookup(std::uint32_t directory, std::string_view name) const override {
    return tree_.lookup(directory, name);
  }
  Kind kind(std::uint32_t node) const override {
    const erofs::Inode inode = tree_.inode(node);
    return inode.is_directory() ? Kind::kDirectory : inode.is_symlink() ? Kind::kSymlink : Kind::kOther;
  }
  std::string_view target(std::uint32_t symlink) const override { return tree_.inode(symlink).target; }

 private:
  const erofs::Tree& tree_;
};

Result<LayerTree::Content> LayerTree::apply(const codec::TarEntry& entry, std::uint64_t blob_offset) {
  const std::string path = clean_path(entry.path);
  for (const std::string_view part : split_path(entry.path)) {
    if (part == "..") return refuse("the name has \"..\" in it");
  }
  if (path == "." || path == "/") return Content::kIgnore;  // containerd keeps a layer's root as it made it
  if (path.starts_with('/')) return refuse("the name is absolute");
  const auto [parent_path, name] = split_last(path);
  const auto parent = TRY(ensure_parent(parent_path));
  if (name == kOpaqueMarker) {
    set_flags(parent, static_cast<std::uint8_t>(flags_[parent] | kDirectoryOpaque));
    return Content::kIgnore;
  }
  if (name.starts_with(kWhiteoutPrefix)) {
    TRY(whiteout(parent, name.substr(kWhiteoutPrefix.size())));
    return Content::kIgnore;
  }
  const auto existing = tree_.lookup(parent, name);
  if (existing && !(tree_.is_directory(*existing) && entry.type == codec::TarType::kDirectory)) remove(parent, name, *existing);
  const auto content = TRY(create(parent, name, entry, blob_offset));
  if (entry.type == codec::TarType::kDirectory) {
    folder_names_ += path;
    folder_times_.push_back({folder_names_.size(), bounded(entry.mtime)});
  }
  return content;
}

// fs.RootPath of an entry's folder, and containerd's mkparent.
Result<erofs::NodeId> LayerTree::ensure_parent(std::string_view path) {
  if (path.empty()) return erofs::kRootNode;
  if (last_parent_valid_ && path == last_parent_path_) return last_parent_;
  std::optional<std::string> resolved;
  erofs::NodeId at = erofs::kRootNode;
  for (const std::string_view name : split_path(path)) {  // almost always all are folders, or missing from somewhere on
    const auto next = tree_.lookup(at, name);
    if (!next) break;
    if (!tree_.is_directory(*next)) {
      const std::string real_path = TRY(resolve_in_root(View(tree_), path));
      resolved = real_path;
      break;
    }
    at = *next;
  }
  const auto parent = TRY(ensure_directory(resolved ? *resolved : path));
  last_parent_path_ = path;
  last_parent_ = parent;
  last_parent_valid_ = true;
  return parent;
}

Result<erofs::NodeId> LayerTree::ensure_directory(std::string_view path) {
  if (path.size() > codec::kPathLengthMax) return refuse("the name is too long once its links are followed");
  erofs::NodeId at = erofs::kRootNode;
  for (const std::string_view name : split_path(path)) {
    const auto next = tree_.lookup(at, name);
    if (!next) {
      at = TRY(make_implicit_directory(at, name));
    } else if (tree_.is_directory(*next)) {
      at = *next;
    } else {
      return make_error(Code::kInvalidArgument, "its folder \"{}\" is no directory", printable_path(path));
    }
  }
  return at;
}

Result<erofs::NodeId> LayerTree::make_implicit_directory(erofs::NodeId parent, std::string_view name) {
  const erofs::Inode folder = tree_.inode(parent);
  constexpr std::uint32_t kPermissions = 0755;
  erofs::Inode inode;
  inode.mode = full_mode(S_IFDIR, kPermissions);
  inode.gid = (folder.mode & S_ISGID) != 0 ? folder.gid : 0;
  if (folder.xattrs != erofs::kNoXattrs) {
    XattrMap xattrs;
    inherit_acls(xattrs_of(parent), S_IFDIR, xattrs);
    chmod_acl(kPermissions, xattrs);
    inode.xattrs = TRY(intern(xattrs));
  }
  const auto node = TRY(tree_.insert(parent, name, inode));
  set_flags(node, kDirectoryImplicit);
  return node;
}

// OverlayConvertWhiteout and validateWhiteout.
Result<void> LayerTree::whiteout(erofs::NodeId parent, std::string_view name) {
  if (name.empty() || name == "." || name == "..") return refuse("a whiteout of no valid name");
  if (tree_.lookup(parent, name)) return refuse("a whiteout of what the same layer has put there before");
  erofs::Inode inode;
  inode.mode = full_mode(S_IFCHR, 0);
  TRY(tree_.insert(parent, name, inode));
  return {};
}

void LayerTree::remove(erofs::NodeId parent, std::string_view name, erofs::NodeId node) {
  const erofs::Inode inode = tree_.inode(node);
  if (inode.is_directory() || inode.is_symlink()) {
    names_moved_ = true;
    last_parent_valid_ = false;
  }
  tree_.remove(parent, name);
}

Result<LayerTree::Content> LayerTree::create(erofs::NodeId parent, std::string_view name, const codec::TarEntry& entry,
                                             std::uint64_t blob_offset) {
  if (entry.type == codec::TarType::kHardLink) {
    TRY(hard_link(parent, name, entry));
    return Content::kIgnore;
  }
  const mode_t type = type_of(entry.type);
  if (type == 0) return make_error(Code::kInvalidArgument, "unhandled tar type '{}'", printable_path({&entry.type_flag, 1}));
  const auto existing = tree_.lookup(parent, name);
  if (existing) {  // a directory, and so is the entry
    TRY(set_attributes(*existing, entry));
    set_flags(*existing, static_cast<std::uint8_t>(flags_[*existing] | kDirectoryExplicit));
    return Content::kIgnore;
  }

  const erofs::XattrSetId folder_xattrs = tree_.inode(parent).xattrs;
  XattrMap xattrs;
  if (folder_xattrs != erofs::kNoXattrs) inherit_acls(xattrs_of(parent), type, xattrs);
  TRY(set_xattrs(entry.xattrs, type, xattrs));
  chmod_acl(entry.mode, xattrs);

  erofs::Inode inode;
  inode.mode = full_mode(type, type == S_IFLNK ? 0777 : entry.mode);
  inode.uid = entry.uid;
  inode.gid = entry.gid;
  inode.mtime = bounded(entry.mtime);
  inode.xattrs = TRY(intern(xattrs));
  if (type == S_IFREG && entry.size > 0) {
    inode.size = entry.size;
    inode.data.device = 1;
    inode.data.blob_offset = blob_offset;
  }
  if (type == S_IFLNK) inode.target = entry.link_target;
  if (inode.is_device()) {  // mknod(2) takes 12 and 20 bits
    inode.rdev = {entry.device_major & erofs::kMajorMax, entry.device_minor & erofs::kMinorMax};
  }
  const auto node = TRY(tree_.insert(parent, name, inode));
  set_flags(node, type == S_IFDIR ? kDirectoryExplicit : std::uint8_t{0});
  return inode.size > 0 ? Content::kKeep : Content::kIgnore;
}

Result<void> LayerTree::hard_link(erofs::NodeId parent, std::string_view name, const codec::TarEntry& entry) {
  const auto target = TRY(link_target(entry.link_target));
  TRY(tree_.link(parent, name, target));
  return set_attributes(target, entry);
}

// hardlinkRootPath and link(2), which follows no link at the end.
Result<erofs::NodeId> LayerTree::link_target(std::string_view link) {
  const View view(tree_);
  const std::string_view name = split_last(link).second;
  const std::string folder_path = TRY(resolve_in_root(view, link.substr(0, link.size() - name.size())));
  const std::string path = clean_path("/" + folder_path + "/" + std::string(name));
  const auto node = TRY(find_path(view, path));
  if (!node) {
    return make_error(Code::kInvalidArgument, "a hard link to \"{}\", which this layer does not have", printable_path(link));
  }
  if (tree_.is_directory(*node)) {
    return make_error(Code::kInvalidArgument, "a hard link to the directory \"{}\"", printable_path(link));
  }
  return *node;
}

// lchown, setxattr, lchmod and utimensat of what exists already.
Result<void> LayerTree::set_attributes(erofs::NodeId node, const codec::TarEntry& entry) {
  erofs::Inode inode = tree_.inode(node);
  const mode_t type = inode.mode & S_IFMT;
  if (inode.xattrs != erofs::kNoXattrs || !entry.xattrs.empty()) {
    XattrMap xattrs = xattrs_of(node);
    if (type != S_IFDIR) chown_xattrs(xattrs);
    TRY(set_xattrs(entry.xattrs, type, xattrs));
    chmod_acl(entry.mode, xattrs);
    inode.xattrs = TRY(intern(xattrs));
  }
  if (type != S_IFLNK) inode.mode = full_mode(type, entry.mode);
  inode.uid = entry.uid;
  inode.gid = entry.gid;
  inode.mtime = bounded(entry.mtime);
  return tree_.set_attributes(node, inode);
}

void LayerTree::set_flags(erofs::NodeId directory, std::uint8_t flags) {
  if (directory >= flags_.size()) flags_.resize(directory + 1);
  flags_[directory] = flags;
}

XattrMap LayerTree::xattrs_of(erofs::NodeId node) const {
  XattrMap map;
  for (const auto& [name, value] : tree_.xattrs(tree_.inode(node).xattrs)) map.emplace(name, value);
  return map;
}

Result<erofs::XattrSetId> LayerTree::intern(const XattrMap& xattrs) {
  std::vector<erofs::Xattr> views;
  for (const auto& [name, value] : xattrs) views.push_back({name, value});
  return tree_.intern_xattrs(views);
}

// containerd sets the times of all folder entries again at the end, by their names. A name that leads to something else by
// then gives its time to that; one that leads nowhere is an error there and here.
Result<void> LayerTree::finish() {
  if (!names_moved_) return {};
  const View view(tree_);
  std::uint64_t begin = 0;
  for (const FolderTime& folder : folder_times_) {
    const std::string_view name = std::string_view(folder_names_).substr(begin, folder.name_end - begin);
    begin = folder.name_end;
    const std::string path = TRY(resolve_in_root(view, name));
    const auto node = TRY(find_path(view, path));
    if (!node) {
      return make_error(Code::kInvalidArgument, "the folder \"{}\" is gone at the layer's end", printable_path(name));
    }
    erofs::Inode inode = tree_.inode(*node);
    inode.mtime = folder.mtime;
    TRY(tree_.set_attributes(*node, inode));
  }
  return {};
}

}  // namespace zeropull::artifact
