#include "artifact/converter.h"

#include <algorithm>
#include <map>
#include <thread>

#include "artifact/cache_writer.h"
#include "artifact/layer_conversion.h"
#include "base/check.h"
#include "base/executor.h"
#include "os/file.h"

namespace zeropull::artifact {

namespace {

// A network's latency is hidden by a few layers in flight, also on a small machine.
constexpr std::size_t kJobsMin = 3;

std::size_t jobs_of(const ConvertOptions& options) {
  if (options.jobs != 0) return options.jobs;
  return std::max<std::size_t>(kJobsMin, std::thread::hardware_concurrency());
}

ResolvedReference resolved_now(const ConvertOptions& options) {
  return {options.reference, std::chrono::floor<std::chrono::milliseconds>(options.clock->wall_now())};
}

bool has(const CacheFolder& folder, const BlobDescription& blob) { return folder.has_blob(blob.id, blob.size); }

std::optional<CachedLayer> find_layer(const CacheFolder& folder, CacheWriter& writer, const DiffId& diff_id) {
  auto hold = [&](const BlobDescription& blob) { return writer.hold(blob.id, blob.size); };
  for (const auto& index : folder.images()) {
    for (const auto& layer : index->image().layers) {
      if (layer.diff_id != diff_id || !hold(index->blobs()[layer.tree_blob])) continue;
      if (layer.data_blob && !hold(index->blobs()[*layer.data_blob])) continue;
      CachedLayer cached{.tree = index->blob_contents(layer.tree_blob), .data = {}, .expanded_size = layer.expanded_size};
      if (layer.data_blob) cached.data = index->blob_contents(*layer.data_blob);
      return cached;
    }
  }
  return std::nullopt;
}

// Reports a layer's bytes as they stream past, a step at a time.
class LayerProgress {
 public:
  LayerProgress(const Progress& progress, const oci::Layer& layer)
      : progress_(progress), event_{.task = "layer " + layer.digest.hex().substr(0, 12), .total_bytes = layer.size} {}
  void add(std::uint64_t bytes) {
    event_.done_bytes += bytes;
    if (event_.done_bytes < next_report_) return;
    next_report_ = event_.done_bytes + kMiB;
    report();
  }
  void finish() {
    event_.finished = true;
    report();
  }

 private:
  void report() {
    if (progress_) progress_(event_);
  }
  const Progress& progress_;
  ProgressEvent event_;
  std::uint64_t next_report_ = 0;
};

class Conversion {
 public:
  Conversion(oci::ImageSource& source, CacheFolder& folder, CacheWriter& writer, const ConvertOptions& options,
             const oci::Image& image)
      : source_(source),
        folder_(folder),
        writer_(writer),
        options_(options),
        image_(image),
        memory_(options.memory ? options.memory : std::make_shared<MemoryBudget>(kConvertMemoryMax)) {}

  Result<IndexContents> run(const Context& ctx) {
    auto missing = plan();
    std::uint64_t compressed = 0;
    for (const auto& [diff_id, layer] : missing) compressed += layer->size;
    if (options_.make_room) TRY(options_.make_room(compressed));
    TRY(folder_.ensure_space(compressed));
    TRY(parallel_for(ctx, missing.size(), jobs_of(options_), [&](const Context& each, std::size_t i) {
      return convert_layer(each, missing[i].first, *missing[i].second);
    }));
    auto metadata = TRY(merge(ctx));
    return assemble(metadata);
  }

 private:
  using Missing = std::vector<std::pair<DiffId, const oci::Layer*>>;

  // Takes what the folder holds; what is left has to be fetched, each diff id once, the largest first so that none is late.
  Missing plan() {
    Missing missing;
    for (std::size_t i = 0; i < image_.manifest.layers.size(); ++i) {
      const auto& diff_id = image_.config.diff_ids[i];
      if (layers_.contains(diff_id)) continue;
      auto cached = find_layer(folder_, writer_, diff_id);
      if (cached) {
        layers_.emplace(diff_id, std::move(cached));
      } else {
        layers_.emplace(diff_id, std::nullopt);
        missing.emplace_back(diff_id, &image_.manifest.layers[i]);
      }
    }
    std::ranges::stable_sort(missing, std::ranges::greater(), [](const auto& one) { return one.second->size; });
    return missing;
  }

  Result<void> convert_layer(const Context& ctx, const DiffId& diff_id, const oci::Layer& layer) {
    auto memory = kLayerMemory;
    auto limits = options_.limits;
    limits.zstd_window_log_max = kZstdWindowLogUsual;
    for (;;) {
      auto lease = TRY(memory_->take(ctx, memory));
      bool again = false;
      auto converted = convert_one(ctx, diff_id, layer, limits, again).with_context("layer {}", layer.digest);
      if (!converted.ok() && again) continue;
      if (converted.failed_with(Code::kOutOfRange) && limits.zstd_window_log_max != codec::kZstdWindowLogMax) {
        limits.zstd_window_log_max = codec::kZstdWindowLogMax;
        memory += std::uint64_t{1} << codec::kZstdWindowLogMax;
        continue;
      }
      layers_.at(diff_id) = TRY(std::move(converted));  // a place of its own for each job
      return {};
    }
  }

  // `again`: the source dropped a mirror that gave wrong bytes, another attempt has others.
  Result<CachedLayer> convert_one(const Context& ctx, const DiffId& diff_id, const oci::Layer& layer, const UnpackLimits& limits,
                                  bool& again) {
    LayerProgress progress(options_.progress, layer);
    auto stream = [&](const Context& each, const LayerWorkerInput::Sink& sink) {
      auto fetched = source_.fetch_blob(each, layer.digest.value, layer.size, [&](ByteView bytes) {
        progress.add(bytes.size());
        return sink(bytes);
      });
      again = fetched.failed_with(Code::kAborted);
      return fetched;
    };
    auto unpacked = TRY(UnpackedLayer::unpack(ctx, writer_, stream, limits, options_.blob_writes));
    if (unpacked.summary().diff_id != diff_id) {
      return make_error(Code::kDataLoss,
                        "its tar has diff id {}, the image's configuration says {}: build or push the image again",
                        unpacked.summary().diff_id, diff_id);
    }
    auto converted = TRY(std::move(unpacked).adopt(writer_));
    progress.finish();
    return converted;
  }

  Result<BlobContents> merge(const Context& ctx) {
    std::vector<BlobId> trees;
    for (const auto& diff_id : image_.config.diff_ids) trees.push_back(layers_.at(diff_id)->tree.id);
    return write_metadata_blob(ctx, folder_, writer_, trees);
  }

  IndexContents assemble(const BlobContents& metadata) {
    IndexContents contents;
    std::map<BlobId, BlobNumber> numbers;
    auto number_of = [&](const BlobContents& blob) {
      auto [at, is_new] = numbers.try_emplace(blob.id, static_cast<BlobNumber>(contents.blobs.size()));
      if (is_new) contents.blobs.push_back(blob);
      return at->second;
    };
    auto& image = contents.image();
    image.metadata_blob = number_of(metadata);
    if (!options_.reference.empty()) image.references = {resolved_now(options_)};
    image.manifest_digest = image_.manifest.digest;
    image.manifest_media_type = image_.manifest.media_type;
    image.manifest = image_.manifest.raw;
    image.config_digest = image_.config.digest;
    image.config = image_.config.raw;
    const auto& platform = image_.config.platform;
    image.platform = {platform.os, platform.architecture, platform.variant};
    std::optional<ChainId> chain;
    for (std::size_t i = 0; i < image_.manifest.layers.size(); ++i) {
      const auto& descriptor = image_.manifest.layers[i];
      const auto& diff_id = image_.config.diff_ids[i];
      const auto& cached = *layers_.at(diff_id);
      chain = next_chain_id(chain, diff_id);
      ImageLayer layer{.digest = descriptor.digest,
                       .media_type = descriptor.media_type,
                       .compressed_size = descriptor.size,
                       .diff_id = diff_id,
                       .chain_id = *chain,
                       .expanded_size = cached.expanded_size,
                       .tree_blob = number_of(cached.tree),
                       .data_blob = {}};
      if (cached.data) layer.data_blob = number_of(*cached.data);
      image.layers.push_back(std::move(layer));
    }
    return contents;
  }

  oci::ImageSource& source_;
  CacheFolder& folder_;
  CacheWriter& writer_;
  const ConvertOptions& options_;
  const oci::Image& image_;
  const std::shared_ptr<MemoryBudget> memory_;
  std::map<DiffId, std::optional<CachedLayer>> layers_;  // complete before the jobs start; each fills its own value
};

}  // namespace

Result<ImagePtr> convert_image(const Context& ctx, oci::ImageSource& source, CacheFolder& folder, const ConvertOptions& options) {
  auto image = TRY(oci::resolve_image(ctx, source, options.platform));
  const auto& digest = image.manifest.digest;
  auto cached = folder.find_manifest(digest);
  if (cached && std::ranges::all_of(cached->blobs(), [&](const auto& blob) { return has(folder, blob); })) {
    if (!options.reference.empty()) TRY(folder.add_reference(digest, resolved_now(options)));
    return folder.find_manifest(digest);
  }
  auto writer = TRY(folder.begin());
  Conversion conversion(source, folder, writer, options, image);
  auto contents = TRY(conversion.run(ctx).with_context("{} into {}", source.describe(), folder.path()));
  TRY(writer.publish(std::move(contents)));
  auto published = folder.find_manifest(digest);
  CHECK(published != nullptr);
  return published;
}

}  // namespace zeropull::artifact
