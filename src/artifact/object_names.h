// What the objects of one endpoint's store are called. Every name is an HMAC under the endpoint's name key: who sees a store
// learns neither which image it holds nor whether two endpoints hold the same.
//
//   packs/<HMAC("pack" || SHA-256 of the object's bytes)>
//   images/<HMAC("image" || manifest digest)>    the encrypted artifact index of an image
//   models/<HMAC("model" || identity)>           that of a model
//   removed/<the same as one of these>           the index of a removed artifact, until its packs may be collected
#pragma once

#include "artifact/artifact_name.h"
#include "artifact/keys.h"
#include "base/ids.h"
#include "store/object_name.h"

namespace zeropull::artifact {

store::ObjectName packs_folder();
store::ObjectName kind_folder(ArtifactKind kind);
store::ObjectName removed_folder();

store::ObjectName pack_object(const EndpointKey& key, const Sha256& pack);
store::ObjectName index_object(const EndpointKey& key, const ArtifactName& name);
store::ObjectName removed_object(const EndpointKey& key, const ArtifactName& name);

}  // namespace zeropull::artifact
