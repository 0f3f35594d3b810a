// Bringing a model's files into a blob: every run of the layout by one connection of several at once, straight from the network
// into the blob's place, frames hashed as they become complete. What the origin states of a file (MD5, SHA-256) is compared as
// the file becomes complete, front to back, from the page cache.
//
// Memory: one frame a connection. The calls block; the pieces are written on threads of their own.
#pragma once

#include <cstddef>

#include "artifact/frame_hasher.h"
#include "artifact/model_layout.h"
#include "artifact/progress.h"
#include "base/context.h"
#include "base/result.h"
#include "origin/origin.h"

namespace zeropull::artifact {

struct ModelDownloadOptions {
  std::size_t connections = 0;  // 0: kOriginConnections
  Progress progress = {};       // task "model", in bytes of the blob
};

// Fills the empty file `fd`, open for reading and writing. The origin's errors; kDataLoss when a file's bytes are more or fewer
// than listed, or do not have their digest. The file is then of no use.
Result<FramedBlob> download_model(const Context& ctx, origin::ModelOrigin& origin, const ModelLayout& layout, int fd,
                                  const ModelDownloadOptions& options);

}  // namespace zeropull::artifact
