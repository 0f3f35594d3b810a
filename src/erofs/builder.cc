#include "erofs/builder.h"

#include <algorithm>

#include "base/units.h"
#include "erofs/directory_block.h"
#include "erofs/image_output.h"
#include "erofs/image_plan.h"
#include "erofs/layout.h"

namespace zeropull::erofs {

namespace {

// Linux's 32-bit device number on disk: minor's low byte, major, minor's rest.
std::uint32_t encode_device(DeviceNumber device) {
  return (device.minor & 0xff) | (device.major << 8) | ((device.minor & ~0xffU) << 12);
}

std::uint32_t crc32c(ByteView bytes) {  // bit by bit: one block an image
  constexpr std::uint32_t kReflectedPolynomial = 0x82f63b78;
  std::uint32_t crc = 0xffff'ffff;
  for (std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReflectedPolynomial : 0);
  }
  return crc;
}

// The root's inode is the first behind the device table, at most a block later: its 16-bit nid suffices.
static_assert((layout::kSuperblockOffset + sizeof(layout::Superblock) + kDevicesMax * sizeof(layout::DeviceSlot) + kBlockSize) /
                  layout::kInodeSlot <=
              UINT16_MAX);

class ImageWriter {
 public:
  ImageWriter(const ImagePlan& plan, std::span<const DeviceInfo> devices, int fd) : plan_(plan), devices_(devices), output_(fd) {}

  Result<void> write() {
    TRY(output_.pad_to(layout::kSuperblockOffset));
    TRY(output_.append_struct(superblock()));
    for (const DeviceInfo& device : devices_) {
      layout::DeviceSlot slot{};
      slot.blocks = static_cast<std::uint32_t>(device.size_bytes / kBlockSize);
      TRY(output_.append_struct(slot));
    }
    TRY(write_inodes());
    TRY(output_.pad_to(plan_.xattr_block() * kBlockSize));
    TRY(output_.append(plan_.xattrs().area()));
    TRY(output_.pad_to(plan_.data_block() * kBlockSize));
    TRY(write_blocks());
    return seal();
  }

 private:
  layout::Superblock superblock() const {
    layout::Superblock super{};
    super.magic = layout::kMagic;
    super.feature_compat = layout::kCompatChecksum | layout::kCompatMtime;
    super.feature_incompat = layout::kIncompatChunkedFile | (devices_.empty() ? 0 : layout::kIncompatDeviceTable);
    super.block_bits = layout::kBlockBits;
    super.root_nid = static_cast<std::uint16_t>(plan_.nid(kRootNode));
    super.inode_count = plan_.inodes().size();
    super.build_time = static_cast<std::uint64_t>(plan_.build_time().seconds);
    super.build_time_nanoseconds = plan_.build_time().nanoseconds;
    super.blocks = static_cast<std::uint32_t>(plan_.block_count());
    super.xattr_block = static_cast<std::uint32_t>(plan_.xattr_block());
    if (!devices_.empty()) {
      super.extra_devices = static_cast<std::uint16_t>(devices_.size());
      super.device_table_slot = static_cast<std::uint16_t>(plan_.device_table_offset() / sizeof(layout::DeviceSlot));
    }
    return super;
  }

  Result<void> write_inodes() {
    std::uint64_t block = plan_.data_block();
    std::uint32_t next_directory = 0;
    for (std::uint32_t i = 0; i < plan_.inodes().size(); ++i) {
      const NodeId node = plan_.inodes()[i];
      const PlannedDirectory* directory = plan_.tree().is_directory(node) ? &plan_.directory(next_directory++) : nullptr;
      const InodeShape shape = plan_.shape(node, directory);
      const Inode inode = plan_.tree().inode(node);
      TRY(output_.pad_to(plan_.nid(node) * layout::kInodeSlot));
      TRY(write_head(node, i + 1, inode, shape, static_cast<std::uint32_t>(block)));
      TRY(write_xattr_places(inode.xattrs));
      if (shape.chunks > 0) TRY(write_chunks(inode, shape));
      if (shape.tail_bytes > 0 && directory != nullptr) TRY(write_entries(*directory, directory->tail_first, directory->count));
      if (shape.tail_bytes > 0 && directory == nullptr) TRY(output_.append(as_bytes(inode.target)));
      block += shape.blocks;
    }
    return {};
  }

  Result<void> write_head(NodeId node, std::uint32_t number, const Inode& inode, const InodeShape& shape, std::uint32_t block) {
    const std::size_t xattrs = inode.xattrs == kNoXattrs ? 0 : 1 + plan_.xattrs().places(inode.xattrs).size();
    const std::uint32_t place = shape.chunks > 0    ? layout::kChunkIndexes | shape.chunk_bits
                                : shape.blocks > 0  ? block
                                : inode.is_device() ? encode_device(inode.rdev)
                                                    : 0;
    const std::uint32_t links = plan_.tree().link_count(node);
    if (shape.compact) {
      return output_.append_struct(layout::CompactInode{.format = shape.format,
                                                        .xattr_count = static_cast<std::uint16_t>(xattrs),
                                                        .mode = inode.mode,
                                                        .links = static_cast<std::uint16_t>(links),
                                                        .size = static_cast<std::uint32_t>(shape.size),
                                                        .reserved = 0,
                                                        .place = place,
                                                        .number = number,
                                                        .uid = static_cast<std::uint16_t>(inode.uid),
                                                        .gid = static_cast<std::uint16_t>(inode.gid),
                                                        .reserved2 = 0});
    }
    return output_.append_struct(layout::ExtendedInode{.format = shape.format,
                                                       .xattr_count = static_cast<std::uint16_t>(xattrs),
                                                       .mode = inode.mode,
                                                       .reserved = 0,
                                                       .size = shape.size,
                                                       .place = place,
                                                       .number = number,
                                                       .uid = inode.uid,
                                                       .gid = inode.gid,
                                                       .mtime = static_cast<std::uint64_t>(inode.mtime.seconds),
                                                       .mtime_nanoseconds = inode.mtime.nanoseconds,
                                                       .links = links,
                                                       .reserved2 = {}});
  }

  Result<void> write_xattr_places(XattrSetId set) {
    if (set == kNoXattrs) return {};
    const auto places = plan_.xattrs().places(set);
    TRY(output_.append_struct(
        layout::XattrHeader{.name_filter = 0, .shared_count = static_cast<std::uint8_t>(places.size()), .reserved = {}}));
    return output_.append(std::as_bytes(places));
  }

  Result<void> write_chunks(const Inode& inode, const InodeShape& shape) {
    TRY(output_.pad_to(align_up(output_.position(), sizeof(layout::ChunkIndex))));
    const std::uint64_t chunk_size = kBlockSize << shape.chunk_bits;
    const Extent whole{.file_offset = 0, .length = inode.size, .blob_offset = inode.data.blob_offset};
    std::span<const Extent> extents = inode.data.extents;
    if (extents.empty() && inode.data.device != 0) extents = std::span(&whole, 1);
    for (std::uint32_t i = 0; i < shape.chunks; ++i) {
      const std::uint64_t offset = i * chunk_size;
      while (!extents.empty() && extents.front().file_offset + extents.front().length <= offset) extents = extents.subspan(1);
      layout::ChunkIndex index{.advise = 0, .device = 0, .block = layout::kHole};
      if (!extents.empty() && extents.front().file_offset <= offset) {
        index.device = inode.data.device;
        index.block =
            static_cast<std::uint32_t>((extents.front().blob_offset + offset - extents.front().file_offset) / kBlockSize);
      }
      TRY(output_.append_struct(index));
    }
    return {};
  }

  // Entries [first, end) of a directory, which make one block or a tail.
  Result<void> write_entries(const PlannedDirectory& directory, std::uint32_t first, std::uint32_t end) {
    entries_.clear();
    for (std::uint32_t i = first; i < end; ++i) {
      const EntryId entry = plan_.entry(directory.first + i);
      const NodeId node = plan_.entry_node(directory, entry);
      entries_.push_back({plan_.entry_name(entry), plan_.nid(node), plan_.tree().inode(node).mode});
    }
    block_.clear();
    append_directory_block(block_, entries_);
    return output_.append(block_);
  }

  Result<void> write_blocks() {
    std::uint32_t next_directory = 0;
    for (std::uint32_t i = 0; i < plan_.inodes().size(); ++i) {
      const NodeId node = plan_.inodes()[i];
      const bool is_directory = plan_.tree().is_directory(node);
      const PlannedDirectory* directory = is_directory ? &plan_.directory(next_directory++) : nullptr;
      const InodeShape shape = plan_.shape(node, directory);
      if (shape.blocks == 0) continue;
      if (is_directory) {
        TRY(write_directory_blocks(*directory, shape.tail_bytes > 0 ? directory->tail_first : directory->count));
      } else {
        TRY(output_.append(as_bytes(plan_.tree().inode(node).target)));
        TRY(output_.pad_to(align_up(output_.position(), kBlockSize)));
      }
    }
    return {};
  }

  Result<void> write_directory_blocks(const PlannedDirectory& directory, std::uint32_t count) {
    for (std::uint32_t first = 0; first < count;) {
      const std::uint32_t end = plan_.block_from(directory, first).end;
      TRY(write_entries(directory, first, end));
      TRY(output_.pad_to(align_up(output_.position(), kBlockSize)));
      first = end;
    }
    return {};
  }

  // The volume's UUID is the hash of the image without it, so that equal images have equal ones and others differ.
  Result<void> seal() {
    const Sha256 hash = TRY(output_.finish());
    const MutableByteView block = output_.first_block().subspan(layout::kSuperblockOffset);
    layout::Superblock super;
    std::memcpy(&super, block.data(), sizeof super);
    std::memcpy(super.uuid.data(), hash.bytes.data(), super.uuid.size());
    super.uuid[6] = static_cast<std::uint8_t>((super.uuid[6] & 0x0f) | 0x80);  // version 8, variant 1 (RFC 9562)
    super.uuid[8] = static_cast<std::uint8_t>((super.uuid[8] & 0x3f) | 0x80);
    std::memcpy(block.data(), &super, sizeof super);
    super.checksum = crc32c(block);
    std::memcpy(block.data(), &super, sizeof super);
    return output_.write_first_block();
  }

  const ImagePlan& plan_;
  std::span<const DeviceInfo> devices_;
  ImageOutput output_;
  std::vector<DirectoryEntry> entries_;  // of the block being made
  Bytes block_;
};

}  // namespace

Result<ImageInfo> write_image(const Tree& tree, std::span<const DeviceInfo> devices, int fd) {
  const ImagePlan plan = TRY(ImagePlan::create(tree, devices));
  TRY(ImageWriter(plan, devices, fd).write());
  return ImageInfo{.size_bytes = plan.block_count() * kBlockSize, .inode_count = plan.inodes().size()};
}

}  // namespace zeropull::erofs
