#include "artifact/frame_table.h"

#include <algorithm>
#include <cstring>

namespace zeropull::artifact {

namespace {

constexpr std::size_t kNonceAt = 32;
constexpr std::size_t kPackAt = 44;
constexpr std::size_t kOffsetAt = 48;
constexpr std::size_t kStoredLengthAt = 52;
constexpr std::size_t kCodecAt = 56;
constexpr std::size_t kPaddingAt = 57;

}  // namespace

void encode_frame(const FrameEntry& frame, std::span<std::byte, kFrameEntrySize> out) {
  std::memset(out.data(), 0, out.size());
  std::memcpy(out.data(), frame.sha256.bytes.data(), Sha256::kSize);
  std::memcpy(out.data() + kNonceAt, frame.nonce.data(), kNonceSize);
  store_le<std::uint32_t>(out.data() + kPackAt, frame.pack);
  store_le<std::uint32_t>(out.data() + kOffsetAt, frame.offset);
  store_le<std::uint32_t>(out.data() + kStoredLengthAt, frame.stored_length);
  out[kCodecAt] = static_cast<std::byte>(frame.codec);
}

Result<FrameEntry> decode_frame(std::span<const std::byte, kFrameEntrySize> in) {
  FrameEntry frame;
  std::memcpy(frame.sha256.bytes.data(), in.data(), Sha256::kSize);
  std::memcpy(frame.nonce.data(), in.data() + kNonceAt, kNonceSize);
  frame.pack = load_le<std::uint32_t>(in.data() + kPackAt);
  frame.offset = load_le<std::uint32_t>(in.data() + kOffsetAt);
  frame.stored_length = load_le<std::uint32_t>(in.data() + kStoredLengthAt);
  auto codec = std::to_integer<std::uint8_t>(in[kCodecAt]);
  if (codec > static_cast<std::uint8_t>(FrameCodec::kZero)) return make_error(Code::kDataLoss, "unknown frame codec {}", codec);
  frame.codec = static_cast<FrameCodec>(codec);
  bool padded = std::ranges::all_of(in.subspan(kPaddingAt), [](std::byte b) { return b == std::byte{0}; });
  if (!padded) return make_error(Code::kDataLoss, "padding of a frame is not zero");
  bool placed = frame.pack != 0 || frame.offset != 0 || frame.stored_length != 0 || frame.nonce != Nonce{};
  if (!frame.in_pack() && placed) return make_error(Code::kDataLoss, "a frame outside of packs has a place in one");
  if (frame.in_pack() && frame.stored_length <= kTagSize) return make_error(Code::kDataLoss, "a stored frame is empty");
  return frame;
}

}  // namespace zeropull::artifact
