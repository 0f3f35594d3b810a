// Every size, count and time limit of the runtime room, with its reason.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "base/units.h"

namespace zeropull::runtime {

// Image configurations are stored as small manifests are; what is larger was not made by a builder.
inline constexpr std::uint64_t kImageConfigSizeMax = 4 * kMiB;

// /etc/passwd and /etc/group of an image: a directory service's export has some hundred thousand lines.
inline constexpr std::uint64_t kUserFileSizeMax = 16 * kMiB;

// containerd's own limit for a message (defaults.DefaultMaxRecvMsgSize).
inline constexpr int kMessageSizeMax = 16 << 20;

// A key and its value in a containerd label (labels.Validate).
inline constexpr std::size_t kLabelSizeMax = 4096;

// One call to containerd. Creating a task on a loaded machine takes seconds; a minute is a containerd that hangs.
inline constexpr Duration kCallTimeout = std::chrono::minutes(1);

// A crashed program's lease is collected after this, as that of containerd's own client.
inline constexpr Duration kLeaseLifetime = std::chrono::hours(24);

// How long a snapshotter may be out of containerd's reach: containerd's longest pause between two dials (3 s, and a fifth of it
// for chance) and a slow start of the agent. It is asked again after each pause of ours.
inline constexpr Duration kSnapshotterPatience = std::chrono::seconds(10);
inline constexpr Duration kSnapshotterPause = std::chrono::milliseconds(50);

// What is left to undo when the caller's own time is over.
inline constexpr Duration kCleanupTimeout = std::chrono::seconds(30);

// After the exit, the shim closes its ends of the pipes at once; a shim that does not is not waited for.
inline constexpr Duration kDrainTimeout = std::chrono::seconds(5);

// One read or write of a container's standard stream.
inline constexpr std::size_t kCopySize = 64 * kKiB;

}  // namespace zeropull::runtime
