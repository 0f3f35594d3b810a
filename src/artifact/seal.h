// The seal of an image in a cache folder: HMAC-SHA256 of its artifact index under the endpoint's seal key, 32 raw bytes in the
// file `seal`. It says that the endpoint itself wrote the index; the index in turn names every frame by its hash. Callable from
// any thread.
#pragma once

#include "artifact/keys.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "os/fd.h"
#include "os/file.h"

namespace zeropull::artifact {

Sha256 compute_seal(const EndpointKey& key, ByteView index);
// kDataLoss when `seal` is not that of `index`: either was changed, or another endpoint's key made it.
Result<void> check_seal(const EndpointKey& key, ByteView index, ByteView seal);

// The two files of an image's folder as they stand there together, also while another process replaces the folder.
struct SealedIndex {
  os::MappedFile index;
  Bytes seal;
};
Result<SealedIndex> read_sealed(const os::UniqueFd& image_folder);

}  // namespace zeropull::artifact
