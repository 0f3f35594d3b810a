// Merging: the tables of an image's layers, bottom to top, become the one tree that overlayfs shows of the layers' folders, ready
// to be written as an EROFS image. Any prefix of an image's layers can be merged.
//
// overlayfs (fs/overlayfs/namei.c, readdir.c): a folder over folders shows the names of all and the attributes of the topmost;
// anything else hides what lies below; a whiteout hides and is not seen itself; an opaque folder hides the folders below it. The
// opaque mark of a layer's root has no effect. A folder without an entry of its own has the attributes and xattrs of
// the next lower layer that has it, as containerd copies them (mkparent).
//
// Runs on the caller's thread; the result owns all it holds.
#pragma once

#include <span>
#include <vector>

#include "artifact/layer_table.h"
#include "base/context.h"
#include "base/result.h"
#include "erofs/tree.h"

namespace zeropull::artifact {

struct MergedTree {
  erofs::Tree tree;
  std::vector<LayerBlob> devices;  // data device n is devices[n - 1]: the distinct blobs that are not empty, bottom to top
};

Result<MergedTree> merge_layers(const Context& ctx, std::span<const LayerTable> layers);

}  // namespace zeropull::artifact
