// Whatever bytes a registry serves, parsing them ends with a value within the limits or an error, and parsing is a function of
// the bytes alone.
#include "base/check.h"
#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/reference.h"

using namespace zeropull;
using namespace zeropull::oci;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (std::string_view media_type : {std::string_view(), kOciIndex, kOciManifest, kDockerList, kDockerManifest}) {
    auto parsed = parse_manifest(text, media_type);
    if (!parsed) continue;
    if (const auto* manifest = std::get_if<Manifest>(&*parsed)) {
      CHECK(manifest->layers.size() <= kLayersMax);
      CHECK(manifest->raw == text);
      for (const auto& layer : manifest->layers) CHECK(layer.size <= static_cast<std::uint64_t>(kLayerSizeMax));
    } else {
      const auto& index = std::get<Index>(*parsed);
      CHECK(index.entries.size() <= kIndexEntriesMax);
      (void)select_platform(index, {"linux", "arm", "v8"});
    }
  }
  if (auto config = parse_config(text)) CHECK(chain_ids(config->diff_ids).size() == config->diff_ids.size());
  if (auto name = parse_image_name(text)) CHECK(parse_image_name(name->name())->name() == name->name());
  return 0;
}
