#include "artifact/fetcher.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <set>

#include "artifact/cache_writer.h"
#include "artifact/fetch_plan.h"
#include "artifact/frame_coder.h"
#include "artifact/object_names.h"
#include "artifact/progress_counter.h"
#include "artifact/verify.h"
#include "base/executor.h"
#include "os/file.h"

namespace zeropull::artifact {

namespace {

// Where verified frames go: a blob's file, or nowhere.
struct Destination {
  const BlobDescription* blob = nullptr;
  int fd = -1;  // -1: nothing is written
};

// One thread's buffers and contexts.
class Worker {
 public:
  Worker(store::ObjectStore& store, const EndpointKey& key, ProgressCounter& progress)
      : store_(store), key_(key), progress_(progress), opener_(key), stored_(kFetchReadMax), plain_(kFrameSize) {}

  Result<void> run(const Context& ctx, const PlannedRead& read, const Destination& destination) {
    auto stored = MutableByteView(stored_).first(read.length);
    auto name = pack_object(key_, read.pack);
    TRY(store_.read(ctx, name, read.offset, stored));
    const BlobDescription& blob = *destination.blob;
    for (const PlannedFrame& frame : read.frames) {
      auto plain = MutableByteView(plain_).first(frame_length(blob.size, blob.frame_size, frame.number));
      auto sealed = stored.subspan(frame.entry.offset - read.offset, frame.entry.stored_length);
      TRY(opener_.open({blob.id, frame.number}, frame.entry, sealed, plain)
              .with_context("{}: {} gives a wrong frame {} of blob {}", store_.describe(), name, frame.number, blob.id));
      if (destination.fd >= 0) TRY(write(destination.fd, plain, frame.number * blob.frame_size));
      progress_.add(plain.size());
    }
    return {};
  }

 private:
  static Result<void> write(int fd, ByteView plain, std::uint64_t offset) {
    TRY(os::write_all_at(fd, plain, offset));
    // The disk begins at once, so that the sync at the end finds little to do.
    sync_file_range(fd, static_cast<off64_t>(offset), static_cast<off64_t>(plain.size()), SYNC_FILE_RANGE_WRITE);
    return {};
  }

  store::ObjectStore& store_;
  const EndpointKey& key_;
  ProgressCounter& progress_;
  FrameOpener opener_;
  Bytes stored_;
  Bytes plain_;
};

// Reads everything of the destinations' blobs.
Result<void> fetch_blobs(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                         std::span<const PlannedRead> reads, std::span<const Destination> destinations, std::size_t connections,
                         ProgressCounter& progress) {
  std::atomic<std::size_t> next = 0;
  return parallel_for(ctx, connections, connections, [&](const Context& work_ctx, std::size_t) -> Result<void> {
    std::optional<Worker> worker;  // none where there is no work left
    for (std::size_t i = next++; i < reads.size(); i = next++) {
      if (!worker) worker.emplace(store, key, progress);
      auto done = worker->run(work_ctx, reads[i], destinations[reads[i].blob]);
      if (!done.ok()) next = reads.size();  // the others stop too
      TRY(std::move(done));
    }
    return {};
  });
}

std::uint64_t size_of(const ArtifactIndex& index, std::span<const BlobNumber> blobs) {
  std::uint64_t size = 0;
  for (BlobNumber number : blobs) size += index.blobs()[number].size;
  return size;
}

Result<void> fetch_missing(const Context& ctx, store::ObjectStore& store, const ArtifactIndex& index, CacheFolder& folder,
                           const FetchOptions& options) {
  auto writer = TRY(folder.begin());
  std::vector<BlobNumber> missing;
  std::set<BlobId> named;  // what no artifact names may be anything
  for (const auto& one : folder.artifacts()) {
    for (const BlobDescription& blob : one->blobs()) named.insert(blob.id);
  }
  std::set<BlobId> taken;  // those that are here, and those that are fetched
  for (BlobNumber number = 0; number < index.blobs().size(); ++number) {
    const BlobDescription& blob = index.blobs()[number];
    bool here = named.contains(blob.id) && writer.hold(blob.id, blob.size);
    if (taken.insert(blob.id).second && !here) missing.push_back(number);
  }
  auto reads = TRY(plan_fetch(index, missing));
  if (options.make_room) TRY(options.make_room(size_of(index, missing)));
  TRY(folder.ensure_space(size_of(index, missing)));
  std::vector<PendingBlob> pending;
  std::vector<Destination> destinations;
  for (BlobNumber number : missing) {
    const BlobDescription& blob = index.blobs()[number];
    auto file = TRY(writer.create_blob());
    if (ftruncate(file.fd(), static_cast<off_t>(blob.size)) != 0) return os::errno_error(errno, "ftruncate " + file.path());
    destinations.push_back({&blob, file.fd()});
    pending.push_back(std::move(file));
  }
  ProgressCounter progress(options.progress, "fetch", size_of(index, missing));
  TRY(fetch_blobs(ctx, store, *folder.options().key, reads, destinations, options.connections, progress));
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const BlobDescription& blob = index.blobs()[missing[i]];
    TRY(writer.adopt(std::move(pending[i]), blob.id, blob.size));
  }
  if (options.read_back == ReadBack::kYes) TRY(check_blobs_on_disk(ctx, folder, index, missing));
  TRY(writer.publish(index.contents()));
  progress.finish();
  return {};
}

}  // namespace

Result<void> fetch_artifact(const Context& ctx, store::ObjectStore& store, const ArtifactIndex& index, CacheFolder& folder,
                            const FetchOptions& options) {
  return fetch_missing(ctx, store, index, folder, options).with_context("fetch {} from {}", index.name(), store.describe());
}

Result<void> verify_store_artifact(const Context& ctx, store::ObjectStore& store, const EndpointKey& key,
                                   const ArtifactIndex& index, const FetchOptions& options) {
  auto verified = [&]() -> Result<void> {
    std::vector<BlobNumber> all;
    std::vector<Destination> destinations;
    for (BlobNumber number = 0; number < index.blobs().size(); ++number) {
      all.push_back(number);
      destinations.push_back({&index.blobs()[number], -1});
    }
    auto reads = TRY(plan_fetch(index, all));
    ProgressCounter progress(options.progress, "verify", index.total_size());
    TRY(fetch_blobs(ctx, store, key, reads, destinations, options.connections, progress));
    progress.finish();
    return {};
  }();
  return std::move(verified).with_context("verify {} in {}", index.name(), store.describe());
}

}  // namespace zeropull::artifact
