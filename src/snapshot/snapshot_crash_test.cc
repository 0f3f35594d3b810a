// Ends a process at each step between database and file system (Step) and opens the state again: what was acknowledged is there
// unchanged, what was not is there whole or not at all, and nothing on disk is left that no row names.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/check.h"
#include "os/file.h"
#include "snapshot/filter.h"
#include "snapshot/folder_layers.h"
#include "snapshot/overlay_snapshotter.h"

namespace zeropull::snapshot {
namespace {

constexpr int kCrashed = 42;
constexpr int kFinished = 43;

ChainId crash_chain() {
  ChainId id;
  id.value.bytes[0] = std::byte{7};
  return id;
}

struct CrashTest : testing::TestWithParam<int> {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create(os::exists("/dev/shm") ? "/dev/shm" : "/tmp", "zp-crash-test-"));
  std::string root = folder.path() + "/state";
  std::string acknowledged_path = folder.path() + "/acknowledged";
  Context ctx = Context::root("test");
  FolderLayers layers;

  void SetUp() override {
    auto prefix = folder.path() + "/prefix";
    MUST(os::ensure_folder(prefix));
    layers.add({.layers = {{.chain_id = crash_chain(), .size = 1, .inodes = 1}}, .folder_of = {{crash_chain(), prefix}}});
  }

  std::unique_ptr<OverlaySnapshotter> open(std::function<void(Step)> at_step) {
    OverlaySnapshotterOptions options;
    options.root = root;
    options.at_step = std::move(at_step);
    return MUST(OverlaySnapshotter::create(ctx, std::move(options), layers));
  }

  // Each call that returned is written down, so that the survivor knows what was acknowledged.
  void run_until(Step crash_at, int passes) {
    auto snapshotter = open([crash_at, passes](Step step) mutable {
      if (step == crash_at && passes-- == 0) _exit(kCrashed);
    });
    auto log = MUST(os::open_file(acknowledged_path, O_WRONLY | O_CREAT | O_APPEND));
    auto acknowledge = [&](const std::string& what) { MUST(os::write_all(log.get(), as_bytes(what + "\n"))); };
    MUST(snapshotter->prepare(ctx, {.key = "key", .parent = "", .labels = {{"l", "1"}}}));
    acknowledge("key");
    MUST(snapshotter->commit(ctx, {.name = "base", .key = "key", .labels = {{"l", "2"}}}));
    acknowledge("base");
    NewSnapshot layer{.key = "layer", .parent = "", .labels = {{std::string(kSnapshotRefLabel), crash_chain().text()}}};
    CHECK(snapshotter->prepare(ctx, layer).failed_with(Code::kAlreadyExists));
    acknowledge("cached");
    auto cached = fmt::format("zeropull/0/{}", crash_chain());
    MUST(snapshotter->prepare(ctx, {.key = "container", .parent = cached, .labels = {}}));
    acknowledge("container");
    MUST(snapshotter->view(ctx, {.key = "view", .parent = "base", .labels = {}}));
    acknowledge("view");
    MUST(snapshotter->remove(ctx, "view"));
    acknowledge("view removed");
    MUST(snapshotter->remove(ctx, "container"));
    acknowledge("container removed");
    MUST(snapshotter->remove(ctx, cached));
    acknowledge("cached removed");
    MUST(snapshotter->cleanup(ctx));
    _exit(kFinished);
  }

  void check_survivor() {
    auto text = os::exists(acknowledged_path) ? MUST(os::read_text(acknowledged_path, 4096)) : std::string();
    auto acknowledged = [&](const std::string& what) { return text.find(what + "\n") != std::string::npos; };
    auto snapshotter = open({});
    std::map<std::string, Info> infos;
    MUST(snapshotter->walk(ctx, Filter::everything(), [&](const Info& info) -> Result<void> {
      infos.emplace(info.name, info);
      return {};
    }));
    auto cached = fmt::format("zeropull/0/{}", crash_chain());
    // Committed: under its new name alone, with its new labels. Else under its key alone, as it was prepared.
    EXPECT_LE(infos.count("key") + infos.count("base"), 1u);
    if (acknowledged("base")) {
      EXPECT_EQ(infos.at("base").labels, (Labels{{"l", "2"}}));
    }
    if (infos.contains("base")) {
      EXPECT_EQ(infos.at("base").kind, Kind::kCommitted);
    }
    if (infos.contains("key")) {
      EXPECT_EQ(infos.at("key").labels, (Labels{{"l", "1"}}));
    }
    if (acknowledged("key")) {
      EXPECT_EQ(infos.count("key") + infos.count("base"), 1u);
    }
    if (acknowledged("cached") && !acknowledged("container removed")) {
      EXPECT_TRUE(infos.contains(cached));
    }
    if (acknowledged("container") && !acknowledged("view removed")) {
      EXPECT_TRUE(infos.contains("container"));
    }
    if (acknowledged("view removed")) {
      EXPECT_FALSE(infos.contains("view"));
    }
    if (acknowledged("container removed")) {
      EXPECT_FALSE(infos.contains("container"));
    }
    if (acknowledged("cached removed")) {
      EXPECT_FALSE(infos.contains(cached));
    }

    // Rows that need a folder and folders: the same; what containers stand on is mounted, and nothing that no row names is.
    std::size_t with_folder = infos.size() - infos.count(cached);
    EXPECT_EQ(MUST(os::list_folder(root + "/snapshots")).size(), with_folder);
    EXPECT_EQ(layers.mounted().contains(crash_chain()), infos.contains("container"));
    for (const auto& [name, info] : infos) {
      if (info.kind != Kind::kCommitted) {
        auto mounts = MUST(snapshotter->mounts(ctx, name));
        EXPECT_TRUE(mounts[0].type == "overlay" || os::exists(mounts[0].source)) << name;
      }
    }
    // And life goes on, with numbers that were rolled back coming again.
    MUST(snapshotter->prepare(ctx, {.key = "after", .parent = "", .labels = {}}));
    MUST(snapshotter->commit(ctx, {.name = "after committed", .key = "after", .labels = {}}));
    MUST(snapshotter->view(ctx, {.key = "after view", .parent = "after committed", .labels = {}}));
  }
};

TEST_P(CrashTest, at_every_pass_of_this_step_the_state_opens_again) {
  auto step = static_cast<Step>(GetParam());
  int passes = 0;
  for (bool crashed = true; crashed; ++passes) {
    MUST(os::remove_tree(root));
    MUST(os::remove_file(acknowledged_path));
    MUST(layers.release_all_but(ctx, {}));
    auto status = [&](int code) {
      crashed = WIFEXITED(code) && WEXITSTATUS(code) == kCrashed;
      return crashed || (WIFEXITED(code) && WEXITSTATUS(code) == kFinished);
    };
    EXPECT_EXIT(run_until(step, passes), status, "");
    SCOPED_TRACE(fmt::format("step {}, pass {}", GetParam(), passes));
    check_survivor();
  }
  EXPECT_GE(passes, 2);  // the script passes every step at least once
}
INSTANTIATE_TEST_SUITE_P(Steps, CrashTest, testing::Range(0, static_cast<int>(kLastStep) + 1));

}  // namespace
}  // namespace zeropull::snapshot
