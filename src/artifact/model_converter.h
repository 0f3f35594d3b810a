// Conversion of a model: its files at an origin become an artifact of kind model in a cache folder: one blob of file contents, a
// layer tree table, a metadata image. Files are downloaded in parallel ranges straight into the blob; a tar, compressed or not,
// streams through the sandboxed layer worker. Every byte is checked against what the origin states. Nothing is published before
// all of it was right; what a failed conversion leaves in the folder is an orphan for collect().
#pragma once

#include <cstddef>

#include "artifact/cache_folder.h"
#include "artifact/layer_unpack.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/result.h"
#include "origin/origin.h"

namespace zeropull::artifact {

struct ConvertModelOptions {
  std::size_t connections = 0;  // 0: kOriginConnections
  UnpackLimits limits = {};     // of a tar
  Progress progress = {};       // task "model"; may be empty
  MakeRoom make_room = {};      // is told the size of the files; may be empty
};

// The identity of a listing as a type; kInvalidArgument for another text.
Result<ModelIdentity> model_identity(const origin::ModelListing& listing);

// Blocks until the model is durable in the folder. Returns at once when its identity is there already with all its blobs. The
// errors of the origin, of unpack_layer and of the disk; kInvalidArgument for names that no folder can hold.
Result<ModelPtr> convert_model(const Context& ctx, origin::ModelOrigin& origin, const origin::ModelListing& listing,
                               CacheFolder& folder, const ConvertModelOptions& options = {});

}  // namespace zeropull::artifact
