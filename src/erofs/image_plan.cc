#include "erofs/image_plan.h"

#include <algorithm>
#include <bit>

#include "base/units.h"
#include "erofs/directory_block.h"
#include "erofs/layout.h"

namespace zeropull::erofs {

namespace {

constexpr std::uint32_t kSeen = 1;  // a nid that no inode gets: the superblock lies there

// A name with its first bytes as a number: most comparisons end there, without a look at the name.
struct SortKey {
  std::uint64_t beginning;
  EntryId entry;
};

SortKey sort_key(std::string_view name, EntryId entry) {
  std::uint64_t beginning = 0;
  std::memcpy(&beginning, name.data(), std::min(name.size(), sizeof beginning));
  return {std::byteswap(beginning), entry};
}

Result<void> check_device(const DeviceInfo& device) {
  if (device.size_bytes > 0 && device.size_bytes % kBlockSize == 0 && device.size_bytes <= kDeviceSizeMax) return {};
  return make_error(Code::kInvalidArgument, "a data device of {} bytes: a multiple of {} up to {} is needed", device.size_bytes,
                    kBlockSize, kDeviceSizeMax);
}

Result<void> check_place(const Inode& inode, std::span<const DeviceInfo> devices) {
  if (inode.data.device == 0) return {};
  if (inode.data.device > devices.size()) {
    return make_error(Code::kInvalidArgument, "data on device {} of {}", inode.data.device, devices.size());
  }
  const std::uint64_t end_max = devices[inode.data.device - 1U].size_bytes;
  auto check = [&](std::uint64_t offset, std::uint64_t length) -> Result<void> {
    if (offset + align_up(length, kBlockSize) <= end_max) return {};  // no overflow: check_inode()
    return make_error(Code::kInvalidArgument, "data at {} of {} bytes, beyond device {} of {} bytes", offset, length,
                      inode.data.device, end_max);
  };
  if (inode.data.extents.empty()) return check(inode.data.blob_offset, inode.size);
  for (const Extent& extent : inode.data.extents) {
    if (auto checked = check(extent.blob_offset, extent.length); !checked.ok()) return checked;
  }
  return {};
}

std::string path_of(const Tree& tree, NodeId directory) {
  std::string path;
  for (; directory != kRootNode; directory = tree.parent(directory)) path.insert(0, fmt::format("/{}", tree.name(directory)));
  return path;
}

}  // namespace

std::uint64_t InodeShape::bytes() const {
  if (chunks > 0) return align_up(head_bytes, sizeof(layout::ChunkIndex)) + chunks * sizeof(layout::ChunkIndex);
  return head_bytes + tail_bytes;
}

Result<ImagePlan> ImagePlan::create(const Tree& tree, std::span<const DeviceInfo> devices) {
  if (devices.size() > kDevicesMax) {
    return make_error(Code::kInvalidArgument, "{} data devices: {} are the most", devices.size(), kDevicesMax);
  }
  for (const DeviceInfo& device : devices) TRY(check_device(device));
  ImagePlan plan(tree);
  TRY(plan.order_inodes(devices));
  plan.choose_build_time();
  plan.xattrs_ = TRY(SharedXattrs::create(tree, plan.inodes_));
  TRY(plan.place(plan.device_table_offset() + devices.size() * sizeof(layout::DeviceSlot)));
  return plan;
}

std::string_view ImagePlan::entry_name(EntryId entry) const {
  if (entry == kSelfEntry) return ".";
  if (entry == kParentEntry) return "..";
  return tree_->child(entry).name;
}

NodeId ImagePlan::entry_node(const PlannedDirectory& directory, EntryId entry) const {
  if (entry == kSelfEntry) return directory.node;
  if (entry == kParentEntry) return tree_->parent(directory.node);
  return tree_->child(entry).node;
}

std::uint64_t ImagePlan::device_table_offset() const { return layout::kSuperblockOffset + sizeof(layout::Superblock); }

Result<void> ImagePlan::order_inodes(std::span<const DeviceInfo> devices) {
  nids_[kRootNode] = kSeen;
  inodes_.append(kRootNode);
  directories_.append({});
  for (std::uint32_t at = 0; at < directories_.size(); ++at) {
    PlannedDirectory& directory = directories_[at];
    order_entries(directory);
    pack_entries(directory);
    for (std::uint32_t i = directory.first; i < directory.first + directory.count; ++i) {
      const NodeId node = entry_node(directory, entries_[i]);
      if (nids_[node] == kSeen) continue;
      if (auto checked = check_place(tree_->inode(node), devices); !checked.ok()) {
        return std::move(checked).with_context("{}/{}", path_of(*tree_, directory.node), entry_name(entries_[i]));
      }
      nids_[node] = kSeen;
      inodes_.append(node);
      if (tree_->is_directory(node)) directories_.append({.node = node});
    }
  }
  return {};
}

void ImagePlan::order_entries(PlannedDirectory& directory) {
  std::vector<SortKey> keys;
  keys.push_back(sort_key(".", kSelfEntry));
  keys.push_back(sort_key("..", kParentEntry));
  for (const Tree::Child& child : tree_->children(directory.node)) keys.push_back(sort_key(child.name, child.entry));
  std::sort(keys.begin(), keys.end(), [this](const SortKey& a, const SortKey& b) {
    if (a.beginning != b.beginning) return a.beginning < b.beginning;
    return entry_name(a.entry) < entry_name(b.entry);
  });
  directory.first = entries_.size();
  directory.count = static_cast<std::uint32_t>(keys.size());
  for (const SortKey& key : keys) entries_.append(key.entry);
}

// Fills blocks from the front. Whether the last one is inline, shape() decides: its entries must fit beside the inode.
void ImagePlan::pack_entries(PlannedDirectory& directory) const {
  BlockRun run = block_from(directory, 0);
  for (; run.end < directory.count; run = block_from(directory, run.end)) {
    ++directory.blocks;
    directory.tail_first = run.end;
  }
  directory.tail_bytes = run.bytes;
  directory.size = directory.blocks * kBlockSize + run.bytes;
}

ImagePlan::BlockRun ImagePlan::block_from(const PlannedDirectory& directory, std::uint32_t first) const {
  BlockRun run{.end = first, .bytes = 0};
  for (; run.end < directory.count; ++run.end) {
    const std::uint32_t bytes = dirent_bytes(entry_name(entries_[directory.first + run.end]));
    if (run.bytes + bytes > kBlockSize) break;
    run.bytes += bytes;
  }
  return run;
}

// The time of more than half of the inodes, if there is one (Boyer and Moore's majority vote): those inodes can be compact, as
// all are in images that clamp their times. Any other outcome is as right, only larger.
void ImagePlan::choose_build_time() {
  std::uint32_t votes = 0;
  for (std::uint32_t i = 0; i < inodes_.size(); ++i) {
    const Time time = tree_->inode(inodes_[i]).mtime;
    if (votes == 0) build_time_ = time;
    if (time == build_time_) {
      ++votes;
    } else {
      --votes;
    }
  }
}

InodeShape ImagePlan::shape(NodeId node, const PlannedDirectory* directory) const {
  const Inode inode = tree_->inode(node);
  InodeShape shape;
  shape.size = inode.is_directory() ? directory->size : inode.is_symlink() ? inode.target.size() : inode.size;
  shape.compact = inode.mtime == build_time_ && inode.uid <= UINT16_MAX && inode.gid <= UINT16_MAX && shape.size <= UINT32_MAX &&
                  tree_->link_count(node) <= UINT16_MAX;
  shape.head_bytes = xattrs_.inline_bytes(inode.xattrs);
  shape.head_bytes += static_cast<std::uint32_t>(shape.compact ? sizeof(layout::CompactInode) : sizeof(layout::ExtendedInode));
  shape.format = shape.compact ? 0 : layout::kInodeExtended;

  if (inode.is_regular() && inode.size > 0) {
    shape.format |= layout::kDataChunks;
    const std::uint64_t blocks = divide_up(inode.size, kBlockSize);
    const std::uint64_t chunk_blocks =
        inode.data.extents.empty() ? std::bit_ceil(blocks) : sparse_chunk_size(inode.size) / kBlockSize;
    shape.chunk_bits = std::min(static_cast<std::uint32_t>(std::countr_zero(chunk_blocks)), layout::kChunkBitsMax);
    shape.chunks = static_cast<std::uint32_t>(divide_up(blocks, std::uint64_t{1} << shape.chunk_bits));
  } else if (inode.is_directory() || inode.is_symlink()) {
    // Whole blocks first; the tail is inline where it fits into one block together with the head, else one more whole block.
    const std::uint32_t whole = inode.is_directory() ? directory->blocks : 0;
    const std::uint32_t tail = inode.is_directory() ? directory->tail_bytes : static_cast<std::uint32_t>(inode.target.size());
    if (shape.head_bytes + tail <= kBlockSize) {
      shape.format |= layout::kDataInline;
      shape.tail_bytes = tail;
      shape.blocks = whole;
    } else {
      shape.blocks = whole + 1;
    }
  }
  return shape;
}

Result<void> ImagePlan::place(std::uint64_t inodes_offset) {
  std::uint64_t end = inodes_offset;
  std::uint64_t data_blocks = 0;
  std::uint32_t directory = 0;
  for (std::uint32_t i = 0; i < inodes_.size(); ++i) {
    const NodeId node = inodes_[i];
    const InodeShape shape = this->shape(node, tree_->is_directory(node) ? &directories_[directory++] : nullptr);
    std::uint64_t at = align_up(end, layout::kInodeSlot);
    // Old kernels want a symlink's inline target in the block where its inode ends; all want a tail within one block.
    if (shape.tail_bytes > 0 && at % kBlockSize + shape.bytes() > kBlockSize) at = align_up(at, kBlockSize);
    if (at / layout::kInodeSlot > UINT32_MAX) {
      return make_error(Code::kResourceExhausted, "the inodes of the image take more than 128 GiB");
    }
    nids_[node] = static_cast<std::uint32_t>(at / layout::kInodeSlot);
    end = at + shape.bytes();
    data_blocks += shape.blocks;
  }
  xattr_block_ = divide_up(end, kBlockSize);
  data_block_ = xattr_block_ + divide_up(xattrs_.area().size(), kBlockSize);
  block_count_ = data_block_ + data_blocks;
  if (block_count_ > kDeviceSizeMax / kBlockSize) {
    return make_error(Code::kResourceExhausted, "the metadata image takes {} blocks", block_count_);
  }
  return {};
}

}  // namespace zeropull::erofs
