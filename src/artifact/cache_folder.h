// CacheFolder: an endpoint's artifacts, complete, in a folder. The local cache of an instance and a cache volume have this one
// layout:
//
//   blobs/<hex of blob id>                  plain blobs, whole
//   images/<hex of manifest digest>/index   artifact index (artifact/index.h)
//   images/<hex of manifest digest>/seal    HMAC of the index under the endpoint's key (artifact/seal.h)
//   models/<hex of identity>/..             the same of models
//   tmp/                                    what writers have not published yet
//   lock                                    held shared by writers, exclusively by the collector
//
// Folders have mode 0700, files 0600. No name comes from outside. A blob appears by rename after fsync, an artifact's folder by
// rename after its blobs: readers and a machine that stops anywhere see all or nothing, and at worst leave orphans for collect().
// A folder opened Access::kRead is never written, not even its lock.
//
// The catalogue is read when the folder is opened, after each change made through this object, and by refresh(). Artifacts whose
// seal or index is bad are kept apart in broken() and never used. Thread-safe; several processes may have the same folder
// open.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/artifact_name.h"
#include "artifact/index.h"
#include "artifact/keys.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "os/fd.h"
#include "os/file.h"

namespace zeropull::artifact {

using ArtifactPtr = std::shared_ptr<const ArtifactIndex>;
using ImagePtr = ArtifactPtr;  // of kind image
using ModelPtr = ArtifactPtr;  // of kind model

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
  std::string path;  // of the artifact's folder; not in `error`
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
  std::string artifact_path(const ArtifactName& name) const;

  // The catalogue, from memory. Null and nullopt when there is none.
  std::vector<ArtifactPtr> artifacts() const;  // images, then models
  std::vector<ImagePtr> images() const;        // by manifest digest
  ArtifactPtr find(const ArtifactName& name) const;
  ImagePtr find_manifest(const ManifestDigest& digest) const { return find(digest); }
  ImagePtr find_reference(std::string_view reference) const;  // of several, the one resolved last
  // An image with this chain among its prefixes; one that ends there is preferred, as its metadata image serves as it is.
  std::optional<ChainMatch> find_chain(const ChainId& chain) const;
  std::vector<BrokenArtifact> broken() const;
  Result<void> refresh();

  // Whether the blob is here with its size (its bytes are verify_artifact's business).
  bool has_blob(const BlobId& id, std::uint64_t size) const;

  // Of all blobs that the catalogue names, each once.
  std::uint64_t named_bytes() const;

  // Starts a publication (artifact/cache_writer.h). While a writer exists, collect() in any process is refused.
  Result<CacheWriter> begin();
  // Records that `reference` named this manifest at `time`; kNotFound when the image is not here.
  Result<void> add_reference(const ManifestDigest& digest, const ResolvedReference& reference);
  // Forgets the artifact; its blobs stay until collect(). An absent one is fine.
  Result<void> remove_artifact(const ArtifactName& name);
  // Forgets the artifact and removes its blobs, but those that another names or a writer of this object holds: works while there
  // are writers, too. Returns the bytes of the blobs removed. Whether something is mounted from them is the caller's business.
  Result<std::uint64_t> evict(const ArtifactName& name);
  // When the artifact was used last, as touch() recorded it, else when it came. It lies with the artifact and outlives processes.
  Result<void> touch(const ArtifactName& name, WallTime now);
  Result<WallTime> last_used(const ArtifactName& name) const;
  // Removes blobs that no artifact names, except those in use, and leftovers of writers that died. kUnavailable while a writer
  // exists; kFailedPrecondition while an artifact is broken, as nobody can tell what it names: remove or repair it first.
  Result<Collected> collect(const std::set<BlobId>& in_use);
  // kResourceExhausted, with both sizes in words, when fewer than `bytes` are free.
  Result<void> ensure_space(std::uint64_t bytes) const;

 private:
  friend class CacheWriter;
  struct Catalogue {
    std::vector<ImagePtr> images;
    std::vector<ModelPtr> models;
    std::vector<BrokenArtifact> broken;
    std::vector<ArtifactPtr> artifacts() const;
  };
  CacheFolder(std::string path, CacheFolderOptions options) : path_(std::move(path)), options_(std::move(options)) {}
  void step(std::string_view name) const;
  std::string temporary_path(std::string_view prefix) const;
  Result<ArtifactPtr> load(const std::string& path) const;
  Result<void> read_kind(ArtifactKind kind, Catalogue& catalogue) const;
  Result<Catalogue> read_catalogue() const;
  Result<os::UniqueFd> lock_artifacts() const;  // exclusively, while an artifact's folder changes
  Result<void> bury_locked(const ArtifactName& name, const std::string& grave);
  Result<void> publish(IndexContents contents);
  Result<void> replace_locked(IndexContents contents);

  const std::string path_;
  const CacheFolderOptions options_;
  mutable Guarded<Catalogue> catalogue_;
  Guarded<std::multiset<BlobId>> held_;  // by writers of this object
};

}  // namespace zeropull::artifact
