#include "cli/cache_target.h"

#include "oci/reference.h"
#include "os/file.h"

namespace zeropull::cli {

Result<void> require_folder(const CacheTarget& target) {
  if (target.store) {
    return make_error(Code::kInvalidArgument,
                      "{} is a store, this command takes a cache folder: the store's own is "
                      "`zeropull image verify store:{}`",
                      target.path, target.path);
  }
  if (os::exists(target.path)) return {};
  return make_error(Code::kNotFound, "there is no folder {}", target.path);
}

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
  TRY(require_folder(target));
  auto key = artifact::EndpointKey::load(target.key_file);
  if (key.failed_with(Code::kNotFound)) return std::move(key).take_error().with("the endpoint's key (give --key-file)");
  artifact::CacheFolderOptions options{.access = artifact::Access::kRead, .key = {}};
  options.key = TRY(std::move(key));
  return artifact::CacheFolder::open(target.path, options);
}

Result<artifact::ImagePtr> choose_image(const artifact::CacheFolder& folder, const std::string& name) {
  auto images = folder.images();
  auto broken = folder.broken();
  if (images.empty() && !broken.empty()) return broken.front().error.clone().with(broken.front().path);
  if (images.empty()) return make_error(Code::kNotFound, "{} holds no image", folder.path());
  if (name.empty()) {
    if (images.size() == 1) return images.front();
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
  return make_error(Code::kNotFound, "{} holds no image {}{}", folder.path(), name,
                    broken.empty() ? "" : fmt::format(" among its good ones; {} are damaged", broken.size()));
}

}  // namespace zeropull::cli
