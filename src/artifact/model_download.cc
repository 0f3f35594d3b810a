#include "artifact/model_download.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "artifact/frame_buffer.h"
#include "artifact/progress_counter.h"
#include "artifact/stated_digests.h"
#include "base/executor.h"
#include "os/file.h"

namespace zeropull::artifact {

namespace {

// Hashes a file front to back as its pieces arrive in any order. Thread-safe: who completes the piece that was waited for goes on
// with all that follow it.
class FileCheck {
 public:
  explicit FileCheck(const origin::ModelFile& file) : size_(file.size), digests_(file) {}

  Result<void> add(const Context& ctx, const ModelPiece& piece, int fd) {
    std::unique_lock lock(mutex_);
    waiting_.emplace(piece.file_offset, piece);
    if (hashing_) return {};
    hashing_ = true;
    for (auto next = waiting_.find(hashed_); next != waiting_.end(); next = waiting_.find(hashed_)) {
      auto ready = next->second;
      lock.unlock();
      TRY(hash(ctx, ready, fd));
      lock.lock();
      hashed_ += ready.length;
    }
    hashing_ = false;
    return hashed_ == size_ ? digests_.finish() : Result<void>();
  }

 private:
  Result<void> hash(const Context& ctx, const ModelPiece& piece, int fd) {
    FrameBuffer buffer = allocate_frame_buffer();
    for (std::uint64_t done = 0; done < piece.length; done += kFrameSize) {
      TRY(ctx.check());
      auto part = MutableByteView(buffer.get(), kFrameSize).first(std::min(kFrameSize, piece.length - done));
      TRY(os::read_exactly_at(fd, part, piece.blob_offset + done));
      digests_.update(part);
    }
    return {};
  }

  const std::uint64_t size_;
  std::mutex mutex_;
  std::map<std::uint64_t, ModelPiece> waiting_;  // by place in the file; guarded by mutex_
  std::uint64_t hashed_ = 0;                     // guarded by mutex_
  bool hashing_ = false;                         // guarded by mutex_; who sets it has digests_
  StatedDigests digests_;
};

// Writes one run at a time, a frame after the other, and hashes the frames.
class RunWriter {
 public:
  RunWriter(int fd, ProgressCounter& progress) : fd_(fd), progress_(progress), frame_(allocate_frame_buffer()) {}

  void begin(std::uint64_t offset) {
    offset_ = offset;
    used_ = 0;
  }
  std::uint64_t position() const { return offset_ + used_; }

  Result<void> append(ByteView bytes) {
    while (!bytes.empty()) {
      auto piece = bytes.first(std::min<std::size_t>(bytes.size(), kFrameSize - used_));
      std::memcpy(frame_.get() + used_, piece.data(), piece.size());
      TRY(take(piece.size()));
      bytes = bytes.subspan(piece.size());
    }
    return {};
  }
  // Less than a frame; what lies behind a file in its last block, and behind the last file.
  Result<void> fill_to(std::uint64_t offset) {
    while (position() < offset) {
      auto count = std::min<std::uint64_t>(offset - position(), kFrameSize - used_);
      std::memset(frame_.get() + used_, 0, count);
      TRY(take(count));
    }
    return {};
  }
  Result<std::vector<Sha256>> finish() {
    if (used_ > 0) TRY(flush());
    return hasher_.finish().frames;
  }

 private:
  Result<void> take(std::size_t size) {
    used_ += size;
    if (used_ < kFrameSize) return {};
    return flush();
  }
  Result<void> flush() {
    ByteView bytes(frame_.get(), used_);
    TRY(os::write_all_at(fd_, bytes, offset_).with_context("write the model's blob"));
    // The disk begins at once, so that the sync at the end finds little to do.
    sync_file_range(fd_, static_cast<off64_t>(offset_), static_cast<off64_t>(used_), SYNC_FILE_RANGE_WRITE);
    hasher_.update(bytes);
    progress_.add(used_);
    offset_ += used_;
    used_ = 0;
    return {};
  }

  const int fd_;
  ProgressCounter& progress_;
  FrameBuffer frame_;
  FrameHasher hasher_;
  std::uint64_t offset_ = 0;  // of the frame in the blob
  std::size_t used_ = 0;      // of the frame
};

class Download {
 public:
  Download(origin::ModelOrigin& origin, const ModelLayout& layout, int fd, const ModelDownloadOptions& options)
      : origin_(origin),
        layout_(layout),
        runs_(layout.runs()),
        fd_(fd),
        connections_(options.connections != 0 ? options.connections : kOriginConnections),
        progress_(options.progress, "model", layout.blob_size) {
    blob_.size = layout.blob_size;
    blob_.frames.resize(frame_count(blob_.size, kFrameSize));
    for (const auto& file : layout.files) {
      bool stated = file.md5 || file.sha256;
      checks_.push_back(stated ? std::make_unique<FileCheck>(file) : nullptr);
    }
  }

  Result<FramedBlob> run(const Context& ctx) {
    TRY(os::set_file_size(fd_, blob_.size));
    TRY(parallel_for(ctx, std::min(connections_, runs_.size()), connections_,
                     [this](const Context& work_ctx, std::size_t) -> Result<void> {
                       RunWriter writer(fd_, progress_);
                       for (std::size_t i = next_++; i < runs_.size(); i = next_++) TRY(bring(work_ctx, runs_[i], writer));
                       return {};
                     }));
    progress_.finish();
    return std::move(blob_);
  }

 private:
  Result<void> bring(const Context& ctx, const ModelRun& run, RunWriter& writer) {
    TRY(ctx.check());
    writer.begin(run.begin);
    for (const ModelPiece& piece : run.pieces) {
      TRY(writer.fill_to(piece.blob_offset));
      TRY(read(ctx, piece, writer).with_context("model file {:?}", layout_.files[piece.file].path));
    }
    TRY(writer.fill_to(run.end));
    auto frames = TRY(writer.finish());
    std::ranges::copy(frames, blob_.frames.begin() + static_cast<std::ptrdiff_t>(run.begin / kFrameSize));
    for (const ModelPiece& piece : run.pieces) {
      if (checks_[piece.file]) TRY(checks_[piece.file]->add(ctx, piece, fd_));
    }
    return {};
  }

  Result<void> read(const Context& ctx, const ModelPiece& piece, RunWriter& writer) {
    std::uint64_t left = piece.length;
    TRY(origin_.read(ctx, layout_.files[piece.file], piece.file_offset, piece.length, [&](ByteView bytes) -> Result<void> {
      if (bytes.size() > left) return make_error(Code::kDataLoss, "its origin gives more bytes than were asked for");
      left -= bytes.size();
      return writer.append(bytes);
    }));
    if (left == 0) return {};
    return make_error(Code::kDataLoss, "its origin gives {} bytes fewer than it lists", left);
  }

  origin::ModelOrigin& origin_;
  const ModelLayout& layout_;
  const std::vector<ModelRun> runs_;
  const int fd_;
  const std::size_t connections_;
  ProgressCounter progress_;
  std::vector<std::unique_ptr<FileCheck>> checks_;  // by file; null where nothing is stated
  std::atomic<std::size_t> next_ = 0;
  FramedBlob blob_;  // each run fills its own frames
};

}  // namespace

Result<FramedBlob> download_model(const Context& ctx, origin::ModelOrigin& origin, const ModelLayout& layout, int fd,
                                  const ModelDownloadOptions& options) {
  return Download(origin, layout, fd, options).run(ctx);
}

}  // namespace zeropull::artifact
