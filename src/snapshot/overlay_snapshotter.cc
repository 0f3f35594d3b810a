#include "snapshot/overlay_snapshotter.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "os/file.h"
#include "os/tree.h"
#include "snapshot/filter.h"
#include "snapshot/limits.h"

namespace zeropull::snapshot {

namespace {

constexpr Logger kLog{"snapshot"};

// Characters that overlay's mount options give a meaning.
constexpr std::string_view kOverlaySpecial = ",:\\";

Result<void> check_name(std::string_view what, std::string_view name) {
  if (name.empty()) return make_error(Code::kInvalidArgument, "the snapshot's {} is empty", what);
  if (name.size() <= kNameLengthMax) return {};
  return make_error(Code::kInvalidArgument, "the snapshot's {} has {} bytes, more than {}", what, name.size(), kNameLengthMax);
}

Result<void> check_labels(const Labels& labels) {
  if (labels.size() > kLabelsMax) {
    return make_error(Code::kInvalidArgument, "{} labels, more than {}", labels.size(), kLabelsMax);
  }
  for (const auto& [key, value] : labels) {
    if (key.size() + value.size() <= kLabelLengthMax) continue;
    return make_error(Code::kInvalidArgument, "label {}: key and value take more than {} bytes", key.substr(0, 10),
                      kLabelLengthMax);
  }
  return {};
}

// The labels after an update with containerd's field mask (snapshots/storage, UpdateInfo).
Result<Labels> masked(Labels labels, const UpdateRequest& request) {
  if (request.field_paths.empty()) return request.labels;
  constexpr std::string_view kLabelPrefix = "labels.";
  for (const auto& path : request.field_paths) {
    if (path == "labels") {
      labels = request.labels;
    } else if (path.starts_with(kLabelPrefix)) {
      auto key = path.substr(kLabelPrefix.size());
      auto value = request.labels.find(key);
      labels[key] = value == request.labels.end() ? "" : value->second;
    } else {
      return make_error(Code::kInvalidArgument, "cannot update \"{}\" field on snapshot \"{}\"", path, request.name);
    }
  }
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

}  // namespace

struct OverlaySnapshotter::Lower {
  std::vector<std::string> folders;  // overlay's lower folders, top first; a mounted prefix is the last
};

OverlaySnapshotter::OverlaySnapshotter(OverlaySnapshotterOptions options, CachedLayers& layers, Metadata metadata)
    : options_(std::move(options)),
      layers_(layers),
      index_off_(os::exists("/sys/module/overlay/parameters/index")),
      metadata_(std::move(metadata)) {}

Result<std::unique_ptr<OverlaySnapshotter>> OverlaySnapshotter::create(const Context& ctx, OverlaySnapshotterOptions options,
                                                                       CachedLayers& layers) {
  if (!options.root.starts_with('/') || options.root.find_first_of(kOverlaySpecial) != std::string::npos) {
    return make_error(Code::kInvalidArgument, "snapshotter: state folder '{}' must be an absolute path without any of {}",
                      options.root, kOverlaySpecial);
  }
  auto folders = options.root + "/snapshots";
  auto database = options.root + "/snapshots.db";
  TRY(os::ensure_folder(folders));
  auto present = TRY(os::list_folder(folders));
  if (!present.empty() && !os::exists(database)) {  // an empty database would condemn them all
    return make_error(Code::kDataLoss, "snapshotter: {} is gone but {} holds snapshots; bring it back, or remove the folder",
                      database, folders);
  }
  auto metadata = TRY(Metadata::open(database));
  TRY(os::sync_folder(options.root));
  std::unique_ptr<OverlaySnapshotter> snapshotter(new OverlaySnapshotter(std::move(options), layers, std::move(metadata)));
  TRY(snapshotter->reopen(ctx).with_context("reopen snapshots in {}", snapshotter->options_.root));
  return snapshotter;
}

Result<void> OverlaySnapshotter::reopen(const Context& ctx) {
  TRY(cleanup(ctx));
  std::lock_guard changes(changes_);
  auto rows = TRY(metadata_.lock()->all());
  std::set<ChainId> needed;  // by active and view snapshots
  for (const auto& row : rows) {
    if (!row.chain_id && !os::exists(folder(row.id) + "/fs")) {
      LOG_ERROR(kLog, "snapshot {}: its folder {} is gone; remove the image or container that uses it", row.info.name,
                folder(row.id));
    }
    if (row.info.kind == Kind::kCommitted || !row.parent_id) continue;
    auto ancestors = TRY(metadata_.lock()->ancestry(*row.parent_id));
    auto cached = std::ranges::find_if(ancestors, [](const Ancestor& ancestor) { return ancestor.chain_id.has_value(); });
    if (cached != ancestors.end()) needed.insert(*cached->chain_id);
  }
  auto in_use = TRY(metadata_.lock()->chains());
  auto released = layers_.release_all_but(ctx, in_use);
  if (!released.ok()) LOG_WARN(kLog, "release what no snapshot uses: {}", released.error().to_string());
  for (const auto& chain_id : needed) {
    auto mounted = layers_.mount_prefix(ctx, chain_id);
    if (!mounted.ok())
      LOG_WARN(kLog, "mount {} again: {}; tried again when it is asked for", chain_id, mounted.error().to_string());
  }
  return {};
}

Result<std::vector<Mount>> OverlaySnapshotter::prepare(const Context& ctx, const NewSnapshot& request) {
  return create_snapshot(ctx, Kind::kActive, request).with_context("prepare snapshot {}", request.key);
}

Result<std::vector<Mount>> OverlaySnapshotter::view(const Context& ctx, const NewSnapshot& request) {
  return create_snapshot(ctx, Kind::kView, request).with_context("view snapshot {}", request.key);
}

Result<std::vector<Mount>> OverlaySnapshotter::create_snapshot(const Context& ctx, Kind kind, const NewSnapshot& request) {
  TRY(check_name("key", request.key));
  TRY(check_labels(request.labels));
  std::lock_guard changes(changes_);
  std::optional<Row> parent;
  if (!request.parent.empty()) {
    auto row = TRY(metadata_.lock()->get(request.parent).with_context("parent"));
    if (row.info.kind != Kind::kCommitted) {
      return make_error(Code::kInvalidArgument, "parent {} is not a committed snapshot", request.parent);
    }
    parent = std::move(row);
  }
  auto taken = TRY(metadata_.lock()->find(request.key));
  if (taken) return make_error(Code::kAlreadyExists, "snapshot {} already exists", request.key);
  if (kind == Kind::kActive) {
    bool cached = TRY(try_cached(ctx, request, parent));
    if (cached) return make_error(Code::kAlreadyExists, "its layer is in the cache");
  }

  auto parent_id = parent ? std::optional(parent->id) : std::nullopt;
  auto lower = TRY(mount_lower(ctx, parent_id));
  auto metadata = metadata_.lock();
  auto transaction = TRY(metadata->begin());
  NewRow row{.kind = kind,
             .name = request.key,
             .parent_id = parent_id,
             .chain_id = {},
             .labels = request.labels,
             .usage = {},
             .now = options_.clock->wall_now()};
  auto id = TRY(metadata->insert(row));
  reach(Step::kRowInserted);
  TRY(make_folder(id, kind, lower));  // what a failure leaves behind is named by no row
  reach(Step::kFolderMade);
  TRY(transaction.commit());
  reach(Step::kRowCommitted);
  return mounts_of(id, kind, lower);
}

// Whether the layer that `request` is going to unpack is in the cache; then it has its row. A cache that cannot answer is a
// slower start, not a failed one.
Result<bool> OverlaySnapshotter::try_cached(const Context& ctx, const NewSnapshot& request, const std::optional<Row>& parent) {
  auto label = request.labels.find(kSnapshotRefLabel);
  if (label == request.labels.end()) return false;
  auto chain_id = ChainId::parse(label->second);
  if (!chain_id) return false;
  if (parent && !parent->chain_id) return false;

  auto found = layers_.find(ctx, *chain_id);
  if (!found.ok()) LOG_WARN(kLog, "look up {} in the cache: {}; taken as not cached", *chain_id, found.error().to_string());
  if (!found.ok() || !found->has_value()) return false;
  const auto& layers = (**found).layers;
  if (layers.empty() || layers.back().chain_id != *chain_id) {
    return make_error(Code::kInternal, "the cache answered another prefix than {}", *chain_id);
  }
  auto own = layers.begin();  // the first layer that the parent has not
  if (parent) {
    own = std::ranges::find(layers, *parent->chain_id, &CachedLayer::chain_id);
    if (own == layers.end() || ++own == layers.end()) return false;
  }

  auto parent_id = parent ? std::optional(parent->id) : std::nullopt;
  auto metadata = metadata_.lock();
  auto existing = TRY(metadata->find_cached(*chain_id, parent_id));
  if (existing) return true;
  Usage usage;
  for (; own != layers.end(); ++own) usage = {.size = usage.size + own->size, .inodes = usage.inodes + own->inodes};
  // containerd's own names begin with a number.
  NewRow row{.kind = Kind::kCommitted,
             .name = fmt::format("zeropull/{}/{}", parent_id.value_or(0), *chain_id),
             .parent_id = parent_id,
             .chain_id = chain_id,
             .labels = request.labels,
             .usage = usage,
             .now = options_.clock->wall_now()};
  auto transaction = TRY(metadata->begin());
  TRY(metadata->insert(row));
  reach(Step::kCachedRowMade);
  TRY(transaction.commit());
  reach(Step::kRowCommitted);
  return true;
}

Result<OverlaySnapshotter::Lower> OverlaySnapshotter::mount_lower(const Context& ctx, std::optional<std::int64_t> parent_id) {
  Lower lower;
  if (!parent_id) return lower;
  auto ancestors = TRY(metadata_.lock()->ancestry(*parent_id));
  for (const auto& ancestor : ancestors) {
    if (!ancestor.chain_id) {
      lower.folders.push_back(folder(ancestor.id) + "/fs");
      continue;
    }
    auto mount_point = TRY(layers_.mount_prefix(ctx, *ancestor.chain_id).with_context("mount {}", *ancestor.chain_id));
    if (mount_point.find_first_of(kOverlaySpecial) != std::string::npos) {
      return make_error(Code::kInternal, "mount point '{}' has one of {}", mount_point, kOverlaySpecial);
    }
    lower.folders.push_back(std::move(mount_point));
    break;  // the prefix holds all below
  }
  return lower;
}

// As containerd's overlay snapshotter lays it out, the owner of the root taken from the parent's.
Result<void> OverlaySnapshotter::make_folder(std::int64_t id, Kind kind, const Lower& lower) {
  auto path = folder(id);
  TRY(os::remove_tree(path));  // of an insertion that was rolled back: its number comes again
  TRY(os::make_folder(path, 0700));
  TRY(os::make_folder(path + "/fs", 0755));
  if (kind == Kind::kActive) TRY(os::make_folder(path + "/work", 0711));
  if (!lower.folders.empty()) {
    auto owner = TRY(os::owner_of(lower.folders.front()));
    TRY(os::set_owner(path + "/fs", owner));
  }
  TRY(os::sync_folder(path));
  return os::sync_folder(options_.root + "/snapshots");
}

std::vector<Mount> OverlaySnapshotter::mounts_of(std::int64_t id, Kind kind, const Lower& lower) const {
  auto bind = [](std::string source, const char* access) {
    return std::vector<Mount>{{.type = "bind", .source = std::move(source), .options = {access, "rbind"}}};
  };
  auto upper = folder(id) + "/fs";
  if (lower.folders.empty()) return bind(upper, kind == Kind::kView ? "ro" : "rw");
  if (kind == Kind::kView && lower.folders.size() == 1) return bind(lower.folders.front(), "ro");
  std::vector<std::string> options;
  if (index_off_) options.emplace_back("index=off");
  if (kind == Kind::kActive) {
    options.push_back(fmt::format("workdir={}/work", folder(id)));
    options.push_back(fmt::format("upperdir={}", upper));
  }
  options.push_back(fmt::format("lowerdir={}", fmt::join(lower.folders, ":")));
  return {{.type = "overlay", .source = "overlay", .options = std::move(options)}};
}

Result<std::vector<Mount>> OverlaySnapshotter::mounts(const Context& ctx, const std::string& key) {
  std::lock_guard changes(changes_);
  auto row = TRY(metadata_.lock()->get(key).with_context("mounts"));
  if (row.info.kind == Kind::kCommitted) {
    return make_error(Code::kFailedPrecondition, "mounts: snapshot {} is committed; prepare or view one on top of it", key);
  }
  auto lower = TRY(mount_lower(ctx, row.parent_id).with_context("mounts of snapshot {}", key));
  return mounts_of(row.id, row.info.kind, lower);
}

Result<void> OverlaySnapshotter::commit(const Context& ctx, const CommitRequest& request) {
  TRY(check_name("name", request.name));
  TRY(check_labels(request.labels));
  auto check = [&](Metadata& metadata) -> Result<std::int64_t> {
    auto row = TRY(metadata.get(request.key));
    auto taken = TRY(metadata.find(request.name));
    if (taken) return make_error(Code::kAlreadyExists, "committed snapshot {} already exists", request.name);
    if (row.info.kind == Kind::kActive) return row.id;
    return make_error(Code::kFailedPrecondition, "snapshot {} is not active", request.key);
  };
  auto measured_id = TRY(check(*metadata_.lock()).with_context("commit"));
  // Before the locks: it takes as long as the tree is large.
  auto used = TRY(os::disk_usage(ctx, folder(measured_id) + "/fs").with_context("commit snapshot {}", request.key));
  reach(Step::kCommitMeasured);

  std::lock_guard changes(changes_);
  auto metadata = metadata_.lock();
  auto id = TRY(check(*metadata).with_context("commit"));
  if (id != measured_id) return make_error(Code::kAborted, "commit: snapshot {} was replaced meanwhile; try again", request.key);
  auto transaction = TRY(metadata->begin());
  Usage usage{.size = used.bytes, .inodes = used.inodes};
  TRY(metadata->commit_active(
      {.id = id, .name = request.name, .labels = request.labels, .usage = usage, .now = options_.clock->wall_now()}));
  TRY(transaction.commit());
  reach(Step::kCommitDone);
  return {};
}

Result<void> OverlaySnapshotter::remove(const Context& ctx, const std::string& name) {
  std::lock_guard changes(changes_);
  auto row = TRY(metadata_.lock()->get(name).with_context("remove"));
  TRY(metadata_.lock()->remove(row.id).with_context("snapshot {}", name));
  reach(Step::kRowRemoved);
  if (!row.chain_id) return {};
  bool used = TRY(metadata_.lock()->has_chain(*row.chain_id));
  if (used) return {};
  auto released = layers_.release(ctx, *row.chain_id);
  if (!released.ok()) LOG_WARN(kLog, "release {}: {}", *row.chain_id, released.error().to_string());
  return {};
}

Result<Info> OverlaySnapshotter::stat(const Context&, const std::string& name) {
  auto row = TRY(metadata_.lock()->get(name));
  return std::move(row.info);
}

Result<Info> OverlaySnapshotter::update(const Context&, const UpdateRequest& request) {
  auto metadata = metadata_.lock();
  auto row = TRY(metadata->get(request.name).with_context("update"));
  auto labels = TRY(masked(std::move(row.info.labels), request));
  TRY(check_labels(labels));
  auto transaction = TRY(metadata->begin());
  TRY(metadata->set_labels(row.id, labels, options_.clock->wall_now()));
  TRY(transaction.commit());
  auto updated = TRY(metadata->get(request.name));
  return std::move(updated.info);
}

Result<Usage> OverlaySnapshotter::usage(const Context& ctx, const std::string& name) {
  auto row = TRY(metadata_.lock()->get(name).with_context("usage"));
  if (row.info.kind != Kind::kActive) return row.usage;
  auto used = TRY(os::disk_usage(ctx, folder(row.id) + "/fs").with_context("usage of snapshot {}", name));
  return Usage{.size = used.bytes, .inodes = used.inodes};
}

Result<void> OverlaySnapshotter::walk(const Context& ctx, const Filter& filter, const Visit& visit) {
  auto rows = TRY(metadata_.lock()->all().with_context("walk"));
  for (const auto& row : rows) {
    if (!filter.matches(row.info)) continue;
    TRY(ctx.check());
    TRY(visit(row.info));
  }
  return {};
}

Result<void> OverlaySnapshotter::cleanup(const Context& ctx) {
  std::lock_guard one(cleanup_);
  auto condemned = TRY(condemn_folders().with_context("cleanup"));
  for (const auto& path : condemned) {
    TRY(ctx.check());
    auto removed = os::remove_tree(path);
    if (!removed.ok()) LOG_WARN(kLog, "cleanup: {}; the next cleanup tries again", removed.error().to_string());
  }
  return {};
}

// Renames what no row names, so that it can be removed while new snapshots are made. Returns the paths to remove.
Result<std::vector<std::string>> OverlaySnapshotter::condemn_folders() {
  std::lock_guard changes(changes_);
  auto ids = TRY(metadata_.lock()->ids());
  std::set<std::string> named;
  for (auto id : ids) named.insert(std::to_string(id));
  auto snapshots = options_.root + "/snapshots/";
  auto entries = TRY(os::list_folder(snapshots));
  std::vector<std::string> condemned;
  for (const auto& entry : entries) {
    if (named.contains(entry)) continue;
    auto path = snapshots + entry;
    if (!entry.starts_with("removed-")) {
      auto renamed = fmt::format("{}removed-{}-{:016x}", snapshots, entry, Random::secure().next());
      TRY(os::rename_path(path, renamed));
      reach(Step::kFolderCondemned);
      path = std::move(renamed);
    }
    condemned.push_back(std::move(path));
  }
  return condemned;
}

void OverlaySnapshotter::close() {
  std::lock_guard changes(changes_);
  metadata_.lock()->close();
}

Result<std::vector<ChainId>> OverlaySnapshotter::chains_in_use() { return metadata_.lock()->chains(); }

std::string OverlaySnapshotter::folder(std::int64_t id) const { return fmt::format("{}/snapshots/{}", options_.root, id); }

void OverlaySnapshotter::reach(Step step) const {
  if (options_.at_step) options_.at_step(step);
}

}  // namespace zeropull::snapshot
