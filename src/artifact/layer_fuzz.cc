// Takes arbitrary bytes as a layer through the whole of unpacking and merging. The first byte picks what they are: 't' a layer
// tree table, else an archive in any compression, whose table must then be one that opens and merges.
#include <fcntl.h>
#include <sys/mman.h>

#include <cstdint>

#include "artifact/layer_merge.h"
#include "artifact/layer_unpack.h"
#include "base/check.h"
#include "os/file.h"

namespace zeropull::artifact {
namespace {

constexpr std::uint64_t kExpandedMax = 8 * kMiB;  // so that a bomb costs one run little

os::UniqueFd memory_file() {
  os::UniqueFd fd(::memfd_create("layer", MFD_CLOEXEC));
  CHECK(fd.valid());
  return fd;
}

Result<MergedTree> merge_alone(ByteView table) {
  const LayerTable layer = TRY(LayerTable::open(table));
  return merge_layers(Context::root("fuzz"), std::span(&layer, 1));
}

void unpack(ByteView layer) {
  const os::UniqueFd blob = memory_file();
  const os::UniqueFd table = memory_file();
  codec::MemorySource source(layer);
  const auto summary = unpack_layer(Context::root("fuzz"), source, {blob.get(), table.get()}, {.expanded_max = kExpandedMax});
  if (!summary.ok()) return;
  CHECK(summary->blob.size == MUST(os::file_size(blob.get())) && summary->blob.size <= kExpandedMax + kBlockSize);
  Bytes bytes(MUST(os::file_size(table.get())));
  MUST(os::read_exactly_at(table.get(), bytes, 0));
  MUST(merge_alone(bytes));
}

}  // namespace
}  // namespace zeropull::artifact

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zeropull;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  if (size == 0) return 0;
  if (data[0] == 't') {
    const auto merged = artifact::merge_alone(bytes.subspan(1));
    (void)merged.ok();
  } else {
    artifact::unpack(bytes.subspan(1));
  }
  return 0;
}
