// The root of a container: a writable snapshot on top of an image's, and a way to look into it without mounting it.
//
// The image's own snapshot needs no unpacking where the snapshotter already holds the image: one Prepare that names the chain id
// of the whole image makes its row (kSnapshotRefLabel), whatever the number of layers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "os/fd.h"
#include "runtime/snapshots.h"

namespace zeropull::runtime {

struct RootSnapshot {
  std::string key;
  std::optional<ChainId> image;  // of all layers; absent for an image without layers
};

// What to mount for the container. `snapshots` must act under a lease. kNotFound when the snapshotter does not hold the image,
// kAlreadyExists when the key is taken.
Result<std::vector<Mount>> prepare_rootfs(const Context& ctx, const Snapshots& snapshots, const RootSnapshot& root);

// The root folder as a fresh snapshot shows it. Writes below it must not be tried. `scratch_parent` as in os/merged_view.h.
Result<os::UniqueFd> open_root(const std::vector<Mount>& mounts, const std::string& scratch_parent);

}  // namespace zeropull::runtime
