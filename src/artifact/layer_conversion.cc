#include "artifact/layer_conversion.h"

#include "artifact/prefix_image.h"

namespace zeropull::artifact {

Result<UnpackedLayer> UnpackedLayer::unpack(const Context& ctx, CacheWriter& writer, const Stream& stream, UnpackLimits limits,
                                            BlobWrites writes) {
  auto blob = TRY(writer.create_blob(writes));
  auto table = TRY(writer.create_blob());
  UnpackedLayer layer(std::move(blob), std::move(table));
  LayerWorkerInput input;
  input.stream = stream;
  input.output = {.blob_fd = layer.blob_.fd(), .table_fd = layer.table_.fd()};
  input.limits = limits;
  layer.summary_ = TRY(run_layer_worker(ctx, input));
  return layer;
}

Result<CachedLayer> UnpackedLayer::adopt(CacheWriter& writer) && {
  CachedLayer layer{.tree = BlobContents::local(BlobRole::kLayerTree, summary_.table.size, summary_.table.frames),
                    .data = {},
                    .expanded_size = summary_.expanded_size};
  TRY(writer.adopt(std::move(table_), layer.tree.id, layer.tree.size));
  if (summary_.blob.size > 0) {
    layer.data = BlobContents::local(BlobRole::kLayerData, summary_.blob.size, summary_.blob.frames);
    TRY(writer.adopt(std::move(blob_), layer.data->id, layer.data->size));
  }
  return layer;
}

Result<BlobContents> write_metadata_blob(const Context& ctx, const CacheFolder& folder, CacheWriter& writer,
                                         std::span<const BlobId> trees) {
  std::vector<std::string> tables;
  for (const BlobId& tree : trees) tables.push_back(folder.blob_path(tree));
  auto pending = TRY(writer.create_blob());
  auto written = TRY(write_merged_image(ctx, tables, pending.fd()));
  auto metadata = BlobContents::local(BlobRole::kMetadata, written.size, written.frames);
  TRY(writer.adopt(std::move(pending), metadata.id, metadata.size));
  return metadata;
}

}  // namespace zeropull::artifact
