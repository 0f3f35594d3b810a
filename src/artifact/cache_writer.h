// CacheWriter: one publication of an artifact into a CacheFolder: blobs are written to tmp/ and adopted under their ids, then the
// index names them. The folder must outlive it. Thread-safe: several blobs may be written and adopted at once.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "artifact/cache_folder.h"
#include "base/guarded.h"
#include "base/result.h"
#include "os/fd.h"

namespace zeropull::artifact {

// A blob on its way into the folder: write it through fd(), then adopt it. Removed at the end of scope unless adopted.
class PendingBlob {
 public:
  PendingBlob(PendingBlob&& other) noexcept : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}
  PendingBlob& operator=(PendingBlob&&) = delete;
  ~PendingBlob();
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  friend class CacheWriter;
  PendingBlob(os::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  os::UniqueFd fd_;
  std::string path_;
};

class CacheWriter {
 public:
  CacheWriter(CacheWriter&&) noexcept = default;
  CacheWriter& operator=(CacheWriter&&) = delete;
  ~CacheWriter();

  // An empty file in tmp/, open for reading and writing.
  Result<PendingBlob> create_blob(BlobWrites writes = BlobWrites::kCached);
  // Whether the blob is here with its size. If it is, it stays for as long as the writer lives, whatever is evicted meanwhile:
  // ask before another artifact's blob is named again.
  bool hold(const BlobId& id, std::uint64_t size);
  // Syncs the file and gives it its name. The caller vouches that `id` is the id of its bytes and `size` their number (a file of
  // another size is kInternal). One that is already there is replaced: its bytes may have been damaged since.
  Result<void> adopt(PendingBlob blob, const BlobId& id, std::uint64_t size);
  // Publishes the artifact: every blob of it must be here with its size (kFailedPrecondition). Replaces an older index of the
  // same name at once, and keeps the references of an image's.
  Result<void> publish(IndexContents contents);

 private:
  friend class CacheFolder;
  CacheWriter(CacheFolder& folder, os::UniqueFd lock) : folder_(&folder), lock_(std::move(lock)) {}
  CacheFolder* folder_;
  os::UniqueFd lock_;  // shared flock on `lock`, for as long as the writer lives
  std::unique_ptr<Guarded<std::vector<BlobId>>> held_ = std::make_unique<Guarded<std::vector<BlobId>>>();  // null once moved from
};

}  // namespace zeropull::artifact
