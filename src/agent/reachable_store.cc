#include "agent/reachable_store.h"

#include "os/file.h"
#include "store/folder_store.h"
#include "store/http_store.h"

namespace zeropull::agent {

namespace {

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
  options.client.certificate_file = config.certificate_file;
  options.client.key_file = config.key_file;
  auto served = TRY(store::HttpStore::create(std::move(options)));
  return std::unique_ptr<store::ObjectStore>(std::move(served));
}

}  // namespace

Result<std::shared_ptr<ReachableStore>> ReachableStore::open(const StoreConfig& config) {
  auto name = config.url.empty() ? config.folder : config.url;
  auto store = TRY(open_store(config).with_context("store {}", name));
  auto reachable = std::shared_ptr<ReachableStore>(new ReachableStore(std::move(name), std::move(store), config.publish));
  if (!config.scope.empty()) {
    auto folder = TRY(store::ObjectName::parse(config.scope).with_context("scope"));
    reachable->scope_.emplace(*reachable->whole_, std::move(folder));
  }
  return reachable;
}

}  // namespace zeropull::agent
