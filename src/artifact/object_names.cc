#include "artifact/object_names.h"

#include "codec/digest.h"

namespace zeropull::artifact {

namespace {

store::ObjectName hashed_name(std::string_view folder, const EndpointKey& key, std::string_view kind, const Sha256& digest) {
  auto mac = codec::hmac_sha256(key.name_key().view(), {as_bytes(kind), digest.view()});
  return MUST(store::ObjectName::parse(fmt::format("{}/{}", folder, mac.hex())));
}

}  // namespace

store::ObjectName packs_folder() { return MUST(store::ObjectName::parse("packs")); }
store::ObjectName kind_folder(ArtifactKind kind) {
  return MUST(store::ObjectName::parse(kind == ArtifactKind::kImage ? "images" : "models"));
}
store::ObjectName removed_folder() { return MUST(store::ObjectName::parse("removed")); }

store::ObjectName pack_object(const EndpointKey& key, const Sha256& pack) { return hashed_name("packs", key, "pack", pack); }
store::ObjectName index_object(const EndpointKey& key, const ArtifactName& name) {
  return hashed_name(kind_folder(name.kind).text(), key, kind_name(name.kind), name.digest);
}
store::ObjectName removed_object(const EndpointKey& key, const ArtifactName& name) {
  return hashed_name("removed", key, kind_name(name.kind), name.digest);
}

}  // namespace zeropull::artifact
