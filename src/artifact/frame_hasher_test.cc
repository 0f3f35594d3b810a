#include "artifact/frame_hasher.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "artifact/blob_writer.h"
#include "os/file.h"

namespace zeropull::artifact {
namespace {

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<std::byte>(at * 31 + at / 251);
  return bytes;
}

std::vector<Sha256> frames_of(ByteView bytes) {
  std::vector<Sha256> frames;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), kFrameSize))) {
    frames.push_back(codec::sha256(bytes.first(std::min<std::size_t>(bytes.size(), kFrameSize))));
  }
  return frames;
}

TEST(FrameHasher, hashes_each_frame_however_the_bytes_are_cut) {
  const Bytes bytes = pattern(2 * kFrameSize + 12345);
  for (const std::size_t step : {std::size_t{4096}, std::size_t{999'983}, bytes.size()}) {
    FrameHasher hasher;
    for (ByteView rest = bytes; !rest.empty(); rest = rest.subspan(std::min(step, rest.size()))) {
      hasher.update(rest.first(std::min(step, rest.size())));
    }
    const FramedBlob blob = hasher.finish();
    EXPECT_EQ(blob.size, bytes.size());
    EXPECT_EQ(blob.frames, frames_of(bytes));
  }
}

TEST(FrameHasher, a_hole_is_as_good_as_zeros) {
  const Bytes front = pattern(5000);
  for (const std::uint64_t hole : {std::uint64_t{1}, kFrameSize - 5000, kFrameSize, 3 * kFrameSize + 7}) {
    Bytes bytes(2 * front.size() + hole);
    std::ranges::copy(front, bytes.begin());
    std::ranges::copy(front, bytes.end() - static_cast<std::ptrdiff_t>(front.size()));
    FrameHasher hasher;
    hasher.update(front);
    hasher.skip_zeros(hole);
    hasher.update(front);
    const FramedBlob blob = hasher.finish();
    EXPECT_EQ(blob.size, bytes.size());
    EXPECT_EQ(blob.frames, frames_of(bytes)) << hole;
  }
}

TEST(FrameHasher, starts_again_after_finish) {
  FrameHasher hasher;
  EXPECT_EQ(hasher.finish().frames.size(), 0U);
  hasher.update(as_bytes("one"));
  const FramedBlob first = hasher.finish();
  hasher.update(as_bytes("one"));
  EXPECT_EQ(hasher.finish().id(), first.id());
  EXPECT_NE(first.id(), FramedBlob{}.id());
}

TEST(BlobWriter, writes_what_it_hashes_with_holes_and_alignment) {
  const auto folder = MUST(os::ScratchFolder::create("/tmp", "zp-blob-writer-"));
  const auto fd = MUST(os::open_file(folder.path() + "/blob", O_RDWR | O_CREAT));
  const Bytes bytes = pattern(3000);
  BlobWriter writer(fd.get());
  MUST(writer.append(bytes));
  MUST(writer.align());
  EXPECT_EQ(writer.size(), kBlockSize);
  MUST(writer.append_zeros(5 * kFrameSize));
  MUST(writer.append(bytes));
  MUST(writer.append_zeros(2 * kFrameSize));
  MUST(writer.align());
  const FramedBlob blob = MUST(writer.finish());

  const Bytes written = MUST(os::read_file(folder.path() + "/blob", 64 * kMiB));
  EXPECT_EQ(written.size(), 7 * kFrameSize + 2 * kBlockSize);
  EXPECT_EQ(blob.size, written.size());
  EXPECT_EQ(blob.frames, frames_of(written));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), written.begin() + kBlockSize + 5 * kFrameSize));
  const auto info = MUST(os::stat_fd(fd.get()));
  EXPECT_LT(static_cast<std::uint64_t>(info.st_blocks) * 512, 4 * kFrameSize);  // whole frames of zeros take no space
}

TEST(BlobWriter, writes_whole_blocks_directly) {
  const auto folder = MUST(os::ScratchFolder::create("/var/tmp", "zp-blob-writer-"));
  auto fd = os::open_file(folder.path() + "/blob", O_RDWR | O_CREAT | O_DIRECT);
  if (!fd.ok()) GTEST_SKIP() << fd.error().message();
  const Bytes bytes = pattern(5 * kFrameSize + 1000);
  BlobWriter writer(fd->get());
  for (std::size_t at = 0; at < bytes.size(); at += 777) {
    MUST(writer.append(ByteView(bytes).subspan(at, std::min<std::size_t>(777, bytes.size() - at))));
  }
  MUST(writer.align());
  const FramedBlob blob = MUST(writer.finish());
  const Bytes written = MUST(os::read_file(folder.path() + "/blob", 64 * kMiB));
  EXPECT_EQ(blob.frames, frames_of(written));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), written.begin()));
}

TEST(BlobWriter, says_when_the_disk_is_full_while_it_goes_on) {
  const auto fd = MUST(os::open_file("/dev/full", O_WRONLY));
  BlobWriter writer(fd.get());
  const Bytes frame = pattern(kFrameSize);
  Result<void> appended = {};
  for (int i = 0; i < 10 && appended.ok(); ++i) appended = writer.append(frame);
  EXPECT_TRUE(appended.failed_with(Code::kResourceExhausted));
  EXPECT_TRUE(writer.finish().failed_with(Code::kResourceExhausted));
}

TEST(BlobWriter, may_go_away_half_written) {
  const auto folder = MUST(os::ScratchFolder::create("/tmp", "zp-blob-writer-"));
  const auto fd = MUST(os::open_file(folder.path() + "/blob", O_RDWR | O_CREAT));
  BlobWriter writer(fd.get());
  MUST(writer.append(pattern(4 * kFrameSize + 1)));
}

TEST(BlobWriter, says_when_the_disk_is_full) {
  const auto fd = MUST(os::open_file("/dev/full", O_WRONLY));
  BlobWriter writer(fd.get());
  MUST(writer.append(pattern(10)));
  EXPECT_TRUE(writer.finish().failed_with(Code::kResourceExhausted));
}

}  // namespace
}  // namespace zeropull::artifact
