#include "snapshot/overlay_snapshotter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/executor.h"
#include "os/file.h"
#include "os/tree.h"
#include "snapshot/filter.h"
#include "snapshot/folder_layers.h"
#include "snapshot/limits.h"

namespace zeropull::snapshot {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

ChainId chain(unsigned number) {
  ChainId id;
  id.value.bytes[0] = static_cast<std::byte>(number);
  return id;
}

struct OverlaySnapshotterTest : testing::Test {
  os::ScratchFolder folder = MUST(os::ScratchFolder::create(os::exists("/dev/shm") ? "/dev/shm" : "/tmp", "zp-snapshot-test-"));
  std::string root = folder.path() + "/state";
  Context ctx = Context::root("test");
  FolderLayers layers;
  std::unique_ptr<OverlaySnapshotter> snapshotter = open();

  std::unique_ptr<OverlaySnapshotter> open() { return MUST(OverlaySnapshotter::create(ctx, {.root = root}, layers)); }
  void reopen() {
    snapshotter.reset();
    snapshotter = open();
  }

  // An image of three layers in the cache, chains 1 to 3.
  void add_image() {
    FolderLayers::Image image;
    for (unsigned number : {1u, 2u, 3u}) {
      auto path = fmt::format("{}/prefix{}", folder.path(), number);
      MUST(os::ensure_folder(path, 0755));
      image.layers.push_back({.chain_id = chain(number), .size = number * 100u, .inodes = number});
      image.folder_of.emplace(chain(number), path);
    }
    layers.add(std::move(image));
  }
  std::string prefix(int number) { return fmt::format("{}/prefix{}", folder.path(), number); }
  std::string fs(int row) { return fmt::format("{}/snapshots/{}/fs", root, row); }

  auto prepare(std::string key, std::string parent = "", Labels labels = {}) {
    return snapshotter->prepare(ctx, {.key = std::move(key), .parent = std::move(parent), .labels = std::move(labels)});
  }
  auto view(std::string key, std::string parent = "") {
    return snapshotter->view(ctx, {.key = std::move(key), .parent = std::move(parent), .labels = {}});
  }
  auto commit(std::string name, std::string key, Labels labels = {}) {
    return snapshotter->commit(ctx, {.name = std::move(name), .key = std::move(key), .labels = std::move(labels)});
  }
  void make_committed(const std::string& name, const std::string& parent = "") {
    MUST(prepare(name + "-key", parent));
    MUST(commit(name, name + "-key"));
  }
  // containerd's Prepare for unpacking a layer.
  auto prepare_layer(const ChainId& chain_id, std::string parent = "") {
    return prepare("extract " + chain_id.text(), std::move(parent), {{std::string(kSnapshotRefLabel), chain_id.text()}});
  }
  std::vector<std::string> names(std::vector<std::string> filters = {}) {
    std::vector<std::string> found;
    auto filter = MUST(Filter::parse(filters));
    MUST(snapshotter->walk(ctx, filter, [&](const Info& info) -> Result<void> {
      found.push_back(info.name);
      return {};
    }));
    return found;
  }
  // What containerd 1.6 does after AlreadyExists (metadata/snapshot.go): the first committed row with this label and parent.
  std::string target(const ChainId& chain_id, const std::string& parent = "") {
    auto found = names({fmt::format(R"(labels."containerd.io/snapshot.ref"=={},parent=="{}")", chain_id, parent)});
    return found.empty() ? "" : found.front();
  }
  std::vector<std::string> folders() { return MUST(os::list_folder(root + "/snapshots")); }
};

TEST_F(OverlaySnapshotterTest, mounts_are_those_of_containerds_overlay_snapshotter) {
  auto first = MUST(prepare("a"));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].type, "bind");
  EXPECT_EQ(first[0].source, fs(1));
  EXPECT_THAT(first[0].options, ElementsAre("rw", "rbind"));
  MUST(commit("A", "a"));

  auto second = MUST(prepare("b", "A"));
  EXPECT_EQ(second[0].type, "overlay");
  EXPECT_EQ(second[0].source, "overlay");
  auto work = fmt::format("workdir={}/snapshots/2/work", root);
  EXPECT_THAT(second[0].options, Contains(work));
  EXPECT_THAT(second[0].options, Contains("upperdir=" + fs(2)));
  EXPECT_EQ(second[0].options.back(), "lowerdir=" + fs(1));
  MUST(commit("B", "b"));

  auto third = MUST(prepare("c", "B"));
  EXPECT_EQ(third[0].options.back(), fmt::format("lowerdir={}:{}", fs(2), fs(1)));
  auto one = MUST(view("v1", "A"));
  EXPECT_EQ(one[0].source, fs(1));
  EXPECT_THAT(one[0].options, ElementsAre("ro", "rbind"));
  auto two = MUST(view("v2", "B"));
  EXPECT_EQ(two[0].options.back(), fmt::format("lowerdir={}:{}", fs(2), fs(1)));
  EXPECT_THAT(two[0].options, testing::Not(Contains(testing::StartsWith("upperdir"))));
  auto nothing = MUST(view("v3"));
  EXPECT_EQ(nothing[0].source, fs(6));
  EXPECT_THAT(nothing[0].options, ElementsAre("ro", "rbind"));
  auto again = MUST(snapshotter->mounts(ctx, "c"));
  EXPECT_EQ(again[0].options, third[0].options);
}

TEST_F(OverlaySnapshotterTest, answers_with_containerds_codes) {
  make_committed("base");
  MUST(prepare("active", "base"));
  MUST(view("view", "base"));
  EXPECT_TRUE(prepare("x", "absent").failed_with(Code::kNotFound));
  EXPECT_TRUE(prepare("x", "active").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(prepare("").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(prepare(std::string(kNameLengthMax + 1, 'k')).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(prepare("x", "", {{"k", std::string(kLabelLengthMax, 'v')}}).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(prepare("active", "base").failed_with(Code::kAlreadyExists));
  EXPECT_TRUE(view("active", "base").failed_with(Code::kAlreadyExists));
  EXPECT_TRUE(view("base").failed_with(Code::kAlreadyExists));
  EXPECT_TRUE(commit("x", "absent").failed_with(Code::kNotFound));
  EXPECT_TRUE(commit("base", "active").failed_with(Code::kAlreadyExists));
  EXPECT_TRUE(commit("x", "view").failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(commit("x", "base").failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(snapshotter->mounts(ctx, "base").failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(snapshotter->mounts(ctx, "absent").failed_with(Code::kNotFound));
  EXPECT_TRUE(snapshotter->remove(ctx, "base").failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(snapshotter->remove(ctx, "absent").failed_with(Code::kNotFound));
  EXPECT_TRUE(snapshotter->stat(ctx, "absent").failed_with(Code::kNotFound));
  EXPECT_TRUE(snapshotter->usage(ctx, "absent").failed_with(Code::kNotFound));
  EXPECT_TRUE(snapshotter->update(ctx, {.name = "absent", .labels = {}, .field_paths = {}}).failed_with(Code::kNotFound));
  EXPECT_THAT(folders(), ElementsAre("1", "2", "3"));  // refusals leave nothing
}

TEST_F(OverlaySnapshotterTest, commit_replaces_labels_and_records_the_usage) {
  MUST(prepare("key", "", {{"a", "1"}}));
  MUST(os::replace_file(fs(1) + "/file", Bytes(100'000, std::byte{1})));
  auto active = MUST(snapshotter->usage(ctx, "key"));
  EXPECT_GE(active.size, 100'000u);
  EXPECT_EQ(active.inodes, 2u);
  MUST(commit("name", "key", {{"b", "2"}}));
  MUST(os::remove_file(fs(1) + "/file"));
  EXPECT_EQ(MUST(snapshotter->usage(ctx, "name")).size, active.size);
  auto info = MUST(snapshotter->stat(ctx, "name"));
  EXPECT_EQ(info.kind, Kind::kCommitted);
  EXPECT_EQ(info.labels, (Labels{{"b", "2"}}));
  EXPECT_EQ(info.created, info.updated);
  EXPECT_TRUE(snapshotter->stat(ctx, "key").failed_with(Code::kNotFound));
}

TEST_F(OverlaySnapshotterTest, update_follows_the_field_mask) {
  MUST(prepare("key", "", {{"l1", "1"}, {"l2", "2"}, {"l3.x", "3"}}));
  auto update = [&](Labels labels, std::vector<std::string> paths) {
    return snapshotter->update(ctx, {.name = "key", .labels = std::move(labels), .field_paths = std::move(paths)});
  };
  auto info = MUST(update({{"l1", "new"}, {"l4", "4"}}, {"labels.l1", "labels.l2"}));
  EXPECT_EQ(info.labels, (Labels{{"l1", "new"}, {"l3.x", "3"}}));
  EXPECT_GT(info.updated, info.created);
  info = MUST(update({}, {"labels.l3.x"}));
  EXPECT_EQ(info.labels, (Labels{{"l1", "new"}}));
  EXPECT_TRUE(update({}, {"labels", "parent"}).failed_with(Code::kInvalidArgument));
  EXPECT_EQ(MUST(snapshotter->stat(ctx, "key")).labels, (Labels{{"l1", "new"}}));
  info = MUST(update({{"l5", "5"}, {"empty", ""}}, {}));
  EXPECT_EQ(info.labels, (Labels{{"l5", "5"}}));
}

TEST_F(OverlaySnapshotterTest, a_new_folder_belongs_to_the_parents_owner) {
  make_committed("base");
  auto owned = os::set_owner(fs(1), {.user = 12, .group = 34});
  if (!owned.ok()) GTEST_SKIP() << "changing owners needs root";
  MUST(prepare("key", "base"));
  EXPECT_EQ(MUST(os::owner_of(fs(2))).user, 12u);
  EXPECT_EQ(MUST(os::owner_of(fs(2))).group, 34u);
}

TEST_F(OverlaySnapshotterTest, remove_forgets_at_once_and_cleanup_frees) {
  make_committed("base");
  MUST(prepare("key", "base"));
  MUST(snapshotter->remove(ctx, "key"));
  EXPECT_THAT(names(), ElementsAre("base"));
  MUST(prepare("key", "base"));  // the key is free again
  MUST(snapshotter->cleanup(ctx));
  EXPECT_THAT(folders(), ElementsAre("1", "3"));
}

TEST_F(OverlaySnapshotterTest, cached_layers_become_rows_as_containerd_prepares_them) {
  add_image();
  EXPECT_THAT(names(), IsEmpty());
  std::string parent;
  for (unsigned number : {1u, 2u, 3u}) {
    EXPECT_TRUE(prepare_layer(chain(number), parent).failed_with(Code::kAlreadyExists));
    auto name = target(chain(number), parent);
    ASSERT_NE(name, "");
    EXPECT_EQ(MUST(snapshotter->stat(ctx, name)).kind, Kind::kCommitted);
    EXPECT_EQ(MUST(snapshotter->usage(ctx, name)).size, number * 100u);
    parent = name;
  }
  EXPECT_THAT(layers.mounted(), IsEmpty());  // nothing was mounted or built for the rows
  EXPECT_THAT(folders(), IsEmpty());

  auto container = MUST(prepare("container", parent));
  EXPECT_EQ(container[0].options.back(), "lowerdir=" + prefix(3));
  EXPECT_THAT(layers.mounted(), ElementsAre(chain(3)));
  auto shown = MUST(view("view", parent));
  EXPECT_EQ(shown[0].source, prefix(3));
  EXPECT_THAT(shown[0].options, ElementsAre("ro", "rbind"));
}

TEST_F(OverlaySnapshotterTest, asking_twice_makes_one_row_per_chain_and_parent) {
  add_image();
  EXPECT_TRUE(prepare_layer(chain(1)).failed_with(Code::kAlreadyExists));
  EXPECT_TRUE(prepare_layer(chain(1)).failed_with(Code::kAlreadyExists));
  EXPECT_EQ(names().size(), 1u);
  EXPECT_TRUE(prepare_layer(chain(2)).failed_with(Code::kAlreadyExists));  // two layers in one row
  EXPECT_TRUE(prepare_layer(chain(2), target(chain(1))).failed_with(Code::kAlreadyExists));
  EXPECT_EQ(names().size(), 3u);
  EXPECT_EQ(MUST(snapshotter->usage(ctx, target(chain(2)))).size, 300u);
  EXPECT_EQ(MUST(snapshotter->usage(ctx, target(chain(2), target(chain(1))))).size, 200u);
}

TEST_F(OverlaySnapshotterTest, ordinary_layers_stand_on_a_cached_prefix) {
  add_image();
  EXPECT_TRUE(prepare_layer(chain(1)).failed_with(Code::kAlreadyExists));
  auto base = target(chain(1));
  MUST(prepare_layer(chain(9), base));  // another image's second layer: not here
  MUST(commit("ordinary", "extract " + chain(9).text(), {{std::string(kSnapshotRefLabel), chain(9).text()}}));
  auto top = MUST(prepare("container", "ordinary"));
  EXPECT_EQ(top[0].options.back(), fmt::format("lowerdir={}:{}", fs(2), prefix(1)));
}

TEST_F(OverlaySnapshotterTest, a_label_is_a_claim_and_an_ordinary_parent_makes_ordinary_children) {
  add_image();
  MUST(prepare("key"));
  MUST(commit("claims", "key", {{std::string(kSnapshotRefLabel), chain(1).text()}}));
  EXPECT_TRUE(prepare_layer(chain(2), "claims").ok());  // nothing says what "claims" holds
  MUST(snapshotter->remove(ctx, "extract " + chain(2).text()));
  EXPECT_TRUE(prepare_layer(chain(1)).failed_with(Code::kAlreadyExists));
  EXPECT_NE(target(chain(1)), "claims");  // walk shows the cached row first
  EXPECT_TRUE(prepare_layer(chain(3), target(chain(1))).failed_with(Code::kAlreadyExists));
  auto above = target(chain(3), target(chain(1)));
  EXPECT_TRUE(prepare_layer(chain(2), above).ok());  // chain 3 is not below chain 2
}

TEST_F(OverlaySnapshotterTest, a_cache_that_fails_or_knows_nothing_means_not_cached) {
  MUST(prepare_layer(chain(1)));
  layers.fail_with(Code::kDataLoss);
  MUST(prepare_layer(chain(2)));
  EXPECT_TRUE(prepare("other", "", {{std::string(kSnapshotRefLabel), "sha512:abc"}}).ok());
}

TEST_F(OverlaySnapshotterTest, removing_the_last_row_of_a_chain_releases_its_mount) {
  add_image();
  EXPECT_TRUE(prepare_layer(chain(3)).failed_with(Code::kAlreadyExists));
  EXPECT_TRUE(prepare_layer(chain(1)).failed_with(Code::kAlreadyExists));
  EXPECT_TRUE(prepare_layer(chain(3), target(chain(1))).failed_with(Code::kAlreadyExists));
  auto whole = target(chain(3));
  auto stacked = target(chain(3), target(chain(1)));
  MUST(prepare("container", whole));
  EXPECT_TRUE(snapshotter->remove(ctx, whole).failed_with(Code::kFailedPrecondition));
  MUST(snapshotter->remove(ctx, "container"));
  MUST(snapshotter->remove(ctx, whole));
  EXPECT_THAT(layers.mounted(), ElementsAre(chain(3)));  // `stacked` still stands for it
  MUST(snapshotter->remove(ctx, stacked));
  EXPECT_THAT(layers.mounted(), IsEmpty());
  EXPECT_TRUE(prepare_layer(chain(3)).failed_with(Code::kAlreadyExists));  // the cache has it still
}

TEST_F(OverlaySnapshotterTest, reopening_keeps_rows_and_mounts_what_containers_need) {
  add_image();
  EXPECT_TRUE(prepare_layer(chain(3)).failed_with(Code::kAlreadyExists));
  auto before = MUST(prepare("container", target(chain(3))));
  MUST(os::ensure_folder(root + "/snapshots/77/fs"));
  MUST(os::ensure_folder(root + "/snapshots/removed-5"));
  auto in_use = MUST(snapshotter->chains_in_use());
  MUST(layers.release_all_but(ctx, {}));     // a reboot took the mounts
  MUST(layers.mount_prefix(ctx, chain(1)));  // and this one is nobody's
  reopen();
  EXPECT_THAT(layers.mounted(), ElementsAre(chain(3)));
  EXPECT_THAT(folders(), ElementsAre("2"));
  EXPECT_EQ(MUST(snapshotter->mounts(ctx, "container"))[0].options, before[0].options);
  EXPECT_EQ(MUST(snapshotter->chains_in_use()), in_use);
}

TEST_F(OverlaySnapshotterTest, reopening_survives_a_prefix_that_cannot_be_mounted_now) {
  add_image();
  EXPECT_TRUE(prepare_layer(chain(3)).failed_with(Code::kAlreadyExists));
  MUST(prepare("container", target(chain(3))));
  layers.clear();
  reopen();
  EXPECT_FALSE(snapshotter->mounts(ctx, "container").ok());
  add_image();
  EXPECT_TRUE(snapshotter->mounts(ctx, "container").ok());
}

TEST_F(OverlaySnapshotterTest, one_process_has_the_state_and_a_closed_one_is_unavailable) {
  EXPECT_TRUE(OverlaySnapshotter::create(ctx, {.root = root}, layers).failed_with(Code::kFailedPrecondition));
  EXPECT_TRUE(OverlaySnapshotter::create(ctx, {.root = root + ":x"}, layers).failed_with(Code::kInvalidArgument));
  snapshotter->close();
  snapshotter->close();
  EXPECT_TRUE(prepare("key").failed_with(Code::kUnavailable));
  EXPECT_TRUE(OverlaySnapshotter::create(ctx, {.root = root}, layers).ok());
}

TEST_F(OverlaySnapshotterTest, a_lost_database_does_not_condemn_the_folders) {
  MUST(prepare("key"));
  snapshotter.reset();
  MUST(os::remove_file(root + "/snapshots.db"));
  EXPECT_TRUE(OverlaySnapshotter::create(ctx, {.root = root}, layers).failed_with(Code::kDataLoss));
  EXPECT_TRUE(os::exists(fs(1)));
}

TEST_F(OverlaySnapshotterTest, calls_from_many_threads_keep_every_rule) {
  constexpr std::size_t kRounds = 12;
  auto worker = [&](const Context& context, std::size_t number) -> Result<void> {
    for (std::size_t round = 0; round < kRounds; ++round) {
      auto name = fmt::format("{}-{}", number, round);
      auto key = "key " + name;
      TRY(snapshotter->prepare(context, {.key = key, .parent = "", .labels = {}}));
      TRY(snapshotter->usage(context, key));
      TRY(snapshotter->commit(context, {.name = name, .key = key, .labels = {}}));
      TRY(snapshotter->view(context, {.key = key, .parent = name, .labels = {}}));
      auto early = snapshotter->remove(context, name);
      if (!early.failed_with(Code::kFailedPrecondition)) return make_error(Code::kInternal, "a parent was removed");
      TRY(snapshotter->remove(context, key));
      TRY(snapshotter->walk(context, Filter::everything(), [](const Info&) -> Result<void> { return {}; }));
      TRY(snapshotter->cleanup(context));
    }
    return {};
  };
  MUST(parallel_for(ctx, 4, 4, worker));
  EXPECT_EQ(names().size(), 4 * kRounds);
  EXPECT_EQ(folders().size(), 4 * kRounds);
}

TEST_F(OverlaySnapshotterTest, a_walk_may_call_back) {
  make_committed("base");
  MUST(snapshotter->walk(ctx, Filter::everything(), [&](const Info& info) -> Result<void> {
    TRY(snapshotter->stat(ctx, info.name));
    return snapshotter->remove(ctx, info.name);
  }));
  EXPECT_THAT(names(), IsEmpty());
}

}  // namespace
}  // namespace zeropull::snapshot
