// The steps that converting an image and converting a model share: a stream becomes a layer's blobs in a cache folder by way of
// the sandboxed layer worker, and layer tree tables become a metadata image. Blocks; from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "artifact/cache_writer.h"
#include "artifact/index.h"
#include "artifact/layer_worker.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::artifact {

// A layer in the folder.
struct CachedLayer {
  BlobContents tree;
  std::optional<BlobContents> data;
  std::uint64_t expanded_size = 0;
};

// A layer that was unpacked and that nothing names yet; gone at the end of scope unless adopted.
class UnpackedLayer {
 public:
  using Stream = decltype(LayerWorkerInput::stream);
  static Result<UnpackedLayer> unpack(const Context& ctx, CacheWriter& writer, const Stream& stream, UnpackLimits limits,
                                      BlobWrites writes);
  const LayerSummary& summary() const { return summary_; }
  Result<CachedLayer> adopt(CacheWriter& writer) &&;

 private:
  UnpackedLayer(PendingBlob blob, PendingBlob table) : blob_(std::move(blob)), table_(std::move(table)) {}
  PendingBlob blob_;
  PendingBlob table_;
  LayerSummary summary_;
};

// Merges these layer tree tables of the folder, lowest first, and adopts the metadata image.
Result<BlobContents> write_metadata_blob(const Context& ctx, const CacheFolder& folder, CacheWriter& writer,
                                         std::span<const BlobId> trees);

}  // namespace zeropull::artifact
