// The words of containerd's snapshot contract (snapshots/snapshotter.go): what a snapshot is, what it uses and how it is mounted.
// Plain values, owned by whoever holds them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace zeropull::snapshot {

// containerd's numbers (api/services/snapshots/v1, enum Kind).
enum class Kind : int {
  kView = 1,       // read-only, on top of a committed snapshot
  kActive = 2,     // writable; becomes committed by Commit
  kCommitted = 3,  // never changes; the only kind that can be a parent
};
std::string_view kind_name(Kind kind);  // "view" | "active" | "committed", as Walk's filters spell them

using Labels = std::map<std::string, std::string, std::less<>>;

// On Prepare: the chain id that the prepared snapshot is going to be committed under.
inline constexpr std::string_view kSnapshotRefLabel = "containerd.io/snapshot.ref";

struct Info {
  Kind kind = Kind::kActive;
  std::string name;    // containerd says "key" for active and view snapshots; both live in one space of names
  std::string parent;  // a committed snapshot's name; "" for none
  Labels labels;
  WallTime created;
  WallTime updated;
};

// What a snapshot itself takes, without its parents.
struct Usage {
  std::uint64_t size = 0;  // bytes on disk
  std::uint64_t inodes = 0;
};

// One mount(8) for containerd to do: `options` are fstab's.
struct Mount {
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

}  // namespace zeropull::snapshot
