// Snapshotter: containerd's snapshot contract (snapshots/snapshotter.go of containerd 1.6), call by call, with its status codes.
// runtime/snapshots_service.h serves it over gRPC; OverlaySnapshotter (overlay_snapshotter.h) is the implementation.
//
// A snapshot is the state of a file tree. prepare() makes a writable one on top of a committed parent (or of nothing), the caller
// mounts it and writes, commit() freezes it under a new name, and it can then be a parent. view() makes a read-only one. Names of
// committed snapshots and keys of the others share one space.
//
// All calls are thread-safe and block on the disk; none waits for a network. A change is durable before the call returns.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "snapshot/info.h"

namespace zeropull::snapshot {

class Filter;

struct NewSnapshot {
  std::string key;
  std::string parent;  // "" for none
  Labels labels;
};
struct CommitRequest {
  std::string name;  // of the committed snapshot
  std::string key;   // of the active one, which ends
  Labels labels;     // replace those of the active one
};
struct UpdateRequest {
  std::string name;
  Labels labels;
  // A field mask: "labels" replaces all, "labels.<key>" one (an absent or empty value removes it); empty means "labels".
  std::vector<std::string> field_paths;
};

class Snapshotter {
 public:
  virtual ~Snapshotter() = default;

  // Makes an active snapshot and returns how to mount it. kNotFound: no such parent. kInvalidArgument: the parent is not
  // committed. kAlreadyExists: the key is taken - or, with the label containerd.io/snapshot.ref, that the layer is here already
  // as a committed snapshot with this label and this parent, which walk() finds.
  virtual Result<std::vector<Mount>> prepare(const Context& ctx, const NewSnapshot& request) = 0;
  // The same, read-only; it can never be committed and takes no notice of containerd.io/snapshot.ref.
  virtual Result<std::vector<Mount>> view(const Context& ctx, const NewSnapshot& request) = 0;
  // The mounts that prepare or view returned. kFailedPrecondition for a committed snapshot.
  virtual Result<std::vector<Mount>> mounts(const Context& ctx, const std::string& key) = 0;
  // kNotFound: no such key. kAlreadyExists: the name is taken. kFailedPrecondition: the key is not an active snapshot.
  virtual Result<void> commit(const Context& ctx, const CommitRequest& request) = 0;
  // The name is free at once; what it held on disk goes with the next cleanup(). kFailedPrecondition while it has children.
  virtual Result<void> remove(const Context& ctx, const std::string& name) = 0;

  virtual Result<Info> stat(const Context& ctx, const std::string& name) = 0;
  // Only labels can change. kInvalidArgument: a field path that is not a label's.
  virtual Result<Info> update(const Context& ctx, const UpdateRequest& request) = 0;
  // Measured on disk for an active snapshot (its cost grows with the tree), recorded at commit for a committed one.
  virtual Result<Usage> usage(const Context& ctx, const std::string& name) = 0;

  // Visits what `filter` accepts, as it was at one moment; `visit` may call this snapshotter. An error of `visit` ends the walk.
  using Visit = std::function<Result<void>(const Info&)>;
  virtual Result<void> walk(const Context& ctx, const Filter& filter, const Visit& visit) = 0;

  // Frees what removed snapshots left on disk; containerd calls it after each collection.
  virtual Result<void> cleanup(const Context& ctx) = 0;
  // Ends the service: later calls answer kUnavailable. Idempotent. Snapshots and mounts stay.
  virtual void close() = 0;
};

}  // namespace zeropull::snapshot
