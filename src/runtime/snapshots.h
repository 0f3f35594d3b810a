// Snapshots: containerd's snapshots service, as a client sees it: the rows of one snapshotter in one containerd namespace.
// Thread-safe; each method is one call.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/containerd_client.h"

namespace zeropull::runtime {

struct Mount {  // containerd's types.Mount
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

enum class SnapshotKind { kView, kActive, kCommitted };

struct SnapshotInfo {
  SnapshotKind kind;
  std::string name;
  std::string parent;
  std::map<std::string, std::string> labels;
};

// Names what Prepare shall find already there: the answer to a Prepare with it is kAlreadyExists, and the row of that name then
// stands committed.
inline constexpr const char* kSnapshotRefLabel = "containerd.io/snapshot.ref";

class Snapshots {
 public:
  Snapshots(ContainerdClient client, std::string snapshotter)
      : client_(std::move(client)), snapshotter_(std::move(snapshotter)) {}

  struct NewSnapshot {
    std::string key;
    std::string parent;  // "" for none
    std::map<std::string, std::string> labels = {};
  };
  Result<std::vector<Mount>> prepare(const Context& ctx, const NewSnapshot& snapshot) const;
  Result<std::vector<Mount>> view(const Context& ctx, const NewSnapshot& snapshot) const;
  Result<std::vector<Mount>> mounts(const Context& ctx, const std::string& key) const;

  struct Commit {
    std::string name;
    std::string key;
    std::map<std::string, std::string> labels = {};
  };
  Result<void> commit(const Context& ctx, const Commit& commit) const;
  Result<void> remove(const Context& ctx, const std::string& key) const;
  Result<SnapshotInfo> stat(const Context& ctx, const std::string& key) const;
  // Visits every row that one of the filters selects, or all without filters.
  Result<void> walk(const Context& ctx, const std::vector<std::string>& filters,
                    const std::function<void(const SnapshotInfo&)>& visit) const;

 private:
  ContainerdClient client_;
  std::string snapshotter_;
};

}  // namespace zeropull::runtime
