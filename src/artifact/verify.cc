#include "artifact/verify.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <numeric>
#include <thread>

#include "artifact/frame_buffer.h"
#include "artifact/progress_counter.h"
#include "artifact/seal.h"
#include "base/check.h"
#include "base/executor.h"
#include "codec/digest.h"
#include "os/file.h"

namespace zeropull::artifact {

namespace {

// Frames that a thread hashes at a time.
constexpr std::uint64_t kRunFrames = 16;
static_assert(kFrameSize % kDirectAlignment == 0);

enum class ReadThrough { kPageCache, kDisk };

struct OpenBlob {
  const BlobDescription* blob = nullptr;
  os::UniqueFd fd;
};

struct Run {
  std::size_t blob = 0;  // of the open blobs
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

constexpr std::string_view kAdvice = "remove its folder and convert or fetch it again";

Result<os::UniqueFd> open_blob(const CacheFolder& folder, const BlobDescription& blob, ReadThrough through) {
  std::string path = folder.blob_path(blob.id);
  if (through == ReadThrough::kDisk) {
    auto direct = os::open_file(path, O_RDONLY | O_NOFOLLOW | O_DIRECT);
    if (direct.ok() || direct.error().errno_value() != EINVAL) return direct;
  }
  auto fd = TRY(os::open_file(path, O_RDONLY | O_NOFOLLOW));
  if (through == ReadThrough::kDisk) {
    // The file system has no direct reads: drop what is cached and clean instead.
    TRY(os::sync_fd(fd.get()).with_context("{}", path));
    posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  return fd;
}

Result<void> check_size(const BlobDescription& blob, int fd) {
  auto size = TRY(os::file_size(fd));
  if (size == blob.size) return {};
  return make_error(Code::kDataLoss, "blob {} ({}) has {} bytes instead of {}: {}", blob.id, role_name(blob.role), size,
                    blob.size, kAdvice);
}

// Fills `out`'s front with a frame; reads up to the alignment's end behind it, as direct reads must.
Result<void> read_frame(int fd, std::byte* out, std::uint64_t offset, std::uint64_t length) {
  std::uint64_t want = align_up(length, kDirectAlignment);
  std::uint64_t got = 0;
  while (got < length) {
    ssize_t n = pread(fd, out + got, want - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os::errno_error(errno, "read");
    if (n == 0) return make_error(Code::kDataLoss, "file ends at byte {}", offset + got);
    got += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> hash_run(const Context& ctx, const ArtifactIndex& index, const OpenBlob& open, const Run& run,
                      const VerifyOptions& options, ProgressCounter& progress) {
  const BlobDescription& blob = *open.blob;
  FrameBuffer buffer = allocate_frame_buffer();
  for (std::uint64_t number = run.first; number < run.first + run.count; ++number) {
    TRY(ctx.check());
    std::uint64_t length = frame_length(blob.size, blob.frame_size, number);
    TRY(read_frame(open.fd.get(), buffer.get(), number * blob.frame_size, length)
            .with_context("blob {} ({}), frame {}", blob.id, role_name(blob.role), number));
    if (codec::sha256({buffer.get(), length}) != index.frame(blob, number).sha256) {
      return make_error(Code::kDataLoss, "blob {} ({}), frame {} of {}: its bytes are not those that were sealed: {}", blob.id,
                        role_name(blob.role), number, blob.frames(), kAdvice);
    }
    progress.add(length);
    if (options.pause > Duration::zero()) TRY(ctx.sleep(options.pause));
  }
  return {};
}

Result<void> hash_blobs(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index,
                        std::span<const BlobNumber> blobs, ReadThrough through, const VerifyOptions& options) {
  std::vector<OpenBlob> open;
  std::vector<Run> runs;
  std::uint64_t total = 0;
  for (BlobNumber blob_number : blobs) {
    const BlobDescription& blob = index.blobs()[blob_number];
    auto fd = TRY(open_blob(folder, blob, through));
    TRY(check_size(blob, fd.get()));
    for (std::uint64_t first = 0; first < blob.frames(); first += kRunFrames) {
      runs.push_back({open.size(), first, std::min(kRunFrames, blob.frames() - first)});
    }
    total += blob.size;
    open.push_back({&blob, std::move(fd)});
  }
  ProgressCounter progress(options.progress, "verify", total);
  std::size_t threads = options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  TRY(parallel_for(ctx, runs.size(), threads, [&](const Context& work_ctx, std::size_t i) {
    return hash_run(work_ctx, index, open[runs[i].blob], runs[i], options, progress);
  }));
  progress.finish();
  return {};
}

// The index in memory was checked when the catalogue was read; what lies in the folder now must be sealed too.
Result<void> check_present_seal(const CacheFolder& folder, const ArtifactName& name) {
  if (!folder.options().key) return make_error(Code::kFailedPrecondition, "no key to check the seal with: give --key-file");
  auto place = TRY(os::open_file(folder.artifact_path(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  auto sealed = TRY(read_sealed(place));
  return check_seal(*folder.options().key, sealed.index.bytes(), sealed.seal);
}

Result<void> check_quickly(const CacheFolder& folder, const ArtifactIndex& index) {
  TRY(check_present_seal(folder, index.name()));
  for (const BlobDescription& blob : index.blobs()) {
    auto fd = TRY(open_blob(folder, blob, ReadThrough::kPageCache));
    TRY(check_size(blob, fd.get()));
  }
  return {};
}

}  // namespace

Result<void> check_attach(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index,
                          const VerifyOptions& options) {
  TRY(check_quickly(folder, index).with_context("{} in {}", index.name(), folder.path()));
  return check_blob(ctx, folder, index, index.metadata_number(), options);
}

Result<void> check_blob(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index, BlobNumber blob,
                        const VerifyOptions& options) {
  CHECK(blob < index.blobs().size());
  return hash_blobs(ctx, folder, index, std::span(&blob, 1), ReadThrough::kPageCache, options)
      .with_context("{} in {}", index.name(), folder.path());
}

Result<void> check_blobs_on_disk(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index,
                                 std::span<const BlobNumber> blobs, const VerifyOptions& options) {
  return hash_blobs(ctx, folder, index, blobs, ReadThrough::kDisk, options).with_context("{} in {}", index.name(), folder.path());
}

Result<void> verify_artifact(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index,
                             const VerifyOptions& options) {
  TRY(check_quickly(folder, index).with_context("{} in {}", index.name(), folder.path()));
  std::vector<BlobNumber> all(index.blobs().size());
  std::iota(all.begin(), all.end(), BlobNumber{0});
  return check_blobs_on_disk(ctx, folder, index, all, options);
}

}  // namespace zeropull::artifact
