// References of images and when they resolved: what cache folders and stores look images up by. Pure functions.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "artifact/index.h"

namespace zeropull::artifact {

// Adds what `older` has and `references` lacks; of the same reference the newest time stays.
void merge_references(std::vector<ResolvedReference>& references, const std::vector<ResolvedReference>& older);

// When the reference last resolved to this image; nullopt when it never did.
std::optional<ResolvedTime> resolved_at(const ImageDescription& image, std::string_view reference);

// Of these images the one to which the reference resolved last; null when none has it.
std::shared_ptr<const ArtifactIndex> newest_of(const std::vector<std::shared_ptr<const ArtifactIndex>>& images,
                                               std::string_view reference);

}  // namespace zeropull::artifact
