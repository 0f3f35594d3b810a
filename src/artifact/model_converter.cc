#include "artifact/model_converter.h"

#include <fcntl.h>

#include <algorithm>

#include "artifact/cache_writer.h"
#include "artifact/layer_conversion.h"
#include "artifact/layer_table.h"
#include "artifact/model_download.h"
#include "artifact/model_layout.h"
#include "artifact/progress_counter.h"
#include "artifact/stated_digests.h"
#include "base/check.h"

namespace zeropull::artifact {

namespace {

class ModelConversion {
 public:
  ModelConversion(origin::ModelOrigin& origin, const origin::ModelListing& listing, CacheFolder& folder, CacheWriter& writer,
                  const ConvertModelOptions& options)
      : origin_(origin), listing_(listing), folder_(folder), writer_(writer), options_(options) {}

  Result<IndexContents> run(const Context& ctx, const ModelIdentity& identity) {
    ModelDescription model;
    model.identity = identity;
    model.form = listing_.form == origin::ModelForm::kTree ? ModelForm::kTree : ModelForm::kTar;
    for (const auto& file : listing_.files) model.origin_size += file.size;
    if (options_.make_room) TRY(options_.make_room(model.origin_size));
    TRY(folder_.ensure_space(model.origin_size));
    auto layer = TRY(model.form == ModelForm::kTree ? convert_tree(ctx) : convert_tar(ctx));
    auto metadata = TRY(write_metadata_blob(ctx, folder_, writer_, std::span(&layer.tree.id, 1)));

    IndexContents contents;
    auto add = [&](BlobContents blob) {
      contents.blobs.push_back(std::move(blob));
      return static_cast<BlobNumber>(contents.blobs.size() - 1);
    };
    model.metadata_blob = add(std::move(metadata));
    model.tree_blob = add(std::move(layer.tree));
    if (layer.data) model.data_blob = add(std::move(*layer.data));
    contents.description = model;
    return contents;
  }

 private:
  Result<CachedLayer> convert_tree(const Context& ctx) {
    auto layout = TRY(ModelLayout::create(listing_));
    auto tree = TRY(layout.tree());
    CachedLayer layer;
    layer.expanded_size = layout.files_size;
    LayerBlob data;
    if (layout.blob_size > 0) {
      auto blob = TRY(writer_.create_blob());
      ModelDownloadOptions options{.connections = options_.connections, .progress = options_.progress};
      auto framed = TRY(download_model(ctx, origin_, layout, blob.fd(), options));
      layer.data = BlobContents::local(BlobRole::kLayerData, framed.size, framed.frames);
      data = {.id = layer.data->id, .size = layer.data->size};
      TRY(writer_.adopt(std::move(blob), data.id, data.size));
    }
    auto table = TRY(writer_.create_blob());
    BlobWriter out(table.fd());
    TRY(write_layer_table(tree, data, out));
    auto framed = TRY(out.finish());
    layer.tree = BlobContents::local(BlobRole::kLayerTree, framed.size, framed.frames);
    TRY(writer_.adopt(std::move(table), layer.tree.id, layer.tree.size));
    return layer;
  }

  Result<CachedLayer> convert_tar(const Context& ctx) {
    if (listing_.files.size() != 1) {
      return make_error(Code::kInvalidArgument, "a model that is one archive has {} files", listing_.files.size());
    }
    const auto& file = listing_.files.front();
    StatedDigests digests(file);
    ProgressCounter progress(options_.progress, "model", file.size);
    auto stream = [&](const Context& each, const LayerWorkerInput::Sink& sink) -> Result<void> {
      std::uint64_t left = file.size;
      TRY(origin_.read(each, file, 0, file.size, [&](ByteView bytes) -> Result<void> {
        if (bytes.size() > left) return make_error(Code::kDataLoss, "its origin gives more bytes than it lists");
        left -= bytes.size();
        digests.update(bytes);
        progress.add(bytes.size());
        return sink(bytes);
      }));
      if (left > 0) return make_error(Code::kDataLoss, "its origin gives {} bytes fewer than it lists", left);
      return digests.finish();
    };
    auto unpacked = TRY(UnpackedLayer::unpack(ctx, writer_, stream, options_.limits, BlobWrites::kDirect)
                            .with_context("model archive {:?}", file.path));
    auto layer = TRY(std::move(unpacked).adopt(writer_));
    progress.finish();
    return layer;
  }

  origin::ModelOrigin& origin_;
  const origin::ModelListing& listing_;
  CacheFolder& folder_;
  CacheWriter& writer_;
  const ConvertModelOptions& options_;
};

}  // namespace

Result<ModelIdentity> model_identity(const origin::ModelListing& listing) {
  auto digest = Sha256::from_hex(listing.identity);
  if (!digest) return make_error(Code::kInvalidArgument, "model identity {:?}: not 64 hexadecimal digits", listing.identity);
  return ModelIdentity{*digest};
}

Result<ModelPtr> convert_model(const Context& ctx, origin::ModelOrigin& origin, const origin::ModelListing& listing,
                               CacheFolder& folder, const ConvertModelOptions& options) {
  auto identity = TRY(model_identity(listing));
  auto here = [&](const BlobDescription& blob) { return folder.has_blob(blob.id, blob.size); };
  auto cached = folder.find(identity);
  if (cached && std::ranges::all_of(cached->blobs(), here)) return cached;
  auto writer = TRY(folder.begin());
  ModelConversion conversion(origin, listing, folder, writer, options);
  auto contents = TRY(conversion.run(ctx, identity).with_context("model {} into {}", identity.hex(), folder.path()));
  TRY(writer.publish(std::move(contents)));
  auto published = folder.find(identity);
  CHECK(published != nullptr);
  return published;
}

}  // namespace zeropull::artifact
