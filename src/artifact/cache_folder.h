// CacheFolder: an endpoint's artifacts, complete, in a folder. The local cache of an instance and a cache volume have this one
// layout:
//
//   blobs/<hex of blob id>                  plain blobs, whole
//   images/<hex of manifest digest>/index   artifact index (artifact/index.h)
//   images/<hex of manifest digest>/seal    HMAC of the index under the endpoint's key (artifact/seal.h)
//   tmp/                                    what writers have not published yet
//   lock                                    held shared by writers, exclusively by the collector
//
// Folders have mode 0700, files 0600. No name comes from outside. A blob appears by rename after fsync, an image folder by rename
// after its blobs: readers and a machine that stops anywhere see all or nothing, and at worst leave orphans for collect(). A
// folder opened Access::kRead is never written, not even its lock.
//
// The catalogue of images is read when the folder is opened, after each change made through this object, and by refresh(). Images
// whose seal or index is bad are kept apart in broken() and never used. Thread-safe; several processes may have the same folder
// open.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/index.h"
#include "artifact/keys.h"
#include "base/guarded.h"
#include "base/result.h"
#include "os/fd.h"
#include "os/file.h"

namespace zeropull::artifact {

using ImagePtr = std::shared_ptr<const ArtifactIndex>;

enum class Access { kRead, kWrite };

// How a blob's file is written. kDirect goes past the page cache, which mounts do not read from, where the file system can; the
// blob must be a whole number of blocks, written in aligned pieces (BlobWriter does). kCached suits whoever reads it again soon.
enum class BlobWrites { kDirect, kCached };

struct CacheFolderOptions {
  Access access = Access::kRead;
  // Seals are checked with it before an index is parsed, and made with it. Without a key nothing is checked: for inspection
  // alone.
  std::optional<EndpointKey> key;
  // Called before each durable step of a publication, removal or collection, with its name: where crash tests stop the process.
  std::function<void(std::string_view step)> before_step = {};
};

// The first `layers` layers of `image` give the chain id that was asked for.
struct ChainMatch {
  ImagePtr image;
  std::size_t layers = 0;
  bool whole() const { return layers == image->image().layers.size(); }
};

struct BrokenArtifact {
  std::string path;  // of the image's folder; not in `error`
  Error error;
};

struct Collected {
  std::uint64_t blobs = 0;      // files removed from blobs/
  std::uint64_t leftovers = 0;  // entries removed from tmp/
  std::uint64_t bytes = 0;
};

class CacheWriter;

class CacheFolder {
 public:
  // Makes the layout when it is absent and access is kWrite; kNotFound when it is absent and access is kRead. A folder that holds
  // other things is never written (kFailedPrecondition): a collection would take them away.
  static Result<std::unique_ptr<CacheFolder>> open(const std::string& path, CacheFolderOptions options);
  // Whether open() for writing would take this path, which may be absent.
  static Result<void> check_place(const std::string& path);
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

  const std::string& path() const { return path_; }
  const CacheFolderOptions& options() const { return options_; }
  std::string blob_path(const BlobId& id) const;
  std::string image_path(const ManifestDigest& digest) const;

  // The catalogue, from memory. Null and nullopt when there is none.
  std::vector<ImagePtr> images() const;  // by manifest digest
  ImagePtr find_manifest(const ManifestDigest& digest) const;
  ImagePtr find_reference(std::string_view reference) const;  // of several, the one resolved last
  // An image with this chain among its prefixes; one that ends there is preferred, as its metadata image serves as it is.
  std::optional<ChainMatch> find_chain(const ChainId& chain) const;
  std::vector<BrokenArtifact> broken() const;
  Result<void> refresh();

  // Whether the blob is here with its size (its bytes are verify_artifact's business).
  bool has_blob(const BlobId& id, std::uint64_t size) const;

  // Starts a publication. While a writer exists, collect() in any process is refused.
  Result<CacheWriter> begin();
  // Records that `reference` named this manifest at `time`; kNotFound when the image is not here.
  Result<void> add_reference(const ManifestDigest& digest, const ResolvedReference& reference);
  // Forgets the image; its blobs stay until collect(). An absent one is fine.
  Result<void> remove_artifact(const ManifestDigest& digest);
  // Removes blobs that no image names, except those in use, and leftovers of writers that died. kUnavailable while a writer
  // exists; kFailedPrecondition while an image is broken, as nobody can tell what it names: remove or repair it first.
  Result<Collected> collect(const std::set<BlobId>& in_use);
  // kResourceExhausted, with both sizes in words, when fewer than `bytes` are free.
  Result<void> ensure_space(std::uint64_t bytes) const;

 private:
  friend class CacheWriter;
  struct Catalogue {
    std::vector<ImagePtr> images;
    std::vector<BrokenArtifact> broken;
  };
  CacheFolder(std::string path, CacheFolderOptions options) : path_(std::move(path)), options_(std::move(options)) {}
  void step(std::string_view name) const;
  std::string temporary_path(std::string_view prefix) const;
  Result<ImagePtr> load_image(const std::string& image_path) const;
  Result<Catalogue> read_catalogue() const;
  Result<os::UniqueFd> lock_images() const;  // exclusively, while an image folder changes
  Result<void> publish(IndexContents contents);
  Result<void> replace_image(IndexContents contents);  // with the images locked

  const std::string path_;
  const CacheFolderOptions options_;
  mutable Guarded<Catalogue> catalogue_;
};

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

// One publication into a CacheFolder, which must outlive it. Thread-safe: several blobs may be written and adopted at once.
class CacheWriter {
 public:
  CacheWriter(CacheWriter&&) noexcept = default;
  CacheWriter& operator=(CacheWriter&&) = delete;

  // An empty file in tmp/, open for reading and writing.
  Result<PendingBlob> create_blob(BlobWrites writes = BlobWrites::kCached);
  // Syncs the file and gives it its name. The caller vouches that `id` is the id of its bytes and `size` their number (a file of
  // another size is kInternal). One that is already there is replaced: its bytes may have been damaged since.
  Result<void> adopt(PendingBlob blob, const BlobId& id, std::uint64_t size);
  // Publishes the image: every blob of it must be here with its size (kFailedPrecondition). Replaces an older index of the same
  // manifest at once and keeps its references.
  Result<void> publish(IndexContents contents);

 private:
  friend class CacheFolder;
  CacheWriter(CacheFolder& folder, os::UniqueFd lock) : folder_(&folder), lock_(std::move(lock)) {}
  CacheFolder* folder_;
  os::UniqueFd lock_;  // shared flock on `lock`, for as long as the writer lives
};

}  // namespace zeropull::artifact
