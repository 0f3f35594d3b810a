#include "cli/cache_target.h"

#include "oci/reference.h"

namespace zeropull::cli {

CacheTarget parse_cache_target(const std::string& text, const std::string& key_file) {
  constexpr std::string_view kStore = "store:";
  CacheTarget target;
  target.store = text.starts_with(kStore);
  target.path = target.store ? text.substr(kStore.size()) : text;
  while (target.path.size() > 1 && target.path.ends_with('/')) target.path.pop_back();
  target.key_file = key_file.empty() ? target.path + ".key" : key_file;
  return target;
}

Result<std::unique_ptr<artifact::CacheFolder>> open_folder_sealed(const std::string& path, const std::string& key_file) {
  auto target = parse_cache_target(path, key_file);
  auto key = artifact::EndpointKey::load(target.key_file);
  if (!key.ok()) return std::move(key).take_error().with("the endpoint's key (give --key-file)");
  artifact::CacheFolderOptions options{.access = artifact::Access::kRead, .key = *key};
  return artifact::CacheFolder::open(target.path, options);
}

Result<artifact::ImagePtr> choose_image(const artifact::CacheFolder& folder, const std::string& name) {
  auto images = folder.images();
  if (name.empty()) {
    if (images.size() == 1) return images.front();
    for (const auto& broken : folder.broken()) {
      if (images.empty()) return broken.error.clone().with(broken.path);
    }
    return make_error(Code::kInvalidArgument, "{} holds {} images; name one with --image", folder.path(), images.size());
  }
  if (auto digest = ManifestDigest::parse(name)) {
    auto image = folder.find_manifest(*digest);
    if (image) return image;
  } else {
    auto reference = TRY(oci::parse_image_name(name));
    auto image = folder.find_reference(reference.name());
    if (image) return image;
  }
  return make_error(Code::kNotFound, "{} holds no image {}", folder.path(), name);
}

}  // namespace zeropull::cli
