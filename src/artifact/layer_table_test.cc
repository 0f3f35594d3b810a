#include "artifact/layer_table.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "artifact/layer_table_format.h"
#include "os/file.h"

namespace zeropull::artifact {
namespace {

namespace format = layer_table;
using codec::TarType;

const LayerBlob kBlob{BlobId{Sha256{}}, 3 * kBlockSize};

// A layer with everything that a table can say.
LayerTree sample_layer() {
  LayerTree layer;
  const auto add = [&](const char* path, TarType type, const char* link = "", std::uint64_t size = 0) {
    codec::TarEntry entry;
    entry.type = type;
    entry.path = path;
    entry.link_target = link;
    entry.mode = 0751;
    entry.uid = 70000;
    entry.gid = 5;
    entry.mtime = {1'234'567'890, 123'456'789};
    entry.size = size;
    entry.device_major = 8;
    entry.device_minor = 300;
    if (type != TarType::kHardLink) entry.xattrs = {{"security.label", std::string("a\0b", 3)}, {"user.empty", ""}};
    MUST(layer.apply(entry, kBlockSize));
  };
  add("folder", TarType::kDirectory);
  add("folder/file", TarType::kRegular, "", 2 * kBlockSize - 1);
  add("folder/link", TarType::kHardLink, "folder/file");
  add("symlink", TarType::kSymlink, "folder/\xff");
  add("device", TarType::kBlockDevice);
  add("fifo", TarType::kFifo);
  add("implicit/.wh.gone", TarType::kRegular);
  add("opaque/.wh..wh..opq", TarType::kRegular);
  add("opaque/empty", TarType::kRegular);
  MUST(layer.finish());
  return layer;
}

Bytes write(const LayerTree& layer, const LayerBlob& blob = kBlob) {
  const auto folder = MUST(os::ScratchFolder::create("/tmp", "zp-layer-table-"));
  const auto fd = MUST(os::open_file(folder.path() + "/table", O_RDWR | O_CREAT));
  BlobWriter out(fd.get());
  MUST(write_layer_table(layer, blob, out));
  MUST(out.finish());
  return MUST(os::read_file(folder.path() + "/table", 64 * kMiB));
}

// Every accessor over everything, so that a bound which open() forgot is hit.
std::uint64_t walk(const LayerTable& table) {
  std::uint64_t sum = 0;
  for (LayerNode node = 0; node < table.inode_count(); ++node) {
    const LayerInode inode = table.inode(node);
    sum += inode.mode + inode.target.size();
    for (const auto& [name, value] : table.xattrs(inode.xattrs)) sum += name.size() + value.size();
  }
  for (std::uint32_t number = 0; number < table.name_count(); ++number) sum += table.name(number).size() + table.node(number);
  return sum;
}

LayerInode find(const LayerTable& table, std::string_view folder, std::string_view name) {
  const LayerNode directory = folder.empty() ? 0 : table.lookup(0, folder).value();
  return table.inode(table.lookup(directory, name).value());
}

TEST(LayerTable, reads_what_was_written) {
  const Bytes bytes = write(sample_layer());
  const LayerTable table = MUST(LayerTable::open(bytes));
  EXPECT_EQ(table.blob().size, kBlob.size);
  EXPECT_EQ(table.inode_count(), 10U);
  EXPECT_EQ(table.name_count(), 10U);
  const LayerInode file = find(table, "folder", "file");
  EXPECT_EQ(file.mode, S_IFREG | 0751);
  EXPECT_EQ(file.uid, 70000U);
  EXPECT_EQ(file.gid, 5U);
  EXPECT_EQ(file.mtime, (erofs::Time{1'234'567'890, 123'456'789}));
  EXPECT_EQ(file.size, 2 * kBlockSize - 1);
  EXPECT_EQ(file.blob_offset, kBlockSize);
  EXPECT_TRUE(file.shared);
  EXPECT_EQ(table.lookup(*table.lookup(0, "folder"), "file"), table.lookup(*table.lookup(0, "folder"), "link"));
  EXPECT_EQ(find(table, "", "symlink").target, "folder/\xff");
  EXPECT_EQ(find(table, "", "device").rdev, (erofs::DeviceNumber{8, 300}));
  EXPECT_THAT(table.xattrs(find(table, "", "fifo").xattrs),
              testing::ElementsAre(erofs::Xattr{"security.label", std::string_view("a\0b", 3)}));
  EXPECT_TRUE(find(table, "implicit", "gone").is_whiteout());
  EXPECT_EQ(find(table, "", "implicit").directory_flags, kDirectoryImplicit);
  EXPECT_EQ(find(table, "", "opaque").directory_flags, kDirectoryImplicit | kDirectoryOpaque);
  EXPECT_EQ(find(table, "", "folder").directory_flags, kDirectoryExplicit);
  EXPECT_EQ(table.lookup(0, "no such"), std::nullopt);
}

TEST(LayerTable, bytes_are_the_golden_ones) {
  const Bytes bytes = write(sample_layer());
  const std::string path = std::string(ZP_SOURCE_DIR) + "/tests/data/layer-table-v1";
  if (std::getenv("ZP_UPDATE_GOLDEN") != nullptr) MUST(os::replace_file(path, bytes, 0644));
  EXPECT_EQ(bytes, MUST(os::read_file(path, kMiB))) << "the format changed: raise its version and keep reading version 1";
}

TEST(LayerTable, an_empty_layer_has_a_root_and_no_blob) {
  const Bytes bytes = write(LayerTree(), {});
  const LayerTable table = MUST(LayerTable::open(bytes));
  EXPECT_EQ(table.inode_count(), 1U);
  EXPECT_EQ(table.blob().size, 0U);
}

TEST(LayerTable, refuses_every_shorter_and_longer_file) {
  Bytes bytes = write(sample_layer());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(LayerTable::open(ByteView(bytes).first(size)).failed_with(Code::kDataLoss)) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_TRUE(LayerTable::open(bytes).failed_with(Code::kDataLoss));
}

TEST(LayerTable, no_changed_byte_leads_out_of_bounds) {
  const Bytes good = write(sample_layer());
  std::uint64_t opened = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {1, 0x80, 0xff}) {
      Bytes bytes = good;
      bytes[at] ^= static_cast<std::byte>(change);
      const auto table = LayerTable::open(bytes);
      if (!table.ok()) continue;
      walk(*table);
      ++opened;
    }
  }
  EXPECT_GT(opened, 0U);  // some changes are other valid tables: owners, times, letters
}

TEST(LayerTable, says_that_a_newer_version_is_unknown) {
  Bytes bytes = write(sample_layer());
  store_le(bytes.data() + format::header::kVersionAt, format::kVersion + 1);
  const auto table = LayerTable::open(bytes);
  ASSERT_TRUE(table.failed_with(Code::kDataLoss));
  EXPECT_THAT(table.error().message(), testing::HasSubstr("version 2 is unknown"));
}

TEST(LayerTable, refuses_what_no_layer_is) {
  const Bytes good = write(sample_layer());
  const LayerTable table = MUST(LayerTable::open(good));
  const LayerNode folder = *table.lookup(0, "folder");
  const LayerNode file = *table.lookup(folder, "file");
  const LayerNode symlink = *table.lookup(0, "symlink");
  const std::size_t names = format::header::kSize + table.inode_count() * format::inode::kSize;
  const auto refused = [&](std::size_t at, std::uint64_t value, std::size_t width) {
    Bytes bytes = good;
    std::memcpy(bytes.data() + at, &value, width);
    return LayerTable::open(bytes).failed_with(Code::kDataLoss);
  };
  const auto inode = [](LayerNode node, std::size_t field) {
    return format::header::kSize + node * format::inode::kSize + field;
  };
  EXPECT_TRUE(refused(inode(0, format::inode::kModeAt), S_IFREG, 2));              // a root that is a file
  EXPECT_TRUE(refused(inode(file, format::inode::kModeAt), S_IFSOCK, 2));          // a type that layers cannot have
  EXPECT_TRUE(refused(inode(file, format::inode::kFlagsAt), 0, 2));                // two names without being shared
  EXPECT_TRUE(refused(inode(file, format::inode::kFlagsAt), 2, 2));                // a folder's flag
  EXPECT_TRUE(refused(inode(file, format::inode::kPlaceAt), 2 * kBlockSize, 8));   // beyond the blob
  EXPECT_TRUE(refused(inode(file, format::inode::kPlaceAt), 1, 8));                // within a block
  EXPECT_TRUE(refused(inode(file, format::inode::kSizeAt), UINT64_MAX, 8));        // overflow
  EXPECT_TRUE(refused(inode(file, format::inode::kMtimeAt), UINT64_MAX, 8));       // before 1970
  EXPECT_TRUE(refused(inode(symlink, format::inode::kSizeAt), 0, 8));              // a target of nothing
  EXPECT_TRUE(refused(inode(symlink, format::inode::kPlaceAt), UINT64_MAX, 8));    // a target outside
  EXPECT_TRUE(refused(inode(file, format::inode::kXattrsAt), UINT32_MAX, 4));      // xattrs outside
  EXPECT_TRUE(refused(inode(folder, format::inode::kPlaceAt), 0, 8));              // the root's names once more
  EXPECT_TRUE(refused(names + format::name::kInodeAt, 0, 4));                      // the root within itself
  EXPECT_TRUE(refused(names + format::name::kInodeAt, folder, 4));                 // a folder with two names
  EXPECT_TRUE(refused(names + format::name::kInodeAt, table.inode_count(), 4));    // an inode that is not
  EXPECT_TRUE(refused(names + format::name::kTextAt, UINT32_MAX, 4));              // a name outside
  EXPECT_TRUE(refused(names + format::name::kLengthAt, 0, 2));                     // an empty name
  EXPECT_TRUE(refused(names + table.name_count() * format::name::kSize, '/', 1));  // a name with a slash
}

}  // namespace
}  // namespace zeropull::artifact
