#include "codec/stream.h"

#include <algorithm>

#include "base/units.h"
#include "os/file.h"

namespace zeropull::codec {
namespace {

constexpr std::size_t kPieceSize = 128 * kKiB;

}  // namespace

Result<std::size_t> FdSource::read(MutableByteView out) { return os::read_some(fd_, out); }

Result<std::size_t> MemorySource::read(MutableByteView out) {
  const std::size_t size = std::min(out.size(), rest_.size());
  std::copy_n(rest_.begin(), size, out.begin());
  rest_ = rest_.subspan(size);
  return size;
}

Result<std::size_t> HashingSource::read(MutableByteView out) {
  const std::size_t size = TRY(source_.read(out));
  hasher_.update(out.first(size));
  size_ += size;
  return size;
}

Result<std::uint64_t> drain(ByteSource& source) {
  Bytes buffer(kPieceSize);
  std::uint64_t total = 0;
  for (;;) {
    const std::size_t size = TRY(source.read(buffer));
    if (size == 0) return total;
    total += size;
  }
}

Result<Bytes> read_all(ByteSource& source, std::size_t size_max) {
  Bytes bytes;
  for (;;) {
    const std::size_t before = bytes.size();
    bytes.resize(std::min(before + kPieceSize, size_max + 1));
    const std::size_t size = TRY(source.read(MutableByteView(bytes).subspan(before)));
    bytes.resize(before + size);
    if (size == 0) return bytes;
    if (bytes.size() > size_max) return make_error(Code::kInvalidArgument, "stream is larger than {} bytes", size_max);
  }
}

}  // namespace zeropull::codec
