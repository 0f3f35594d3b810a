// unpack_layer: one pass over a layer as the registry serves it, while it streams in. Three threads share the work: one decodes,
// one hashes the archive and parses it, one hashes the file contents and writes them to the layer's blob; so one large layer
// keeps two cores busy. What is learnt on the way is in LayerSummary: the caller compares the diff id with what the configuration
// says. The digest of the compressed bytes is the business of who brings them (oci/image_source.h).
//
// Made for the sandboxed child: works on the descriptors it is given, opens nothing, and its memory is a few MiB and about 150
// bytes an entry whatever the layer says. It needs read(2) on the input, pwrite(2) and ftruncate(2) on the outputs, and threads.
// A blob of whole blocks results, so that its file may be open for direct writes.
#pragma once

#include <cstdint>

#include "artifact/frame_hasher.h"
#include "artifact/limits.h"
#include "base/context.h"
#include "base/ids.h"
#include "base/result.h"
#include "codec/compression.h"
#include "codec/stream.h"

namespace zeropull::artifact {

// Empty files, open for writing. The blob stays empty when the layer has no file contents.
struct UnpackOutput {
  int blob_fd = -1;
  int table_fd = -1;
};

struct UnpackLimits {
  // Of the archive, decoded, and of the blob.
  std::uint64_t expanded_max = kLayerExpandedMax;
  // 2^n bytes that a zstd window may take of memory.
  int zstd_window_log_max = codec::kZstdWindowLogMax;
};

struct LayerSummary {
  codec::Compression compression = codec::Compression::kNone;
  DiffId diff_id;  // of all decoded bytes, those behind the archive's end marker too
  std::uint64_t expanded_size = 0;
  std::uint64_t entry_count = 0;  // of the archive
  FramedBlob blob;                // the file contents
  FramedBlob table;               // the layer tree table
};

// Errors: kDataLoss (a stream is truncated or corrupt), kInvalidArgument (an entry is refused; the message names it),
// kResourceExhausted (beyond expanded_max), kOutOfRange (a zstd window beyond what zstd_window_log_max allows), and those of
// reading and writing. The outputs are then of no use.
Result<LayerSummary> unpack_layer(const Context& ctx, codec::ByteSource& compressed, UnpackOutput output,
                                  UnpackLimits limits = {});

}  // namespace zeropull::artifact
