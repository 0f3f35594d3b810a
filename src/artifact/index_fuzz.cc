// Reads arbitrary bytes as an artifact index, and as the JSON head alone, which the hashes in an index would else hide from the
// fuzzer. What is accepted must hold together and come out of the writer as it went in.
#include <cstdint>

#include "artifact/index.h"
#include "artifact/index_head.h"
#include "base/check.h"

namespace zeropull::artifact {
namespace {

void read_index(ByteView bytes) {
  auto index = ArtifactIndex::from_bytes(to_bytes(bytes));
  if (!index.ok()) return;
  std::uint64_t frames = 0;
  for (const auto& blob : index->blobs()) {
    for (std::uint64_t number = 0; number < blob.frames(); ++number) {
      auto frame = index->frame(blob, number);
      CHECK(!frame.in_pack() || frame.pack < blob.packs.size());
    }
    frames += blob.frames();
  }
  CHECK(frames == index->frames());
  CHECK(index->metadata_blob().role == BlobRole::kMetadata);
  if (index->name().kind == ArtifactKind::kImage) {
    for (const auto& layer : index->image().layers) CHECK(layer.tree_blob < index->blobs().size());
  } else {
    CHECK(index->model().tree_blob < index->blobs().size());
  }
  auto contents = index->contents();
  auto again = MUST(ArtifactIndex::from_bytes(MUST(encode_index(contents))));
  CHECK(again.contents() == contents);
}

void read_head(ByteView bytes) {
  auto head = parse_head(as_text(bytes));
  if (!head.ok()) return;
  static_cast<void>(check_head(*head).ok());
  auto again = MUST(parse_head(encode_head(*head)));
  CHECK(again.frames == head->frames && again.description == head->description && again.blobs == head->blobs);
}

}  // namespace
}  // namespace zeropull::artifact

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  zeropull::ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  zeropull::artifact::read_index(bytes);
  zeropull::artifact::read_head(bytes);
  return 0;
}
