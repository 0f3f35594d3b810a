#include "artifact/object_names.h"

#include "codec/digest.h"

namespace zeropull::artifact {

namespace {

store::ObjectName name_of(std::string_view folder, const EndpointKey& key, std::string_view kind, const Sha256& digest) {
  auto mac = codec::hmac_sha256(key.name_key().view(), {as_bytes(kind), digest.view()});
  return MUST(store::ObjectName::parse(fmt::format("{}/{}", folder, mac.hex())));
}

}  // namespace

store::ObjectName packs_folder() { return MUST(store::ObjectName::parse("packs")); }
store::ObjectName images_folder() { return MUST(store::ObjectName::parse("images")); }
store::ObjectName removed_folder() { return MUST(store::ObjectName::parse("removed")); }

store::ObjectName pack_object(const EndpointKey& key, const Sha256& pack) { return name_of("packs", key, "pack", pack); }
store::ObjectName image_object(const EndpointKey& key, const ManifestDigest& digest) {
  return name_of("images", key, "image", digest.value);
}
store::ObjectName removed_object(const EndpointKey& key, const ManifestDigest& digest) {
  return name_of("removed", key, "image", digest.value);
}

}  // namespace zeropull::artifact
