// Metadata images from layer tree tables: of a whole image when it is converted, of a shorter prefix of its layers when another
// image stands on them. Tables are hashed against the index before they are parsed. Blocks on disk and CPU; call from any thread.
#pragma once

#include <string>
#include <vector>

#include "artifact/cache_folder.h"
#include "artifact/frame_hasher.h"
#include "artifact/index.h"
#include "base/context.h"
#include "base/result.h"

namespace zeropull::artifact {

// Merges the tables, which lie in these files lowest first, and writes the metadata image into the empty file `fd`. Returns what
// is known of it as a blob.
Result<FramedBlob> write_merged_image(const Context& ctx, const std::vector<std::string>& table_paths, int fd);

// Builds the metadata image of the first `layers` layers as the durable file `path`.
Result<void> build_prefix_image(const Context& ctx, const CacheFolder& folder, const ArtifactIndex& index, std::size_t layers,
                                const std::string& path);

// SHA-256 of a file's bytes.
Result<Sha256> hash_file(const std::string& path);

}  // namespace zeropull::artifact
