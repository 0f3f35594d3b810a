// Which compression a layer has, told by its first bytes as containerd does (media types of real registries lie), and the decoder
// for it.
#pragma once

#include <memory>
#include <string_view>

#include "codec/limits.h"
#include "codec/stream.h"

namespace zeropull::codec {

enum class Compression { kNone, kGzip, kZstd };
std::string_view compression_name(Compression compression);  // "none", "gzip", "zstd"

// As containerd's compression.DetectCompression. `front` should hold the stream's first 10 bytes, or all of a shorter one.
Compression detect_compression(ByteView front);

// A source of the decoded bytes. `source` must outlive it and stands at the stream's first byte.
std::unique_ptr<ByteSource> open_decoder(Compression compression, ByteSource& source,
                                         int zstd_window_log_max = kZstdWindowLogMax);

struct DetectedStream {
  Compression compression;
  std::unique_ptr<ByteSource> decoded;
};
// Reads the first bytes of `source`, which must outlive the result, and decodes what they say, those bytes included. An empty
// source is an empty stream without compression.
Result<DetectedStream> open_detected(ByteSource& source, int zstd_window_log_max = kZstdWindowLogMax);

}  // namespace zeropull::codec
