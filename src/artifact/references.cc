#include "artifact/references.h"

#include <algorithm>

namespace zeropull::artifact {

void merge_references(std::vector<ResolvedReference>& references, const std::vector<ResolvedReference>& older) {
  references.insert(references.end(), older.begin(), older.end());
  std::ranges::sort(references, [](const auto& a, const auto& b) {
    return a.reference != b.reference ? a.reference < b.reference : a.time > b.time;
  });
  auto doubles = std::ranges::unique(references, {}, &ResolvedReference::reference);
  references.erase(doubles.begin(), doubles.end());
}

std::optional<ResolvedTime> resolved_at(const ImageDescription& image, std::string_view reference) {
  std::optional<ResolvedTime> newest;
  for (const auto& resolved : image.references) {
    if (resolved.reference == reference && (!newest || resolved.time > *newest)) newest = resolved.time;
  }
  return newest;
}

std::shared_ptr<const ArtifactIndex> newest_of(const std::vector<std::shared_ptr<const ArtifactIndex>>& images,
                                               std::string_view reference) {
  std::shared_ptr<const ArtifactIndex> newest;
  std::optional<ResolvedTime> newest_time;
  for (const auto& image : images) {
    auto time = resolved_at(image->image(), reference);
    if (!time || (newest_time && *time <= *newest_time)) continue;
    newest = image;
    newest_time = time;
  }
  return newest;
}

}  // namespace zeropull::artifact
