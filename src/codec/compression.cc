#include "codec/compression.h"

#include <algorithm>
#include <array>

#include "codec/gzip.h"
#include "codec/zstd.h"

namespace zeropull::codec {
namespace {

constexpr std::size_t kFrontSize = 10;  // what containerd looks at
constexpr std::array kGzipMagic = {std::byte{0x1f}, std::byte{0x8b}, std::byte{0x08}};
constexpr std::uint32_t kZstdMagic = 0xfd2fb528;
constexpr std::uint32_t kZstdSkippableMagic = 0x184d2a50;  // and the 15 above it
constexpr std::uint32_t kZstdSkippableMask = 0xfffffff0;
constexpr std::size_t kZstdSkippableHeaderSize = 8;

// Yields bytes already read from a source, then the source's.
class FrontedSource final : public ByteSource {
 public:
  FrontedSource(Bytes front, ByteSource& source) : front_(std::move(front)), source_(source) {}
  Result<std::size_t> read(MutableByteView out) override {
    if (used_ == front_.size()) return source_.read(out);
    const std::size_t size = std::min(out.size(), front_.size() - used_);
    std::copy_n(front_.data() + used_, size, out.data());
    used_ += size;
    return size;
  }

 private:
  Bytes front_;
  std::size_t used_ = 0;
  ByteSource& source_;
};

// A decoder with the source it reads.
class OwningDecoder final : public ByteSource {
 public:
  OwningDecoder(Compression compression, std::unique_ptr<ByteSource> source, int zstd_window_log_max)
      : source_(std::move(source)), decoder_(open_decoder(compression, *source_, zstd_window_log_max)) {}
  Result<std::size_t> read(MutableByteView out) override { return decoder_->read(out); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<ByteSource> decoder_;
};

class PlainDecoder final : public ByteSource {
 public:
  explicit PlainDecoder(ByteSource& source) : source_(source) {}
  Result<std::size_t> read(MutableByteView out) override { return source_.read(out); }

 private:
  ByteSource& source_;
};

}  // namespace

std::string_view compression_name(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "none";
    case Compression::kGzip: return "gzip";
    case Compression::kZstd: return "zstd";
  }
  return "unknown";
}

Compression detect_compression(ByteView front) {
  if (front.size() >= kGzipMagic.size() && std::equal(kGzipMagic.begin(), kGzipMagic.end(), front.begin())) {
    return Compression::kGzip;
  }
  if (front.size() < sizeof kZstdMagic) return Compression::kNone;
  const auto magic = load_le<std::uint32_t>(front.data());
  if (magic == kZstdMagic) return Compression::kZstd;
  if (front.size() >= kZstdSkippableHeaderSize && (magic & kZstdSkippableMask) == kZstdSkippableMagic) return Compression::kZstd;
  return Compression::kNone;
}

std::unique_ptr<ByteSource> open_decoder(Compression compression, ByteSource& source, int zstd_window_log_max) {
  switch (compression) {
    case Compression::kNone: break;
    case Compression::kGzip: return std::make_unique<GzipDecoder>(source);
    case Compression::kZstd: return std::make_unique<ZstdDecoder>(source, zstd_window_log_max);
  }
  return std::make_unique<PlainDecoder>(source);
}

Result<DetectedStream> open_detected(ByteSource& source, int zstd_window_log_max) {
  Bytes front(kFrontSize);
  std::size_t filled = 0;
  while (filled < front.size()) {
    const std::size_t size = TRY(source.read(MutableByteView(front).subspan(filled)));
    if (size == 0) break;
    filled += size;
  }
  front.resize(filled);
  const Compression compression = detect_compression(front);
  auto fronted = std::make_unique<FrontedSource>(std::move(front), source);
  return DetectedStream{compression, std::make_unique<OwningDecoder>(compression, std::move(fronted), zstd_window_log_max)};
}

}  // namespace zeropull::codec
