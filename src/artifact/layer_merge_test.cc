// What the tree-equality test cannot see: device numbers, prefixes, limits. That the merged tree is containerd's is its business.
#include "artifact/layer_merge.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "os/file.h"

namespace zeropull::artifact {
namespace {

using codec::TarType;

// A layer's table, from paths: "d/" is a folder, ".wh.x" a whiteout, others files of one byte each.
struct Layers {
  std::deque<Bytes> bytes;
  std::vector<LayerTable> tables;

  void add(const std::vector<std::string>& paths, const LayerBlob& blob) {
    LayerTree layer;
    for (const std::string& path : paths) {
      codec::TarEntry entry;
      entry.path = path;
      entry.type = path.ends_with('/') ? TarType::kDirectory : TarType::kRegular;
      entry.mode = 0644;
      entry.size = path.ends_with('/') ? 0 : 1;
      MUST(layer.apply(entry, 0));
    }
    const auto folder = MUST(os::ScratchFolder::create("/tmp", "zp-layer-merge-"));
    const auto fd = MUST(os::open_file(folder.path() + "/table", O_RDWR | O_CREAT));
    BlobWriter out(fd.get());
    MUST(write_layer_table(layer, blob, out));
    MUST(out.finish());
    bytes.push_back(MUST(os::read_file(folder.path() + "/table", 64 * kMiB)));
    tables.push_back(MUST(LayerTable::open(bytes.back())));
  }
  MergedTree merge(std::size_t count) { return MUST(merge_layers(Context::root("test"), std::span(tables).first(count))); }
};

LayerBlob blob(char letter) { return {BlobId{codec::sha256(as_bytes(std::string_view(&letter, 1)))}, kBlockSize}; }

std::vector<std::string> names(const erofs::Tree& tree, erofs::NodeId folder = erofs::kRootNode) {
  std::vector<std::string> found;
  for (const auto& child : tree.children(folder)) found.emplace_back(child.name);
  std::ranges::sort(found);
  return found;
}
std::uint16_t device(const erofs::Tree& tree, std::string_view name) {
  return tree.inode(tree.lookup(erofs::kRootNode, name).value()).data.device;
}

TEST(LayerMerge, devices_are_the_distinct_blobs_bottom_to_top) {
  Layers layers;
  layers.add({"a"}, blob('a'));
  layers.add({"folder/"}, {});
  layers.add({"b"}, blob('b'));
  layers.add({"same"}, blob('a'));
  layers.add({"c"}, blob('c'));
  const MergedTree merged = layers.merge(5);
  ASSERT_EQ(merged.devices.size(), 3U);
  EXPECT_EQ(merged.devices[0].id, blob('a').id);
  EXPECT_EQ(merged.devices[2].id, blob('c').id);
  EXPECT_EQ(device(merged.tree, "a"), 1);
  EXPECT_EQ(device(merged.tree, "same"), 1);
  EXPECT_EQ(device(merged.tree, "b"), 2);
  EXPECT_EQ(device(merged.tree, "c"), 3);
}

TEST(LayerMerge, any_prefix_is_an_image) {
  Layers layers;
  layers.add({"d/", "d/low", "x"}, blob('a'));
  layers.add({"d/.wh.low", "d/middle"}, blob('b'));
  layers.add({".wh.d", "y"}, blob('c'));
  EXPECT_TRUE(names(layers.merge(0).tree).empty());
  EXPECT_THAT(names(layers.merge(1).tree), testing::ElementsAre("d", "x"));
  const MergedTree two = layers.merge(2);
  EXPECT_THAT(names(two.tree, *two.tree.lookup(erofs::kRootNode, "d")), testing::ElementsAre("middle"));
  EXPECT_THAT(names(layers.merge(3).tree), testing::ElementsAre("x", "y"));
}

TEST(LayerMerge, a_whiteout_hides_what_is_below_alone) {
  Layers layers;
  layers.add({"d/", "d/one"}, blob('a'));
  layers.add({".wh.d"}, {});
  layers.add({"d/two"}, blob('b'));
  const MergedTree merged = layers.merge(3);
  EXPECT_THAT(names(merged.tree, *merged.tree.lookup(erofs::kRootNode, "d")), testing::ElementsAre("two"));
}

TEST(LayerMerge, deep_and_wide_folders_merge) {
  Layers layers;
  std::string deep;
  for (int depth = 0; depth < 1500; ++depth) deep += "d/";
  layers.add({deep + "low"}, blob('a'));
  std::vector<std::string> wide{deep + "high"};
  for (int number = 0; number < 20'000; ++number) wide.push_back(fmt::format("wide/{}", number));
  layers.add(wide, blob('b'));
  const MergedTree merged = layers.merge(2);
  EXPECT_EQ(merged.tree.node_count(), 1U + 1500 + 2 + 1 + 20'000);
}

TEST(LayerMerge, stops_when_its_context_ends) {
  Layers layers;
  layers.add({"a"}, blob('a'));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(merge_layers(Context::root("test", stop.get_token()), layers.tables).error().is(Code::kCancelled));
}

}  // namespace
}  // namespace zeropull::artifact
