// FrameBuffer: memory for one frame, aligned as direct reads and writes (O_DIRECT) ask. Belongs to whoever made it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "artifact/limits.h"
#include "base/check.h"

namespace zeropull::artifact {

// What direct I/O wants of offsets, lengths and memory: the block size of any disk we meet, and of our blobs.
inline constexpr std::size_t kDirectAlignment = 4096;

struct FreeFrameBuffer {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using FrameBuffer = std::unique_ptr<std::byte, FreeFrameBuffer>;

inline FrameBuffer allocate_frame_buffer() {
  FrameBuffer buffer(static_cast<std::byte*>(std::aligned_alloc(kDirectAlignment, kFrameSize)));
  CHECK(buffer != nullptr);
  return buffer;
}

}  // namespace zeropull::artifact
