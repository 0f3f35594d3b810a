#include "artifact/layer_table.h"

#include <algorithm>
#include <limits>

#include "artifact/layer_table_format.h"
#include "base/check.h"
#include "codec/limits.h"

namespace zeropull::artifact {
namespace {

namespace format = layer_table;

template <typename... Args>
Error broken(fmt::format_string<Args...> text, Args&&... args) {
  return {Code::kDataLoss, fmt::format("layer tree table: {}", fmt::format(text, std::forward<Args>(args)...))};
}

// Splits the packed set at the front of `bytes`; nullopt when it breaks a rule.
std::optional<std::vector<erofs::Xattr>> unpack_xattrs(ByteView bytes) {
  const auto take = [&bytes](std::size_t size) -> std::optional<ByteView> {
    if (bytes.size() < size) return std::nullopt;
    const ByteView front = bytes.first(size);
    bytes = bytes.subspan(size);
    return front;
  };
  const auto count = take(format::kXattrCountSize);
  if (!count) return std::nullopt;
  std::vector<erofs::Xattr> xattrs;
  for (auto left = load_le<std::uint16_t>(count->data()); left > 0; --left) {
    const auto lengths = take(format::kXattrHeaderSize);
    if (!lengths) return std::nullopt;
    const auto name = take(std::to_integer<std::size_t>((*lengths)[0]));
    const auto value = take(load_le<std::uint16_t>(lengths->data() + 1));
    if (!name || !value) return std::nullopt;
    if (!erofs::xattr_name_supported(as_text(*name)) || as_text(*name).starts_with("trusted.")) return std::nullopt;
    if (!xattrs.empty() && xattrs.back().name >= as_text(*name)) return std::nullopt;
    xattrs.push_back({as_text(*name), as_text(*value)});
  }
  return xattrs;
}

}  // namespace

// One pass over names and inodes. Inodes are numbered by their first name, and folders own consecutive names in the same order:
// so the first name of an inode is the next number, folders cannot be reached twice, and nothing can form a circle.
struct LayerTable::Checker {
  const LayerTable& table;
  std::vector<std::uint32_t> good_xattrs{};  // ascending: sets are in the order of their first use

  const std::byte* raw(LayerNode node) const { return table.inodes_.data() + std::uint64_t{node} * format::inode::kSize; }

  Result<void> check() {
    if (table.inode_count_ == 0 || !S_ISDIR(load_le<std::uint16_t>(raw(0) + format::inode::kModeAt))) {
      return broken("no root directory");
    }
    LayerNode next = 1;       // the number of the next new inode
    std::uint64_t first = 0;  // the next folder's first name
    for (LayerNode node = 0; node < table.inode_count_; ++node) {
      if (node >= next) return broken("inode {} has no name before it is needed", node);
      TRY(check_inode(node));
      const LayerInode inode = table.inode(node);
      if (!inode.is_directory()) continue;
      if (inode.first_name != first) return broken("the names of directory {} begin elsewhere", node);
      first += inode.name_count;
      if (first > table.name_count_) return broken("directory {} has more names than there are", node);
      TRY(check_names(inode, next));
    }
    if (first != table.name_count_) return broken("names of no directory");
    return {};
  }

  Result<void> check_names(const LayerInode& directory, LayerNode& next) {
    std::string_view last;
    for (std::uint32_t number = directory.first_name; number < directory.first_name + directory.name_count; ++number) {
      const std::byte* at = table.names_.data() + std::uint64_t{number} * format::name::kSize;
      const std::uint64_t text_at = load_le<std::uint32_t>(at + format::name::kTextAt);
      if (text_at + load_le<std::uint16_t>(at + format::name::kLengthAt) > table.texts_.size()) {
        return broken("name {} lies outside", number);
      }
      const std::string_view name = table.name(number);
      if (!erofs::check_name(name).ok()) return broken("name {} is no valid name", number);
      if (number > directory.first_name && name <= last) return broken("name {} is not in order", number);
      last = name;
      const LayerNode node = table.node(number);
      if (node >= table.inode_count_ || node > next) return broken("name {} is of no inode", number);
      if (node == next) {
        ++next;
      } else if (load_le<std::uint16_t>(raw(node) + format::inode::kFlagsAt) != format::inode::kShared) {
        return broken("name {} is one more of an inode that has one", number);
      }
    }
    return {};
  }

  Result<void> check_inode(LayerNode node) {
    const std::byte* at = raw(node);
    const auto mode = load_le<std::uint16_t>(at + format::inode::kModeAt);
    const auto flags = load_le<std::uint16_t>(at + format::inode::kFlagsAt);
    const auto size = load_le<std::uint64_t>(at + format::inode::kSizeAt);
    const auto place = load_le<std::uint64_t>(at + format::inode::kPlaceAt);
    if (load_le<std::uint64_t>(at + format::inode::kMtimeAt) > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
      return broken("inode {} has a time out of range", node);
    }
    constexpr unsigned kDirectoryFlags = kDirectoryOpaque | kDirectoryImplicit | kDirectoryExplicit;
    if ((flags & ~(S_ISDIR(mode) ? kDirectoryFlags : unsigned{format::inode::kShared})) != 0) {
      return broken("inode {} has unknown flags", node);
    }
    bool valid = false;
    switch (mode & S_IFMT) {
      case S_IFREG: valid = check_place(size, place); break;
      case S_IFDIR: valid = size <= table.name_count_ && place <= table.name_count_ && flags != 0; break;
      case S_IFLNK: valid = check_target(size, place); break;
      case S_IFCHR:
      case S_IFBLK: valid = size == 0 && place >> 32 <= erofs::kMajorMax && (place & UINT32_MAX) <= erofs::kMinorMax; break;
      case S_IFIFO: valid = size == 0 && place == 0; break;
      default: break;
    }
    if (!valid) return broken("inode {} of mode {:o} has a size or place that cannot be", node, mode);
    return check_xattrs(node, load_le<std::uint32_t>(at + format::inode::kXattrsAt));
  }

  bool check_place(std::uint64_t size, std::uint64_t place) const {
    if (size == 0) return place == 0;
    const std::uint64_t blob_size = table.blob_.size;
    return place % kBlockSize == 0 && size <= blob_size && place <= blob_size && align_up(size, kBlockSize) <= blob_size - place;
  }

  bool check_target(std::uint64_t size, std::uint64_t place) const {
    if (size == 0 || size > codec::kPathLengthMax || place > table.texts_.size() || size > table.texts_.size() - place)
      return false;
    return table.text(place, size).find('\0') == std::string_view::npos;
  }

  Result<void> check_xattrs(LayerNode node, std::uint32_t set) {
    if (set == 0) return {};
    if (std::ranges::binary_search(good_xattrs, set)) return {};
    if (!good_xattrs.empty() && set < good_xattrs.back()) return broken("inode {} has xattrs out of order", node);
    if (set > table.xattrs_.size() || !unpack_xattrs(table.xattrs_.subspan(set - 1))) {
      return broken("inode {} has broken xattrs", node);
    }
    good_xattrs.push_back(set);
    return {};
  }
};

Result<LayerTable> LayerTable::open(ByteView bytes) {
  if (bytes.size() < format::header::kSize || as_text(bytes.first(format::kMagic.size())) != format::kMagic) {
    return broken("the file is none");
  }
  const auto version = load_le<std::uint32_t>(bytes.data() + format::header::kVersionAt);
  if (version != format::kVersion) {
    return broken("version {} is unknown; this program reads version {}: convert the image again", version, format::kVersion);
  }
  LayerTable table;
  table.inode_count_ = load_le<std::uint32_t>(bytes.data() + format::header::kInodeCountAt);
  table.name_count_ = load_le<std::uint32_t>(bytes.data() + format::header::kNameCountAt);
  table.blob_.size = load_le<std::uint64_t>(bytes.data() + format::header::kBlobSizeAt);
  std::ranges::copy(bytes.subspan(format::header::kBlobIdAt, Sha256::kSize), table.blob_.id.value.bytes.begin());
  ByteView rest = bytes.subspan(format::header::kSize);
  const auto section = [&rest](std::uint64_t size) {
    const ByteView front = rest.first(std::min<std::uint64_t>(size, rest.size()));
    rest = rest.subspan(front.size());
    return front;
  };
  const std::uint64_t text_size = load_le<std::uint64_t>(bytes.data() + format::header::kTextSizeAt);
  const std::uint64_t xattr_size = load_le<std::uint64_t>(bytes.data() + format::header::kXattrSizeAt);
  table.inodes_ = section(std::uint64_t{table.inode_count_} * format::inode::kSize);
  table.names_ = section(std::uint64_t{table.name_count_} * format::name::kSize);
  table.texts_ = section(text_size);
  table.xattrs_ = section(xattr_size);
  if (table.inodes_.size() != std::uint64_t{table.inode_count_} * format::inode::kSize ||
      table.names_.size() != std::uint64_t{table.name_count_} * format::name::kSize || table.texts_.size() != text_size ||
      table.xattrs_.size() != xattr_size || !rest.empty()) {
    return broken("its size is not what its header says");
  }
  Checker checker{table};
  TRY(checker.check());
  return table;
}

LayerInode LayerTable::inode(LayerNode node) const {
  CHECK(node < inode_count_);
  const std::byte* at = inodes_.data() + std::uint64_t{node} * format::inode::kSize;
  const auto flags = load_le<std::uint16_t>(at + format::inode::kFlagsAt);
  const auto mtime = load_le<std::uint64_t>(at + format::inode::kMtimeAt);
  const auto size = load_le<std::uint64_t>(at + format::inode::kSizeAt);
  const auto place = load_le<std::uint64_t>(at + format::inode::kPlaceAt);
  LayerInode inode;
  inode.mode = load_le<std::uint16_t>(at + format::inode::kModeAt);
  inode.uid = load_le<std::uint32_t>(at + format::inode::kUidAt);
  inode.gid = load_le<std::uint32_t>(at + format::inode::kGidAt);
  inode.mtime = {static_cast<std::int64_t>(mtime / 1'000'000'000), static_cast<std::uint32_t>(mtime % 1'000'000'000)};
  inode.xattrs = load_le<std::uint32_t>(at + format::inode::kXattrsAt);
  inode.shared = (flags & format::inode::kShared) != 0;
  if (S_ISREG(inode.mode)) {
    inode.size = size;
    inode.blob_offset = place;
  } else if (S_ISDIR(inode.mode)) {
    inode.directory_flags = static_cast<std::uint8_t>(flags);
    inode.first_name = static_cast<std::uint32_t>(place);
    inode.name_count = static_cast<std::uint32_t>(size);
  } else if (S_ISLNK(inode.mode)) {
    inode.target = text(place, size);
  } else {
    inode.rdev = {static_cast<std::uint32_t>(place >> 32), static_cast<std::uint32_t>(place)};
  }
  return inode;
}

std::string_view LayerTable::name(std::uint32_t number) const {
  CHECK(number < name_count_);
  const std::byte* at = names_.data() + std::uint64_t{number} * format::name::kSize;
  return text(load_le<std::uint32_t>(at + format::name::kTextAt), load_le<std::uint16_t>(at + format::name::kLengthAt));
}

LayerNode LayerTable::node(std::uint32_t number) const {
  CHECK(number < name_count_);
  return load_le<std::uint32_t>(names_.data() + std::uint64_t{number} * format::name::kSize + format::name::kInodeAt);
}

std::optional<LayerNode> LayerTable::lookup(LayerNode directory, std::string_view wanted) const {
  const LayerInode inode = this->inode(directory);
  std::uint32_t low = inode.first_name;
  std::uint32_t high = inode.first_name + inode.name_count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const std::string_view found = name(middle);
    if (found == wanted) return node(middle);
    (found < wanted ? low : high) = found < wanted ? middle + 1 : middle;
  }
  return std::nullopt;
}

std::vector<erofs::Xattr> LayerTable::xattrs(std::uint32_t set) const {
  if (set == 0) return {};
  CHECK(set <= xattrs_.size());
  auto xattrs = unpack_xattrs(xattrs_.subspan(set - 1));
  CHECK(xattrs.has_value());
  return std::move(*xattrs);
}

std::string_view LayerTable::text(std::uint64_t offset, std::uint64_t size) const {
  CHECK(offset <= texts_.size() && size <= texts_.size() - offset);
  return as_text(texts_.subspan(offset, size));
}

}  // namespace zeropull::artifact
