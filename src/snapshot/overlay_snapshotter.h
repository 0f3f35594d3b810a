// OverlaySnapshotter: the snapshotter of an instance. Layers that the cache holds cost nothing: they are one merged EROFS tree;
// everything else is a folder per snapshot under an overlay, as containerd's own overlay snapshotter does (snapshots/overlay).
//
// What is on disk, below the state folder:
//   snapshots.db           the rows (metadata.h). A snapshot exists when its row is committed, never before or after
//   snapshots/<row>/fs     what the snapshot adds to its parents: the overlay's upper folder, later a lower one
//   snapshots/<row>/work   the overlay's work folder, of an active snapshot
//   snapshots/removed-..   folders on their way out
// A cached row has no folder: it stands for a prefix of a cached image, and its chain id is in the database.
//
// When a cached layer becomes a row. containerd unpacks an image by Prepare for each layer, with the chain id it will commit
// under in the label containerd.io/snapshot.ref. When that prefix is complete in the cache (CachedLayers::find) and the parent is
// nothing or the cached row of a shorter prefix of the same chain, prepare() makes a committed row with the label and the parent
// and answers kAlreadyExists; containerd then finds it by walk() and fetches no layer. There is one row per (chain id, parent).
// With the parent "" a row stands for a whole prefix at once. A label alone is only a client's claim: an ordinary committed row
// that carries it is never taken for the layer, and on an ordinary parent everything above is ordinary too. So in an ancestry the
// cached rows are at the bottom, and the topmost of them determines the one EROFS tree that is the lowest lower folder.
//
// A cached row's usage is what its own layers take on this instance's disk, as CachedLayers said when the row was made (the
// kubelet adds up what rows report to decide about collecting images). Removing the row frees none of it: artifacts belong to
// the cache.
//
// Order against crashes: a folder is made and synced before its row is committed, and goes after its row; mounts are made before
// the row that needs them and go after the last. So whatever is left over by a crash is named by no row, and create() removes
// it. The contents of an ordinary layer are the kernel's to write back, as with containerd's own snapshotter: a power loss right
// after commit() can lose them, a killed process cannot.
//
// Locking: `changes_` serialises what changes the set of rows or mounts; the database's own lock is held for one statement or
// transaction, so stat, walk and usage do not wait for a mount. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "snapshot/cached_layers.h"
#include "snapshot/metadata.h"
#include "snapshot/snapshotter.h"

namespace zeropull::snapshot {

// Where a crash can fall between database and file system. Tests end the process there.
enum class Step {
  kRowInserted,      // prepare, view: the row is not committed yet, there is no folder
  kFolderMade,       // the folder is there, the row still uncommitted
  kCachedRowMade,    // prepare of a cached layer: its row is uncommitted
  kRowCommitted,     // the row is durable, the caller has no answer
  kCommitMeasured,   // commit: nothing changed yet
  kCommitDone,       // the committed row is durable, the caller has no answer
  kRowRemoved,       // remove: the row is gone, folder or mount are not
  kFolderCondemned,  // cleanup: a folder is renamed, not removed
};
inline constexpr Step kLastStep = Step::kFolderCondemned;

struct OverlaySnapshotterOptions {
  std::string root;  // the state folder; made when absent; an absolute path without ',', ':' and '\'
  Clock* clock = &Clock::system();
  std::function<void(Step)> at_step = {};  // for crash tests
};

class OverlaySnapshotter final : public Snapshotter {
 public:
  // Opens the state, removes what no row names and mounts what active and view rows need. A prefix that cannot be mounted now is
  // logged and tried again by mounts(). kFailedPrecondition: another process has this state folder open; kDataLoss: the database
  // is damaged, or gone while folders are there. `layers` outlives it.
  static Result<std::unique_ptr<OverlaySnapshotter>> create(const Context& ctx, OverlaySnapshotterOptions options,
                                                            CachedLayers& layers);

  Result<std::vector<Mount>> prepare(const Context& ctx, const NewSnapshot& request) override;
  Result<std::vector<Mount>> view(const Context& ctx, const NewSnapshot& request) override;
  Result<std::vector<Mount>> mounts(const Context& ctx, const std::string& key) override;
  Result<void> commit(const Context& ctx, const CommitRequest& request) override;
  Result<void> remove(const Context& ctx, const std::string& name) override;
  Result<Info> stat(const Context& ctx, const std::string& name) override;
  Result<Info> update(const Context& ctx, const UpdateRequest& request) override;
  Result<Usage> usage(const Context& ctx, const std::string& name) override;
  Result<void> walk(const Context& ctx, const Filter& filter, const Visit& visit) override;
  Result<void> cleanup(const Context& ctx) override;
  void close() override;

  // The prefixes that rows stand for: what the cache's own collection must keep.
  Result<std::vector<ChainId>> chains_in_use();

 private:
  struct Lower;  // what a snapshot stands on

  OverlaySnapshotter(OverlaySnapshotterOptions options, CachedLayers& layers, Metadata metadata);
  Result<void> reopen(const Context& ctx);
  Result<std::vector<Mount>> create_snapshot(const Context& ctx, Kind kind, const NewSnapshot& request);
  Result<bool> try_cached(const Context& ctx, const NewSnapshot& request, const std::optional<Row>& parent);
  Result<Lower> mount_lower(const Context& ctx, std::optional<std::int64_t> parent_id);
  Result<void> make_folder(std::int64_t id, Kind kind, const Lower& lower);
  std::vector<Mount> mounts_of(std::int64_t id, Kind kind, const Lower& lower) const;
  Result<std::vector<std::string>> condemn_folders();
  std::string folder(std::int64_t id) const;
  void reach(Step step) const;

  const OverlaySnapshotterOptions options_;
  CachedLayers& layers_;
  const bool index_off_;  // whether this kernel's overlay knows index=off, which containerd gives
  std::mutex cleanup_;    // one cleanup at a time; before changes_
  std::mutex changes_;    // before metadata_
  Guarded<Metadata> metadata_;
};

}  // namespace zeropull::snapshot
