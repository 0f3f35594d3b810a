#include "agent/reachable_store.h"

#include "artifact/fetcher.h"
#include "artifact/publisher.h"
#include "artifact/store_catalog.h"
#include "base/log.h"
#include "os/file.h"
#include "store/folder_store.h"
#include "store/http_store.h"

namespace zeropull::agent {

namespace {

constexpr Logger kLog{"agent"};

Result<std::string> read_token(const std::string& path) {
  auto text = TRY(os::read_text(path, store::kTokenMax + 1).with_context("token_file"));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::unique_ptr<store::ObjectStore>> open_store(const StoreConfig& config) {
  if (!config.folder.empty()) {
    auto folder = TRY(store::FolderStore::open(config.folder));
    return std::unique_ptr<store::ObjectStore>(std::move(folder));
  }
  store::HttpStoreOptions options{.url = config.url, .token = {}};
  if (!config.token_file.empty()) options.token = TRY(read_token(config.token_file));
  options.client.ca_file = config.ca_file;
  auto served = TRY(store::HttpStore::create(std::move(options)));
  return std::unique_ptr<store::ObjectStore>(std::move(served));
}

}  // namespace

Result<std::unique_ptr<ReachableStore>> ReachableStore::open(const StoreConfig& config) {
  auto name = config.url.empty() ? config.folder : config.url;
  auto store = TRY(open_store(config).with_context("store {}", name));
  return std::unique_ptr<ReachableStore>(new ReachableStore(std::move(name), std::move(store), config.publish));
}

Result<artifact::ImagePtr> ReachableStore::fetch(const Context& ctx, const artifact::EndpointKey& key,
                                                 const oci::RegistryReference& reference, artifact::CacheFolder& into,
                                                 std::size_t jobs, const artifact::Progress& progress) {
  artifact::ImagePtr image;
  if (reference.digest) {
    image = TRY(artifact::read_store_artifact(ctx, *store_, key, *reference.digest));
  } else {
    auto catalog = TRY(artifact::read_store_catalog(ctx, *store_, key));
    for (const auto& broken : catalog.broken) {
      LOG_WARN(kLog, "leave out an image: {}", broken.error.to_string());
    }
    image = catalog.find_reference(reference.name());
    if (!image) return make_error(Code::kNotFound, "no image {}", reference.name());
  }
  artifact::FetchOptions options{.progress = progress};
  if (jobs != 0) options.connections = jobs;
  TRY(artifact::fetch_artifact(ctx, *store_, *image, into, options));
  return into.find_manifest(image->image().manifest_digest);
}

Result<void> ReachableStore::publish(const Context& ctx, const artifact::EndpointKey& key, const artifact::CacheFolder& from,
                                     const artifact::ArtifactIndex& image) {
  auto publisher = TRY(artifact::Publisher::create(ctx, *store_, key));
  return publisher->publish_artifact(ctx, from, image.contents());
}

}  // namespace zeropull::agent
