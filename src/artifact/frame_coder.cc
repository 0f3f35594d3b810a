#include "artifact/frame_coder.h"

#include "base/check.h"
#include "codec/digest.h"

namespace zeropull::artifact {

namespace {

// The format version is in the label.
constexpr std::string_view kFrameLabel = "zeropull-frame-v1\n";
constexpr std::size_t kAssociatedSize = 18 + Sha256::kSize + 8 + 1 + 8;
static_assert(kFrameLabel.size() == 18);

std::array<std::byte, kAssociatedSize> associated_data(const FrameAddress& address, FrameCodec codec,
                                                       std::uint64_t plain_length) {
  std::array<std::byte, kAssociatedSize> data;
  std::byte* at = data.data();
  std::memcpy(at, kFrameLabel.data(), kFrameLabel.size());
  at += kFrameLabel.size();
  std::memcpy(at, address.blob.value.bytes.data(), Sha256::kSize);
  at += Sha256::kSize;
  store_le<std::uint64_t>(at, address.number);
  at += sizeof address.number;
  *at++ = static_cast<std::byte>(codec);
  store_le<std::uint64_t>(at, plain_length);
  return data;
}

}  // namespace

FrameSealer::FrameSealer(const EndpointKey& key, int zstd_level, Random& random)
    : cipher_(key.data_key()), compressor_(zstd_level), random_(random), compressed_(kFrameSize) {}

FrameEntry FrameSealer::seal(const FrameAddress& address, const Sha256& hash, ByteView plain, Bytes& pack) {
  CHECK(!plain.empty() && plain.size() <= kFrameSize);
  FrameEntry entry;
  entry.sha256 = hash;
  if (all_zero(plain)) {
    entry.codec = FrameCodec::kZero;
    return entry;
  }
  // Offered one byte less than the frame has, the compressor tells whether it shrinks.
  auto size = compressor_.compress(plain, MutableByteView(compressed_).first(plain.size() - 1));
  entry.codec = size ? FrameCodec::kZstd : FrameCodec::kStored;
  ByteView body = size ? ByteView(compressed_).first(*size) : plain;
  entry.nonce = random_nonce(random_);
  entry.offset = static_cast<std::uint32_t>(pack.size());
  entry.stored_length = static_cast<std::uint32_t>(body.size() + kTagSize);
  pack.resize(pack.size() + entry.stored_length);
  cipher_.encrypt(entry.nonce, associated_data(address, entry.codec, plain.size()), body,
                  MutableByteView(pack).last(entry.stored_length));
  return entry;
}

FrameOpener::FrameOpener(const EndpointKey& key) : cipher_(key.data_key()), compressed_(kFrameSize) {}

Result<void> FrameOpener::open(const FrameAddress& address, const FrameEntry& entry, ByteView stored, MutableByteView out) {
  CHECK(entry.in_pack() && stored.size() == entry.stored_length && out.size() <= kFrameSize);
  auto associated = associated_data(address, entry.codec, out.size());
  auto body_size = stored.size() - kTagSize;
  if (entry.codec == FrameCodec::kStored) {
    if (body_size != out.size()) return make_error(Code::kDataLoss, "stored with {} bytes instead of {}", body_size, out.size());
    TRY(cipher_.decrypt(entry.nonce, associated, stored, out));
  } else {
    if (body_size > compressed_.size()) return make_error(Code::kDataLoss, "compressed to {} bytes", body_size);
    auto body = MutableByteView(compressed_).first(body_size);
    TRY(cipher_.decrypt(entry.nonce, associated, stored, body));
    TRY(decompressor_.decompress(body, out));
  }
  if (codec::sha256(out) != entry.sha256) return make_error(Code::kDataLoss, "its bytes do not have the hash in the index");
  return {};
}

}  // namespace zeropull::artifact
