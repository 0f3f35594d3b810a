#include "artifact/cache_folder.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "artifact/cache_writer.h"
#include "artifact/file_lock.h"
#include "artifact/references.h"
#include "artifact/seal.h"
#include "base/units.h"

namespace zeropull::artifact {

namespace {

// How often a reader looks again when a writer replaced an image folder under its eyes.
constexpr int kReadAttempts = 3;

std::string kind_folder(const std::string& path, ArtifactKind kind) { return fmt::format("{}/{}s", path, kind_name(kind)); }
std::string images_folder(const std::string& path) { return kind_folder(path, ArtifactKind::kImage); }
std::string models_folder(const std::string& path) { return kind_folder(path, ArtifactKind::kModel); }
std::string blobs_folder(const std::string& path) { return path + "/blobs"; }
std::string temporary_folder(const std::string& path) { return path + "/tmp"; }

Result<void> ensure_layout(const std::string& path) {
  TRY(CacheFolder::check_place(path));
  TRY(os::ensure_folder(path));
  for (const auto& folder : {images_folder(path), blobs_folder(path), models_folder(path), temporary_folder(path)}) {
    TRY(os::ensure_folder(folder));
  }
  return os::sync_folder(path);
}

}  // namespace

Result<void> CacheFolder::check_place(const std::string& path) {
  if (!os::exists(path) || (os::exists(images_folder(path)) && os::exists(blobs_folder(path)))) return {};
  constexpr std::array<std::string_view, 5> kOurs = {"blobs", "images", "models", "lock", "lost+found"};  // tmp/ is made last
  auto names = TRY(os::list_folder(path));
  for (const auto& name : names) {
    if (std::ranges::find(kOurs, name) != kOurs.end()) continue;
    return make_error(Code::kFailedPrecondition, "{} holds {:?} and is no cache folder: choose an empty or new one", path, name);
  }
  return {};
}

Result<std::unique_ptr<CacheFolder>> CacheFolder::open(const std::string& path, CacheFolderOptions options) {
  if (options.access == Access::kWrite) {
    if (!options.key) return make_error(Code::kFailedPrecondition, "cache folder {}: writing needs the endpoint's key", path);
    TRY(ensure_layout(path));
  } else if (!os::exists(images_folder(path)) || !os::exists(blobs_folder(path))) {
    return make_error(Code::kNotFound, "{} is no cache folder: it has no images/ and blobs/", path);
  }
  std::unique_ptr<CacheFolder> folder(new CacheFolder(path, std::move(options)));
  TRY(folder->refresh());
  return folder;
}

std::string CacheFolder::blob_path(const BlobId& id) const { return blobs_folder(path_) + "/" + id.hex(); }
std::string CacheFolder::artifact_path(const ArtifactName& name) const {
  return kind_folder(path_, name.kind) + "/" + name.digest.hex();
}

void CacheFolder::step(std::string_view name) const {
  if (options_.before_step) options_.before_step(name);
}

std::string CacheFolder::temporary_path(std::string_view prefix) const {
  return fmt::format("{}/{}-{:016x}", temporary_folder(path_), prefix, Random::secure().next());
}

Result<ArtifactPtr> CacheFolder::load(const std::string& path) const {
  for (int attempt = 1;; ++attempt) {
    auto folder = TRY(os::open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    auto sealed = read_sealed(folder);
    // Opened just before a writer put another folder in its place and emptied this one.
    if (sealed.failed_with(Code::kNotFound) && attempt < kReadAttempts) continue;
    auto files = TRY(std::move(sealed));
    if (options_.key) TRY(check_seal(*options_.key, files.index.bytes(), files.seal));
    auto index = TRY(ArtifactIndex::from_file(std::move(files.index)));
    if (path != artifact_path(index.name())) return make_error(Code::kDataLoss, "its index is that of {}", index.name());
    return std::make_shared<const ArtifactIndex>(std::move(index));
  }
}

Result<void> CacheFolder::read_kind(ArtifactKind kind, Catalogue& catalogue) const {
  auto folder = kind_folder(path_, kind);
  auto names = TRY(os::list_folder(folder));
  if (names.size() > kArtifactsMax) return make_error(Code::kOutOfRange, "{}: more than {} in it", folder, kArtifactsMax);
  auto& found = kind == ArtifactKind::kImage ? catalogue.images : catalogue.models;
  for (const std::string& name : names) {
    std::string path = folder + "/" + name;
    auto loaded = load(path);
    if (loaded.ok()) {
      found.push_back(std::move(loaded).take());
    } else if (os::exists(path)) {  // else removed meanwhile
      catalogue.broken.push_back({path, std::move(loaded).take_error()});
    }
  }
  return {};
}

Result<CacheFolder::Catalogue> CacheFolder::read_catalogue() const {
  Catalogue catalogue;
  TRY(read_kind(ArtifactKind::kImage, catalogue));
  // A volume from before there were models has no folder for them.
  if (os::exists(models_folder(path_))) TRY(read_kind(ArtifactKind::kModel, catalogue));
  return catalogue;
}

std::vector<ArtifactPtr> CacheFolder::Catalogue::artifacts() const {
  auto all = images;
  all.insert(all.end(), models.begin(), models.end());
  return all;
}

Result<void> CacheFolder::refresh() {
  auto catalogue = TRY(read_catalogue().with_context("cache folder {}", path_));
  *catalogue_.lock() = std::move(catalogue);
  return {};
}

std::vector<ArtifactPtr> CacheFolder::artifacts() const { return catalogue_.lock()->artifacts(); }

std::vector<ImagePtr> CacheFolder::images() const { return catalogue_.lock()->images; }

ArtifactPtr CacheFolder::find(const ArtifactName& name) const {
  auto catalogue = catalogue_.lock();
  const auto& all = name.kind == ArtifactKind::kImage ? catalogue->images : catalogue->models;
  auto found = std::ranges::find(all, name, [](const auto& one) { return one->name(); });
  return found == all.end() ? nullptr : *found;
}

std::uint64_t CacheFolder::named_bytes() const {
  std::uint64_t bytes = 0;
  std::set<BlobId> counted;
  for (const auto& one : artifacts()) {
    for (const auto& blob : one->blobs()) bytes += counted.insert(blob.id).second ? blob.size : 0;
  }
  return bytes;
}

std::vector<BrokenArtifact> CacheFolder::broken() const {
  std::vector<BrokenArtifact> broken;
  auto catalogue = catalogue_.lock();
  for (const auto& image : catalogue->broken) broken.push_back({image.path, image.error.clone()});
  return broken;
}

ImagePtr CacheFolder::find_reference(std::string_view reference) const { return newest_of(catalogue_.lock()->images, reference); }

std::optional<ChainMatch> CacheFolder::find_chain(const ChainId& chain) const {
  std::optional<ChainMatch> match;
  auto catalogue = catalogue_.lock();
  for (const auto& image : catalogue->images) {
    const auto& layers = image->image().layers;
    auto found = std::ranges::find(layers, chain, &ImageLayer::chain_id);
    if (found == layers.end()) continue;
    match = ChainMatch{image, static_cast<std::size_t>(found - layers.begin()) + 1};
    if (match->whole()) break;
  }
  return match;
}

bool CacheFolder::has_blob(const BlobId& id, std::uint64_t size) const {
  struct stat info;
  return lstat(blob_path(id).c_str(), &info) == 0 && S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) == size;
}

Result<CacheWriter> CacheFolder::begin() {
  if (options_.access != Access::kWrite) {
    return make_error(Code::kFailedPrecondition, "cache folder {} is open for reading alone", path_);
  }
  auto lock = TRY(os::open_file(path_ + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW));
  TRY(lock_file(lock, LockMode::kShared).with_context("cache folder {}: a collection is running", path_));
  return CacheWriter(*this, std::move(lock));
}

Result<os::UniqueFd> CacheFolder::lock_artifacts() const {
  auto folder = TRY(os::open_file(images_folder(path_), O_RDONLY | O_DIRECTORY));  // for artifacts of every kind
  TRY(lock_file(folder, LockMode::kExclusive).with_context("cache folder {}: another process is changing it", path_));
  return folder;
}

Result<void> CacheFolder::add_reference(const ManifestDigest& digest, const ResolvedReference& reference) {
  auto writer = TRY(begin());
  auto image = TRY(load(artifact_path(digest)).with_context("image {} in {}", digest, path_));
  auto contents = image->contents();
  contents.image().references.push_back(reference);
  return writer.publish(std::move(contents));
}

// Takes the artifact's folder out of sight, to `grave`.
Result<void> CacheFolder::bury_locked(const ArtifactName& name, const std::string& grave) {
  step("remove artifact");
  auto renamed = os::rename_path(artifact_path(name), grave);
  if (!renamed.ok() && !renamed.failed_with(Code::kNotFound)) return renamed;
  return os::sync_folder(kind_folder(path_, name.kind));
}

Result<void> CacheFolder::remove_artifact(const ArtifactName& name) {
  auto writer = TRY(begin());
  std::string grave = temporary_path("removed");
  {
    auto lock = TRY(lock_artifacts());
    TRY(bury_locked(name, grave));
  }
  step("remove artifact's files");
  TRY(os::remove_tree(grave));
  return refresh();
}

Result<std::uint64_t> CacheFolder::evict(const ArtifactName& name) {
  auto writer = TRY(begin());
  std::string grave = temporary_path("removed");
  std::uint64_t bytes = 0;
  {
    auto lock = TRY(lock_artifacts());  // nobody publishes meanwhile, so nobody begins to name what is removed
    auto evicted = load(artifact_path(name));
    TRY(bury_locked(name, grave));
    TRY(refresh());
    auto all = catalogue_.lock();
    std::set<BlobId> named;
    for (const auto& one : all->artifacts()) {
      for (const auto& blob : one->blobs()) named.insert(blob.id);
    }
    // What a broken artifact names is unknown: then blobs stay for collect(), after whose error somebody removes that artifact.
    if (evicted.ok() && all->broken.empty()) {
      auto held = held_.lock();
      for (const auto& blob : (*evicted)->blobs()) {
        if (named.contains(blob.id) || held->contains(blob.id) || !has_blob(blob.id, blob.size)) continue;
        step("remove blob");
        TRY(os::remove_file(blob_path(blob.id)));
        bytes += blob.size;
      }
    }
  }
  step("remove artifact's files");
  TRY(os::remove_tree(grave));
  return bytes;
}

Result<void> CacheFolder::touch(const ArtifactName& name, WallTime now) {
  return os::set_modified_time(artifact_path(name) + "/seal", now);
}

Result<WallTime> CacheFolder::last_used(const ArtifactName& name) const {
  auto info = TRY(os::stat_path(artifact_path(name) + "/seal"));
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::seconds(info.st_mtim.tv_sec) +
                                                                 std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

Result<Collected> CacheFolder::collect(const std::set<BlobId>& in_use) {
  if (options_.access != Access::kWrite) {
    return make_error(Code::kFailedPrecondition, "cache folder {} is open for reading alone", path_);
  }
  auto lock = TRY(os::open_file(path_ + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW));
  TRY(try_lock_file(lock, LockMode::kExclusive)
          .with_context("cache folder {}: an artifact is being written; collect again later", path_));
  TRY(refresh());
  std::set<BlobId> keep = in_use;
  {
    auto catalogue = catalogue_.lock();
    if (!catalogue->broken.empty()) {
      return make_error(Code::kFailedPrecondition,
                        "nothing collected: which blobs a broken artifact names is unknown; remove it first: {}: {}",
                        catalogue->broken.front().path, catalogue->broken.front().error.message());
    }
    for (const auto& one : catalogue->artifacts()) {
      for (const auto& blob : one->blobs()) keep.insert(blob.id);
    }
  }
  Collected collected;
  auto blobs = TRY(os::list_folder(blobs_folder(path_)));
  for (const std::string& name : blobs) {
    auto id = Sha256::from_hex(name);
    if (!id || keep.contains(BlobId{*id})) continue;
    std::string path = blobs_folder(path_) + "/" + name;
    auto info = TRY(os::stat_path(path));
    step("remove orphan");
    TRY(os::remove_file(path));
    ++collected.blobs;
    collected.bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  auto leftovers = TRY(os::list_folder(temporary_folder(path_)));
  for (const std::string& name : leftovers) {
    step("remove leftover");
    TRY(os::remove_tree(temporary_folder(path_) + "/" + name));
    ++collected.leftovers;
  }
  return collected;
}

Result<void> CacheFolder::ensure_space(std::uint64_t bytes) const {
  auto free = TRY(os::free_bytes(path_));
  if (free >= bytes) return {};
  return make_error(Code::kResourceExhausted,
                    "cache folder {}: {} needed, {} free on its file system; make room or choose another folder", path_,
                    format_bytes(bytes), format_bytes(free));
}

}  // namespace zeropull::artifact
