#include "codec/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "base/check.h"
#include "codec/limits.h"

namespace zeropull::codec {
namespace {

Error decode_error(std::size_t code, int window_log_max = kZstdWindowLogMax) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
      return make_error(window_log_max < kZstdWindowLogMax ? Code::kOutOfRange : Code::kInvalidArgument,
                        "zstd stream needs a window above {} MiB, which is not decoded",
                        (std::uint64_t{1} << window_log_max) / kMiB);
    case ZSTD_error_dictionary_wrong:
      return make_error(Code::kInvalidArgument, "zstd stream needs a dictionary, which is not supported");
    case ZSTD_error_memory_allocation: return make_error(Code::kResourceExhausted, "no memory for the window of a zstd stream");
    case ZSTD_error_checksum_wrong: return make_error(Code::kDataLoss, "zstd stream is corrupt: a frame's checksum is wrong");
    case ZSTD_error_prefix_unknown:
      return make_error(Code::kDataLoss, "zstd stream is corrupt: bytes that are no zstd frame where one should begin");
    default: return make_error(Code::kDataLoss, "zstd stream is corrupt: {}", ZSTD_getErrorName(code));
  }
}

void check_ok(std::size_t code) { CHECK(!ZSTD_isError(code)); }

}  // namespace

void ZstdDecoder::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

ZstdDecoder::ZstdDecoder(ByteSource& source, int window_log_max)
    : source_(source), window_log_max_(window_log_max), context_(ZSTD_createDCtx()), buffer_(kDecoderInputSize) {
  CHECK(context_ != nullptr);
  check_ok(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, window_log_max_));
}

ZstdDecoder::~ZstdDecoder() = default;

Result<std::size_t> ZstdDecoder::read(MutableByteView out) {
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  while (output.pos < output.size) {
    if (input_.empty() && !source_ended_) {
      const std::size_t size = TRY(source_.read(buffer_));
      input_ = ByteView(buffer_).first(size);
      source_ended_ = size == 0;
    }
    if (source_ended_ && !in_frame_) break;
    ZSTD_inBuffer input{input_.data(), input_.size(), 0};
    const std::size_t output_before = output.pos;
    const std::size_t code = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(code)) return decode_error(code, window_log_max_);
    input_ = input_.subspan(input.pos);
    in_frame_ = code != 0;
    if (in_frame_ && source_ended_ && output.pos == output_before) {
      return make_error(Code::kDataLoss, "zstd stream is truncated: it ends within a frame");
    }
  }
  return output.pos;
}

void ZstdCompressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

ZstdCompressor::ZstdCompressor(int level) : context_(ZSTD_createCCtx()) {
  CHECK(context_ != nullptr);
  check_ok(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
}

std::size_t ZstdCompressor::bound(std::size_t size) { return ZSTD_compressBound(size); }

std::optional<std::size_t> ZstdCompressor::compress(ByteView in, MutableByteView out) {
  const std::size_t code = ZSTD_compress2(context_.get(), out.data(), out.size(), in.data(), in.size());
  if (ZSTD_getErrorCode(code) == ZSTD_error_dstSize_tooSmall) return std::nullopt;
  check_ok(code);
  return code;
}

void ZstdDecompressor::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

ZstdDecompressor::ZstdDecompressor() : context_(ZSTD_createDCtx()) { CHECK(context_ != nullptr); }

Result<void> ZstdDecompressor::decompress(ByteView in, MutableByteView out) {
  const std::size_t code = ZSTD_decompressDCtx(context_.get(), out.data(), out.size(), in.data(), in.size());
  if (ZSTD_getErrorCode(code) == ZSTD_error_dstSize_tooSmall) {
    return make_error(Code::kDataLoss, "zstd frame holds more than the expected {} bytes", out.size());
  }
  if (ZSTD_isError(code)) return decode_error(code);
  if (code != out.size()) {
    return make_error(Code::kDataLoss, "zstd frame holds {} bytes, expected {}", code, out.size());
  }
  return {};
}

}  // namespace zeropull::codec
