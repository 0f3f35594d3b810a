#include "codec/gzip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "codec/limits.h"

namespace zeropull::codec {
namespace {

// RFC 1952, section 2.3.
constexpr std::byte kMagic[] = {std::byte{0x1f}, std::byte{0x8b}, std::byte{8}};
constexpr std::uint8_t kFlagHeaderCrc = 1 << 1;
constexpr std::uint8_t kFlagExtra = 1 << 2;
constexpr std::uint8_t kFlagName = 1 << 3;
constexpr std::uint8_t kFlagComment = 1 << 4;

// ISA-L loads words of input, on corrupt streams perhaps beyond its end.
constexpr std::size_t kReadAhead = 64;

std::string_view inflate_error(int code) {
  switch (code) {
    case ISAL_INVALID_BLOCK: return "an invalid deflate block";
    case ISAL_INVALID_SYMBOL: return "an invalid deflate symbol";
    case ISAL_INVALID_LOOKBACK: return "a deflate distance beyond the beginning";
    case ISAL_INCORRECT_CHECKSUM: return "a wrong checksum or size";
    default: return "invalid deflate data";
  }
}

}  // namespace

GzipDecoder::GzipDecoder(ByteSource& source)
    : source_(source), state_(std::make_unique<inflate_state>()), buffer_(kDecoderInputSize + kReadAhead) {
  isal_inflate_init(state_.get());
  // ISA-L's own reading of headers loses a header's CRC when the header is cut by the input's end, so that we read headers here
  // and let it verify the trailer.
  state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
}

GzipDecoder::~GzipDecoder() = default;

Error GzipDecoder::corrupt(std::string_view what) const {
  return make_error(Code::kDataLoss, "gzip stream is corrupt: {} before byte {}", what, input_end_ - input_.size());
}

Result<bool> GzipDecoder::refill() {
  if (source_ended_) return false;
  const std::size_t size = TRY(source_.read(MutableByteView(buffer_).first(kDecoderInputSize)));
  input_ = ByteView(buffer_).first(size);
  input_end_ += size;
  source_ended_ = size == 0;
  return !source_ended_;
}

Result<std::byte> GzipDecoder::header_byte() {
  if (input_.empty()) {
    const bool more = TRY(refill());
    if (!more) return make_error(Code::kDataLoss, "gzip stream is truncated: it ends in a header, at byte {}", input_end_);
  }
  const std::byte value = input_.front();
  input_ = input_.subspan(1);
  header_crc_ = crc32_gzip_refl(header_crc_, reinterpret_cast<const unsigned char*>(&value), 1);
  return value;
}

Result<void> GzipDecoder::skip_header_text(std::string_view what) {
  for (std::size_t size = 0; size < kGzipNameMax; size++) {
    const std::byte value = TRY(header_byte());
    if (value == std::byte{0}) return {};
  }
  return corrupt(what);
}

Result<bool> GzipDecoder::read_header() {
  if (input_.empty()) {
    const bool more = TRY(refill());
    if (!more && at_ == At::kNextHeader) return false;
  }
  header_crc_ = 0;
  for (const std::byte expected : kMagic) {
    const std::byte value = TRY(header_byte());
    if (value != expected) return corrupt(at_ == At::kFirstHeader ? "no gzip header" : "bytes that are no gzip header");
  }
  const std::byte flags_byte = TRY(header_byte());
  const auto flags = std::to_integer<std::uint8_t>(flags_byte);
  for (int i = 0; i < 6; i++) TRY(header_byte());  // time, extra flags, operating system
  if ((flags & kFlagExtra) != 0) {
    const std::byte low = TRY(header_byte());
    const std::byte high = TRY(header_byte());
    const unsigned size = std::to_integer<unsigned>(low) | std::to_integer<unsigned>(high) << 8;
    for (unsigned i = 0; i < size; i++) TRY(header_byte());
  }
  if ((flags & kFlagName) != 0) TRY(skip_header_text("a file name without end"));
  if ((flags & kFlagComment) != 0) TRY(skip_header_text("a comment without end"));
  if ((flags & kFlagHeaderCrc) != 0) {
    const std::uint32_t expected = header_crc_ & 0xffff;
    const std::byte low = TRY(header_byte());
    const std::byte high = TRY(header_byte());
    if ((std::to_integer<unsigned>(low) | std::to_integer<unsigned>(high) << 8) != expected) {
      return corrupt("a wrong header checksum");
    }
  }
  isal_inflate_reset(state_.get());
  at_ = At::kBody;
  return true;
}

Result<std::size_t> GzipDecoder::inflate(MutableByteView out) {
  if (input_.empty()) TRY(refill());
  const std::size_t room = std::min<std::size_t>(out.size(), std::numeric_limits<std::int32_t>::max());
  state_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(input_.data()));  // ISA-L reads it only
  state_->avail_in = static_cast<std::uint32_t>(input_.size());
  state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
  state_->avail_out = static_cast<std::uint32_t>(room);
  const int code = isal_inflate(state_.get());
  if (code != ISAL_DECOMP_OK || state_->avail_in > input_.size() || state_->avail_out > room) {
    input_ = {};  // ISA-L's counts mean nothing then: it may have run past the input's end
    return corrupt(inflate_error(code));
  }
  const std::size_t consumed = input_.size() - state_->avail_in;
  const std::size_t produced = room - state_->avail_out;
  input_ = input_.subspan(consumed);
  if (state_->block_state == ISAL_BLOCK_FINISH) {
    at_ = At::kNextHeader;
  } else if (source_ended_ && consumed == 0 && produced == 0) {
    return make_error(Code::kDataLoss, "gzip stream is truncated at byte {}", input_end_);
  }
  return produced;
}

Result<std::size_t> GzipDecoder::read(MutableByteView out) {
  std::size_t filled = 0;
  while (filled < out.size() && at_ != At::kEnd) {
    if (at_ == At::kBody) {
      const std::size_t size = TRY(inflate(out.subspan(filled)));
      filled += size;
    } else {
      const bool member = TRY(read_header());
      if (!member) at_ = At::kEnd;
    }
  }
  return filled;
}

}  // namespace zeropull::codec
