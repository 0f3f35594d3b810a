// Reads arbitrary bytes as a layer: the first byte picks the compression (fuzz/corpus/tar holds the letters n, g, z, d), the rest
// goes through the decoder and the tar reader. Checks what the reader promises of each entry.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "codec/compression.h"
#include "codec/limits.h"
#include "codec/tar.h"

namespace zeropull::codec {
namespace {

constexpr std::uint64_t kDecodedSizeMax = 8 * kMiB;  // so that a bomb costs one run little

class LimitedSource final : public ByteSource {
 public:
  explicit LimitedSource(ByteSource& source) : source_(source) {}
  Result<std::size_t> read(MutableByteView out) override {
    const std::size_t size = TRY(source_.read(out.first(std::min<std::uint64_t>(out.size(), left_ + 1))));
    if (size > left_) return make_error(Code::kResourceExhausted, "the input expands too far");
    left_ -= size;
    return size;
  }

 private:
  ByteSource& source_;
  std::uint64_t left_ = kDecodedSizeMax;
};

void check_entry(const TarEntry& entry) {
  CHECK(entry.path.size() <= kPathLengthMax && entry.path.find('\0') == entry.path.npos);
  CHECK(entry.link_target.size() <= kPathLengthMax && entry.link_target.find('\0') == entry.link_target.npos);
  CHECK(entry.mode <= 07777 && entry.mtime.nanoseconds < 1'000'000'000);
  CHECK(entry.size <= INT64_MAX && entry.data_size <= entry.size);
  CHECK(entry.sparse || (entry.regions.empty() && entry.data_size == entry.size));
  std::uint64_t end = 0;
  std::uint64_t total = 0;
  for (const SparseRegion& region : entry.regions) {
    CHECK(region.length > 0 && (total == 0 || region.offset > end) && region.offset + region.length <= entry.size);
    end = region.offset + region.length;
    total += region.length;
  }
  CHECK(!entry.sparse || total == entry.data_size);
}

Result<void> read_archive(ByteSource& source) {
  TarReader reader(source);
  for (;;) {
    const auto entry = TRY(reader.next());
    if (!entry) break;
    check_entry(*entry);
    std::uint64_t total = 0;
    for (;;) {
      const ByteView piece = TRY(reader.read_data(1000));
      if (piece.empty()) break;
      total += piece.size();
    }
    CHECK(total == entry->data_size);
  }
  TRY(reader.drain_rest());
  return {};
}

Result<void> read_layer(ByteView input) {
  MemorySource stored(input.subspan(1));
  DetectedStream stream{Compression::kNone, nullptr};
  switch (static_cast<char>(input.front())) {
    case 'n': stream.decoded = open_decoder(Compression::kNone, stored); break;
    case 'g': stream.decoded = open_decoder(Compression::kGzip, stored); break;
    case 'z': stream.decoded = open_decoder(Compression::kZstd, stored); break;
    default: stream = TRY(open_detected(stored));
  }
  LimitedSource limited(*stream.decoded);
  return read_archive(limited);
}

}  // namespace
}  // namespace zeropull::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto result = zeropull::codec::read_layer({reinterpret_cast<const std::byte*>(data), size});
  static_cast<void>(result.ok());
  return 0;
}
