#include "artifact/publisher.h"

#include <fcntl.h>

#include <atomic>
#include <set>

#include "artifact/frame_coder.h"
#include "artifact/log.h"
#include "artifact/object_names.h"
#include "artifact/progress_counter.h"
#include "artifact/references.h"
#include "artifact/store_catalog.h"
#include "base/check.h"
#include "base/executor.h"
#include "codec/digest.h"
#include "os/file.h"

namespace zeropull::artifact {

struct Publisher::Source {
  const BlobContents* blob = nullptr;
  int fd = -1;
};

// Neighbouring frames of one source: what a worker takes at a time.
struct Publisher::Run {
  std::size_t source = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

struct Publisher::PlacedRun {
  std::vector<FrameEntry> frames;  // with pack numbers in `packs`
  std::vector<Sha256> packs;
};

// One thread's buffers and contexts.
class Publisher::Worker {
 public:
  Worker(Publisher& publisher, ProgressCounter& progress)
      : publisher_(publisher),
        progress_(progress),
        sealer_(publisher.key_, publisher.options_.zstd_level, publisher.random_),
        frame_(kFrameSize) {
    pack_.reserve(kPackSizeMax);
  }

  Result<PlacedRun> publish(const Context& ctx, const Source& source, const Run& run) {
    const BlobContents& blob = *source.blob;
    PlacedRun placed;
    for (std::uint64_t number = run.first; number < run.first + run.count; ++number) {
      auto plain = MutableByteView(frame_).first(frame_length(blob.size, kFrameSize, number));
      TRY(os::read_exactly_at(source.fd, plain, number * kFrameSize).with_context("blob {}, frame {}", blob.id, number));
      const Sha256& hash = blob.frames[number].sha256;
      if (codec::sha256(plain) != hash) {
        return make_error(Code::kDataLoss,
                          "blob {}, frame {}: the local bytes do not have their hash; nothing of it is published", blob.id,
                          number);
      }
      if (pack_.size() + plain.size() + kTagSize > kPackSizeMax) TRY(put_pack(ctx, placed));
      auto entry = sealer_.seal({blob.id, number}, hash, plain, pack_);
      if (entry.in_pack()) entry.pack = static_cast<std::uint32_t>(placed.packs.size());
      placed.frames.push_back(entry);
      publisher_.counts_.lock()->plain_bytes += plain.size();
      progress_.add(plain.size());
    }
    TRY(put_pack(ctx, placed));
    return placed;
  }

 private:
  Result<void> put_pack(const Context& ctx, PlacedRun& placed) {
    if (pack_.empty()) return {};
    Sha256 hash = codec::sha256(pack_);
    TRY(publisher_.store_.put(ctx, pack_object(publisher_.key_, hash), pack_));
    placed.packs.push_back(hash);
    auto counts = publisher_.counts_.lock();
    ++counts->packs;
    counts->stored_bytes += pack_.size();
    pack_.clear();
    return {};
  }

  Publisher& publisher_;
  ProgressCounter& progress_;
  FrameSealer sealer_;
  Bytes frame_;
  Bytes pack_;
};

Publisher::Publisher(store::ObjectStore& store, const EndpointKey& key, PublishOptions options, Random& random)
    : store_(store), key_(key), options_(std::move(options)), random_(random), began_(Clock::system().steady_now()) {}

Result<std::unique_ptr<Publisher>> Publisher::create(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                                     PublishOptions options, Random& random) {
  auto catalog = TRY(read_store_catalog(ctx, store, key));
  std::unique_ptr<Publisher> publisher(new Publisher(store, key, std::move(options), random));
  for (const auto& broken : catalog.broken) LOG_WARN(kLog, "nothing of a broken artifact is reused: {}", broken.error.message());
  for (const auto& one : catalog.artifacts()) publisher->take_places(one);
  return publisher;
}

void Publisher::take_places(const ArtifactPtr& artifact) {
  auto places = places_.lock();
  for (BlobNumber number = 0; number < artifact->blobs().size(); ++number) {
    places->insert_or_assign(artifact->blobs()[number].id, Place{artifact, number, nullptr});
  }
}

Result<void> Publisher::publish_blob(const Context& ctx, const BlobContents& blob, int fd) {
  if (places_.lock()->contains(blob.id)) return {};
  return publish_sources(ctx, {{&blob, fd}}, {}).with_context("publish blob {} to {}", blob.id, store_.describe());
}

std::vector<Publisher::Run> Publisher::plan_runs(const std::vector<Source>& sources) {
  std::vector<Run> runs;
  for (std::size_t source = 0; source < sources.size(); ++source) {
    const BlobContents& blob = *sources[source].blob;
    CHECK(blob.frames.size() == frame_count(blob.size, kFrameSize));
    for (std::uint64_t first = 0; first < blob.frames.size(); first += kPublishRunFrames) {
      runs.push_back({source, first, std::min<std::uint64_t>(kPublishRunFrames, blob.frames.size() - first)});
    }
  }
  return runs;
}

Result<void> Publisher::publish_sources(const Context& ctx, const std::vector<Source>& sources, const Progress& report) {
  auto runs = plan_runs(sources);
  std::uint64_t total = 0;
  for (const Source& source : sources) total += source.blob->size;
  ProgressCounter progress(report, "publish", total);
  std::vector<PlacedRun> placed(runs.size());
  std::atomic<std::size_t> next = 0;
  auto work = [&](const Context& work_ctx, std::size_t) -> Result<void> {
    std::optional<Worker> worker;  // none where there is no work left
    for (std::size_t i = next++; i < runs.size(); i = next++) {
      if (!worker) worker.emplace(*this, progress);
      auto done = worker->publish(work_ctx, sources[runs[i].source], runs[i]);
      if (!done.ok()) next = runs.size();  // the others stop too
      placed[i] = TRY(std::move(done));
    }
    return {};
  };
  TRY(parallel_for(ctx, options_.threads, options_.threads, work));
  keep_places(sources, runs, placed);
  progress.finish();
  return {};
}

void Publisher::keep_places(const std::vector<Source>& sources, const std::vector<Run>& runs,
                            const std::vector<PlacedRun>& placed) {
  std::vector<BlobContents> blobs;
  for (const Source& source : sources) {
    BlobContents blob;
    blob.role = source.blob->role;
    blob.id = source.blob->id;
    blob.size = source.blob->size;
    blobs.push_back(std::move(blob));
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    BlobContents& blob = blobs[runs[i].source];
    for (FrameEntry frame : placed[i].frames) {
      if (frame.in_pack()) frame.pack += static_cast<std::uint32_t>(blob.packs.size());
      blob.frames.push_back(frame);
    }
    blob.packs.insert(blob.packs.end(), placed[i].packs.begin(), placed[i].packs.end());
  }
  auto places = places_.lock();
  for (BlobContents& blob : blobs) {
    BlobId id = blob.id;
    places->insert_or_assign(id, Place{nullptr, 0, std::make_shared<const BlobContents>(std::move(blob))});
  }
}

Result<void> Publisher::publish_missing(const Context& ctx, const CacheFolder& folder, const IndexContents& contents) {
  std::vector<Source> sources;
  std::vector<os::UniqueFd> files;
  std::set<BlobId> taken;
  for (const BlobContents& blob : contents.blobs) {
    if (places_.lock()->contains(blob.id) || !taken.insert(blob.id).second) continue;
    auto file = TRY(os::open_file(folder.blob_path(blob.id), O_RDONLY | O_NOFOLLOW));
    sources.push_back({&blob, file.get()});
    files.push_back(std::move(file));
  }
  if (sources.empty()) return {};
  return publish_sources(ctx, sources, options_.progress);
}

Result<void> Publisher::check_reused(const Context& ctx, const IndexContents& contents) {
  std::vector<std::pair<BlobId, Sha256>> packs;
  {
    auto places = places_.lock();
    for (const BlobContents& blob : contents.blobs) {
      const Place& place = places->at(blob.id);
      if (!place.artifact) continue;
      for (const Sha256& pack : place.artifact->blobs()[place.number].packs) packs.emplace_back(blob.id, pack);
    }
  }
  return parallel_for(ctx, packs.size(), kFetchConnections, [&](const Context& stat_ctx, std::size_t i) -> Result<void> {
    auto found = store_.stat(stat_ctx, pack_object(key_, packs[i].second));
    if (found.failed_with(Code::kNotFound)) {
      places_.lock()->erase(packs[i].first);
      return {};
    }
    if (!found.ok()) return std::move(found).take_error();
    return {};
  });
}

Result<void> Publisher::publish_artifact(const Context& ctx, const CacheFolder& folder, IndexContents contents) {
  auto name = contents.name();
  auto published = [&]() -> Result<void> {
    // What this artifact's present index names stays named, for those who took over its places.
    auto present = read_store_artifact(ctx, store_, key_, name);
    if (present.ok()) take_places(*present);
    TRY(publish_missing(ctx, folder, contents));
    TRY(check_reused(ctx, contents));
    TRY(publish_missing(ctx, folder, contents));
    for (BlobContents& blob : contents.blobs) {
      Place place = places_.lock()->at(blob.id);
      counts_.lock()->reused_blobs += place.artifact ? 1 : 0;
      auto placed = place.contents();
      blob.frames = std::move(placed.frames);
      blob.packs = std::move(placed.packs);
    }
    present = read_store_artifact(ctx, store_, key_, name);  // another publisher may have come first
    auto* image = std::get_if<ImageDescription>(&contents.description);
    if (image != nullptr && present.ok()) merge_references(image->references, (*present)->image().references);
    if (Clock::system().steady_now() - began_ > kPublicationMax) {
      return make_error(Code::kDeadlineExceeded,
                        "it took longer than {} hours, so that its packs may be collected: publish it again",
                        kPublicationMax.count());
    }
    return put_store_artifact(ctx, store_, key_, contents, random_);
  }();
  return std::move(published).with_context("publish {} to {}", name, store_.describe());
}

}  // namespace zeropull::artifact
