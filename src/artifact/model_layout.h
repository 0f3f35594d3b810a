// ModelLayout: where the files of a model lie in its blob, the tree that they make, and the pieces in which they are brought. The
// files follow one another by path, each on a block boundary. The same files always give the same bytes: everything is root's,
// files 0644 and folders 0755, of 1970.
//
// A listing comes from an origin, so its names and sizes are checked once more here. Pure computation; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "artifact/layer_tree.h"
#include "base/result.h"
#include "origin/origin.h"

namespace zeropull::artifact {

// Bytes of one file that lie together in the blob.
struct ModelPiece {
  std::size_t file = 0;           // of the layout
  std::uint64_t file_offset = 0;  // in the file
  std::uint64_t blob_offset = 0;
  std::uint64_t length = 0;
};

// What one connection brings at a time: whole frames, so that who brings them can hash them.
struct ModelRun {
  std::uint64_t begin = 0;  // in the blob
  std::uint64_t end = 0;
  std::vector<ModelPiece> pieces;  // ascending; what is between them is zero
};

struct ModelLayout {
  std::vector<origin::ModelFile> files;  // by path
  std::vector<std::uint64_t> offsets;    // of each in the blob
  std::uint64_t blob_size = 0;           // whole blocks; 0 when every file is empty
  std::uint64_t files_size = 0;

  // kInvalidArgument for what no folder can hold, and for names of whiteouts (".wh..."), which cannot be told from those of
  // layers.
  static Result<ModelLayout> create(const origin::ModelListing& listing);
  Result<LayerTree> tree() const;
  std::vector<ModelRun> runs() const;
};

}  // namespace zeropull::artifact
