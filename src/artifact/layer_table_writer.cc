#include <algorithm>
#include <limits>
#include <unordered_map>

#include "artifact/layer_table.h"
#include "artifact/layer_table_format.h"

namespace zeropull::artifact {
namespace {

namespace format = layer_table;

constexpr std::uint32_t kUnnumbered = UINT32_MAX;
constexpr std::uint64_t kSectionMax = std::numeric_limits<std::uint32_t>::max();

// The order of a table: folders breadth first, names within a folder by their bytes, inodes by their first name.
class Order {
 public:
  explicit Order(const erofs::Tree& tree) : tree_(tree), number_(tree.node_limit(), kUnnumbered) {
    add(erofs::kRootNode);
    for (std::size_t at = 0; at < directories.size(); ++at) add_names(at);
  }
  std::uint32_t number(erofs::NodeId node) const { return number_[node]; }

  struct Directory {
    erofs::NodeId node;
    std::uint32_t first_name = 0;
    std::uint32_t name_count = 0;
  };
  std::vector<Directory> directories;
  std::vector<erofs::NodeId> inodes;
  std::vector<erofs::EntryId> names;

 private:
  void add(erofs::NodeId node) {
    if (number_[node] != kUnnumbered) return;
    number_[node] = static_cast<std::uint32_t>(inodes.size());
    inodes.push_back(node);
    if (tree_.is_directory(node)) directories.push_back({.node = node});
  }
  void add_names(std::size_t directory) {
    const auto first = static_cast<std::ptrdiff_t>(names.size());
    for (const auto& child : tree_.children(directories[directory].node)) names.push_back(child.entry);
    std::sort(names.begin() + first, names.end(),
              [this](erofs::EntryId a, erofs::EntryId b) { return tree_.child(a).name < tree_.child(b).name; });
    directories[directory].first_name = static_cast<std::uint32_t>(first);
    directories[directory].name_count = static_cast<std::uint32_t>(names.size() - static_cast<std::size_t>(first));
    for (auto at = static_cast<std::size_t>(first); at < names.size(); ++at) add(tree_.child(names[at]).node);
  }

  const erofs::Tree& tree_;
  std::vector<std::uint32_t> number_;  // by NodeId
};

Bytes pack_xattrs(const std::vector<erofs::Xattr>& xattrs) {
  Bytes packed(format::kXattrCountSize);
  store_le(packed.data(), static_cast<std::uint16_t>(xattrs.size()));
  for (const auto& [name, value] : xattrs) {
    const std::size_t at = packed.size();
    packed.resize(at + format::kXattrHeaderSize);
    packed[at] = static_cast<std::byte>(name.size());
    store_le(packed.data() + at + 1, static_cast<std::uint16_t>(value.size()));
    packed.insert(packed.end(), as_bytes(name).begin(), as_bytes(name).end());
    packed.insert(packed.end(), as_bytes(value).begin(), as_bytes(value).end());
  }
  return packed;
}

class Writer {
 public:
  Writer(const LayerTree& layer, const LayerBlob& blob, BlobWriter& out)
      : layer_(layer), tree_(layer.tree()), blob_(blob), out_(out), order_(tree_) {}

  Result<void> write() {
    place();
    if (text_size_ > kSectionMax || xattr_size_ > kSectionMax) {
      return make_error(Code::kResourceExhausted, "a layer with more than 4 GiB of names or xattrs");
    }
    TRY(write_header());
    TRY(write_inodes());
    TRY(write_names());
    return write_texts();
  }

 private:
  // Texts are the names in order, then the targets in the order of inodes.
  void place() {
    for (const erofs::EntryId entry : order_.names) text_size_ += tree_.child(entry).name.size();
    target_at_ = text_size_;
    for (const erofs::NodeId node : order_.inodes) {
      const erofs::Inode inode = tree_.inode(node);
      text_size_ += inode.target.size();
      if (inode.xattrs == erofs::kNoXattrs || xattr_places_.contains(inode.xattrs)) continue;
      xattr_places_.emplace(inode.xattrs, xattr_size_ + 1);
      xattr_sets_.push_back(inode.xattrs);
      xattr_size_ += pack_xattrs(tree_.xattrs(inode.xattrs)).size();
    }
  }

  Result<void> write_header() {
    std::array<std::byte, format::header::kSize> bytes{};
    std::ranges::copy(as_bytes(format::kMagic), bytes.data() + format::header::kMagicAt);
    store_le(bytes.data() + format::header::kVersionAt, format::kVersion);
    store_le(bytes.data() + format::header::kInodeCountAt, static_cast<std::uint32_t>(order_.inodes.size()));
    store_le(bytes.data() + format::header::kNameCountAt, static_cast<std::uint32_t>(order_.names.size()));
    store_le(bytes.data() + format::header::kTextSizeAt, text_size_);
    store_le(bytes.data() + format::header::kXattrSizeAt, xattr_size_);
    store_le(bytes.data() + format::header::kBlobSizeAt, blob_.size);
    if (blob_.size > 0) std::ranges::copy(blob_.id.value.bytes, bytes.data() + format::header::kBlobIdAt);
    return out_.append(bytes);
  }

  Result<void> write_inodes() {
    auto directory = order_.directories.begin();
    for (const erofs::NodeId node : order_.inodes) {
      const erofs::Inode inode = tree_.inode(node);
      std::uint16_t flags = 0;
      std::uint64_t size = inode.size;
      std::uint64_t place = inode.data.blob_offset;
      if (inode.is_directory()) {
        flags = layer_.directory_flags(node);
        size = directory->name_count;
        place = directory->first_name;
        ++directory;
      } else {
        if (tree_.link_count(node) > 1) flags = format::inode::kShared;
        if (inode.is_symlink()) {
          size = inode.target.size();
          place = target_at_;
          target_at_ += size;
        } else if (inode.is_device()) {
          place = std::uint64_t{inode.rdev.major} << 32 | inode.rdev.minor;
        }
      }
      std::array<std::byte, format::inode::kSize> bytes{};
      store_le(bytes.data() + format::inode::kModeAt, inode.mode);
      store_le(bytes.data() + format::inode::kFlagsAt, flags);
      store_le(bytes.data() + format::inode::kUidAt, inode.uid);
      store_le(bytes.data() + format::inode::kGidAt, inode.gid);
      const auto xattrs = xattr_places_.find(inode.xattrs);
      if (xattrs != xattr_places_.end()) {
        store_le(bytes.data() + format::inode::kXattrsAt, static_cast<std::uint32_t>(xattrs->second));
      }
      store_le(bytes.data() + format::inode::kMtimeAt,
               static_cast<std::uint64_t>(inode.mtime.seconds) * 1'000'000'000 + inode.mtime.nanoseconds);
      store_le(bytes.data() + format::inode::kSizeAt, size);
      store_le(bytes.data() + format::inode::kPlaceAt, place);
      TRY(out_.append(bytes));
    }
    return {};
  }

  Result<void> write_names() {
    std::uint32_t text_at = 0;
    for (const erofs::EntryId entry : order_.names) {
      const auto child = tree_.child(entry);
      std::array<std::byte, format::name::kSize> bytes{};
      store_le(bytes.data() + format::name::kInodeAt, order_.number(child.node));
      store_le(bytes.data() + format::name::kTextAt, text_at);
      store_le(bytes.data() + format::name::kLengthAt, static_cast<std::uint16_t>(child.name.size()));
      text_at += static_cast<std::uint32_t>(child.name.size());
      TRY(out_.append(bytes));
    }
    return {};
  }

  Result<void> write_texts() {
    for (const erofs::EntryId entry : order_.names) TRY(out_.append(as_bytes(tree_.child(entry).name)));
    for (const erofs::NodeId node : order_.inodes) TRY(out_.append(as_bytes(tree_.inode(node).target)));
    for (const erofs::XattrSetId set : xattr_sets_) TRY(out_.append(pack_xattrs(tree_.xattrs(set))));
    return {};
  }

  const LayerTree& layer_;
  const erofs::Tree& tree_;
  const LayerBlob& blob_;
  BlobWriter& out_;
  const Order order_;
  std::uint64_t text_size_ = 0;
  std::uint64_t target_at_ = 0;  // of the next symlink's target
  std::uint64_t xattr_size_ = 0;
  std::vector<erofs::XattrSetId> xattr_sets_;
  std::unordered_map<erofs::XattrSetId, std::uint64_t> xattr_places_;  // as inodes name them
};

}  // namespace

Result<void> write_layer_table(const LayerTree& tree, const LayerBlob& blob, BlobWriter& out) {
  return Writer(tree, blob, out).write();
}

}  // namespace zeropull::artifact
