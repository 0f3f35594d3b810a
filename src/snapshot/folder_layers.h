// FolderLayers: the tests' CachedLayers. A prefix is a plain folder that a test fills, "mounting" it only notes that it was asked
// for. Not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "snapshot/cached_layers.h"

namespace zeropull::snapshot {

class FolderLayers final : public CachedLayers {
 public:
  // An image of these layers, bottom first; `folder_of` has a merged tree for each prefix that tests mount.
  struct Image {
    std::vector<CachedLayer> layers;
    std::map<ChainId, std::string> folder_of;
  };
  void add(Image image) { images_.push_back(std::move(image)); }
  void clear() { images_.clear(); }
  void fail_with(Code code) { failure_ = code; }  // every later call
  const std::set<ChainId>& mounted() const { return mounted_; }

  Result<std::optional<CachedPrefix>> find(const Context&, const ChainId& chain_id) override {
    if (failure_) return make_error(*failure_, "the test's cache fails");
    for (const auto& image : images_) {
      CachedPrefix prefix;
      for (const auto& layer : image.layers) {
        prefix.layers.push_back(layer);
        if (layer.chain_id == chain_id) return std::optional(std::move(prefix));
      }
    }
    return std::optional<CachedPrefix>();
  }

  Result<std::string> mount_prefix(const Context&, const ChainId& chain_id) override {
    if (failure_) return make_error(*failure_, "the test's cache fails");
    for (const auto& image : images_) {
      auto found = image.folder_of.find(chain_id);
      if (found == image.folder_of.end()) continue;
      mounted_.insert(chain_id);
      return found->second;
    }
    return make_error(Code::kNotFound, "no folder for {}", chain_id);
  }

  Result<void> release(const Context&, const ChainId& chain_id) override {
    mounted_.erase(chain_id);
    return {};
  }

  Result<void> release_all_but(const Context&, std::span<const ChainId> in_use) override {
    std::set<ChainId> keep(in_use.begin(), in_use.end());
    std::erase_if(mounted_, [&](const ChainId& chain_id) { return !keep.contains(chain_id); });
    return {};
  }

 private:
  std::vector<Image> images_;
  std::set<ChainId> mounted_;
  std::optional<Code> failure_;
};

}  // namespace zeropull::snapshot
