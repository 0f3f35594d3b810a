// The promise of conversion: what an instance mounts is the tree that containerd's overlayfs would have shown. Images made by
// tests/tree_equality/make_images.py, each exercising one corner, are unpacked by a containerd of the test's own and by us, and
// the two mounted trees are listed and compared.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "artifact/image_mount.h"
#include "artifact/layer_merge.h"
#include "artifact/layer_unpack.h"
#include "erofs/builder.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/process.h"

namespace zeropull::artifact {
namespace {

const std::string kScripts = ZP_SOURCE_DIR "/tests/tree_equality";
constexpr long kExt4 = 0xEF53;
constexpr std::size_t kListingMax = 64 * kMiB;

Result<std::string> run(std::vector<std::string> argv) {
  const Context ctx = Context::root("test").with_timeout(std::chrono::minutes(5));
  return os::run_program(ctx, {.argv = std::move(argv), .input = {}, .output_max = kListingMax});
}

// Layers through the room's whole path: compressed archives to a mountable image in `folder`.
Result<ImageFiles> unpack_image(const std::vector<std::string>& layers, const std::string& folder) {
  const Context ctx = Context::root("test");
  ImageFiles image{folder + "/metadata", {}};
  std::vector<os::MappedFile> files;
  std::vector<LayerTable> tables;
  std::map<BlobId, std::string> blobs;
  for (const std::string& layer : layers) {
    const std::string base = fmt::format("{}/{}", folder, tables.size());
    const auto input = TRY(os::open_file(layer, O_RDONLY));
    const auto blob = TRY(os::open_file(base + ".blob", O_WRONLY | O_CREAT | O_EXCL));
    const auto table = TRY(os::open_file(base + ".table", O_WRONLY | O_CREAT | O_EXCL));
    codec::FdSource source(input.get());
    const LayerSummary summary = TRY(unpack_layer(ctx, source, {blob.get(), table.get()}));
    blobs.emplace(summary.blob.id(), base + ".blob");
    auto file = TRY(os::MappedFile::open(base + ".table"));
    auto opened = TRY(LayerTable::open(file.bytes()));
    files.push_back(std::move(file));
    tables.push_back(std::move(opened));
  }
  const MergedTree merged = TRY(merge_layers(ctx, tables));
  std::vector<erofs::DeviceInfo> devices;
  for (const LayerBlob& device : merged.devices) {
    devices.push_back({device.size});
    image.devices.push_back(blobs.at(device.id));
  }
  const auto metadata = TRY(os::open_file(image.metadata, O_RDWR | O_CREAT | O_EXCL));
  TRY(erofs::write_image(merged.tree, devices, metadata.get()));
  return image;
}

Result<std::string> compare(const std::string& expected, const std::string& actual) {
  return run({"sh", "-c", "exec python3 -B \"$@\" >&2", "sh", kScripts + "/compare.py", expected, actual});
}

class TreeEquality : public testing::TestWithParam<const char*> {
 protected:
  // One containerd unpacks all images. All mounts are in a mount namespace of this process's own.
  static void SetUpTestSuite() {
    struct statfs info;
    if (geteuid() != 0 || ::statfs("/var/tmp", &info) != 0 || info.f_type != kExt4) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    images = new os::ScratchFolder(MUST(os::ScratchFolder::create("/var/tmp", "zp-tree-equality-")));
    MUST(run({"python3", "-B", kScripts + "/make_images.py", images->path()}));
    MUST(run({"unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "python3", "-B", kScripts + "/reference.py",
              images->path()}));
  }
  static void TearDownTestSuite() { delete std::exchange(images, nullptr); }

  void SetUp() override {
    if (images == nullptr) GTEST_SKIP() << "needs root, and ext4 at /var/tmp for overlayfs to write to";
  }

  // Unpacks, merges, mounts and lists an image, as `ours`.json of the case's folder.
  static void list_ours(const std::string& folder) {
    std::vector<std::string> layers;
    for (const std::string& name : MUST(os::list_folder(folder))) {
      if (name.starts_with("layer-")) layers.push_back(folder + "/" + name);
    }
    ASSERT_FALSE(layers.empty());
    const std::string out = folder + "/ours";
    MUST(os::ensure_folder(out + "/mount"));
    const ImageFiles image = MUST(unpack_image(layers, out));
    MUST(mount_image(image, out + "/mount", FileDirectIo::kRefused));
    const std::string listing = MUST(run({"python3", "-B", kScripts + "/list_tree.py", out + "/mount"}));
    MUST(os::unmount(out + "/mount"));
    MUST(os::create_file(folder + "/ours.json", as_bytes(listing)));
  }

  static os::ScratchFolder* images;
};
os::ScratchFolder* TreeEquality::images = nullptr;

TEST_P(TreeEquality, shows_what_containerd_shows) {
  const std::string folder = images->path() + "/" + GetParam();
  list_ours(folder);
  const auto compared = compare(folder + "/reference.json", folder + "/ours.json");
  EXPECT_TRUE(compared.ok()) << compared.error().message();
}

constexpr const char* kCases[] = {
    "types",
    "names",
    "root-entry",
    "owners",
    "times",
    "xattrs",
    "acls",
    "hard-links",
    "sparse",
    "old-gnu-sparse",
    "large-file",
    "compressions",
    "whiteouts",
    "whiteout-lowest",
    "aufs",
    "opaque",
    "opaque-root",
    "replacements",
    "replaced-within",
    "missing-parents",
    "missing-parents-odd",
    "links-on-the-way",
    "whiteout-and-folder",
    "many-layers",
    "empty-and-double",
};
INSTANTIATE_TEST_SUITE_P(images, TreeEquality, testing::ValuesIn(kCases), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

// The comparison finds what it should, in trees that differ in one thing each.
TEST(TreeComparison, finds_each_difference) {
  const auto folder = MUST(os::ScratchFolder::create("/var/tmp", "zp-tree-comparison-"));
  const auto list = [&](const std::string& name, const std::string& commands) {
    const std::string root = folder.path() + "/" + name;
    MUST(run({"sh", "-ec",
              "mkdir $0; cd $0; echo content > file; ln file link; ln -s file symlink; mkdir folder\n" + commands +
                  "\ntouch -hcd @100.5 file link symlink",
              root}));
    MUST(os::create_file(root + ".json", as_bytes(MUST(run({"python3", "-B", kScripts + "/list_tree.py", root})))));
    return root + ".json";
  };
  const std::string expected = list("expected", "");
  EXPECT_TRUE(compare(expected, list("same", "")).ok());
  const std::pair<const char*, const char*> kChanges[] = {
      {"echo Content > file", "'file': content is "},
      {"echo more >> file", "'file': size is 13; expected 8"},
      {"chmod 600 file", "'file': mode is 0o600; expected 0o644"},
      {"chmod g+s folder", "'folder': mode is 0o2755"},
      {"cp link new; mv new link", "'file': links is None; expected ['file', 'link']"},
      {"ln -sf other symlink", "'symlink': target is other; expected file"},
      {"python3 -c 'import os; os.setxattr(\"file\", \"user.key\", b\"value\")'", "'file': xattrs is {'user.key': '76616c7565'}"},
      {"rmdir folder", "'folder': missing"},
      {"mkfifo new", "'new': should not be there"},
      {"rmdir folder; mkfifo folder", "'folder': type is fifo; expected folder"},
  };
  int number = 0;
  for (const auto& [change, difference] : kChanges) {
    const auto compared = compare(expected, list(fmt::format("changed-{}", number++), change));
    ASSERT_FALSE(compared.ok()) << change;
    EXPECT_NE(compared.error().message().find(difference), std::string::npos) << change << ": " << compared.error().message();
  }
}

}  // namespace
}  // namespace zeropull::artifact
