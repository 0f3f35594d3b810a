// Conversion: an unmodified image, from a registry or a layout, becomes an artifact in a cache folder. Layers that the folder
// holds already are reused by diff id; the others stream into sandboxed children (layer_worker.h), several at once. Nothing is
// published unless every digest and diff id was right; what a failed conversion leaves in the folder is an orphan for collect().
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "artifact/cache_folder.h"
#include "artifact/layer_unpack.h"
#include "artifact/memory_budget.h"
#include "artifact/progress.h"
#include "base/clock.h"
#include "base/context.h"
#include "base/result.h"
#include "oci/image_source.h"

namespace zeropull::artifact {

struct ConvertOptions {
  std::string reference;  // the name to find the image by, as containerd names it; empty for none
  oci::Platform platform = oci::host_platform();
  std::size_t jobs = 0;                       // layers at once, as far as memory allows; 0: by cores
  std::shared_ptr<MemoryBudget> memory = {};  // shared with other conversions; one of kConvertMemoryMax when unset
  UnpackLimits limits = {};
  BlobWrites blob_writes = BlobWrites::kDirect;  // of file contents
  Progress progress = {};                        // one task a layer; may be empty
  MakeRoom make_room = {};                       // is told the compressed size of the layers to fetch; may be empty
  Clock* clock = &Clock::system();
};

// Blocks until the image is durable in the folder. Returns at once, with the reference recorded, when its manifest is there
// already with all its blobs. The errors of the source, of unpack_layer and of the disk; kDataLoss for a diff id that is not the
// configuration's.
Result<ImagePtr> convert_image(const Context& ctx, oci::ImageSource& source, CacheFolder& folder, const ConvertOptions& options);

}  // namespace zeropull::artifact
