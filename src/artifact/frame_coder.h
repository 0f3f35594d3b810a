// How a frame becomes bytes in a pack and back: zstd or stored, then AES-256-GCM with the frame's identity as associated data, so
// that a frame opens in its own place alone. Each object belongs to one thread and keeps its buffers and contexts between frames.
#pragma once

#include <cstdint>

#include "artifact/blob.h"
#include "artifact/cipher.h"
#include "artifact/frame_table.h"
#include "codec/zstd.h"

namespace zeropull::artifact {

// Which frame of which blob.
struct FrameAddress {
  BlobId blob;
  std::uint64_t number = 0;
};

class FrameSealer {
 public:
  FrameSealer(const EndpointKey& key, int zstd_level, Random& random);
  // Appends the sealed frame to `pack` and returns its entry with codec, nonce, offset and stored length. A frame of zeros
  // appends nothing. `hash` is that of `plain`, at most kFrameSize bytes.
  FrameEntry seal(const FrameAddress& address, const Sha256& hash, ByteView plain, Bytes& pack);

 private:
  Cipher cipher_;
  codec::ZstdCompressor compressor_;
  Random& random_;
  Bytes compressed_;
};

class FrameOpener {
 public:
  explicit FrameOpener(const EndpointKey& key);
  // Fills `out`, the frame's whole length, from what rests in the pack, and holds it against the frame's hash: what is returned
  // as good is the frame. kDataLoss otherwise.
  Result<void> open(const FrameAddress& address, const FrameEntry& entry, ByteView stored, MutableByteView out);

 private:
  Cipher cipher_;
  codec::ZstdDecompressor decompressor_;
  Bytes compressed_;
};

}  // namespace zeropull::artifact
