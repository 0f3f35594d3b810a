#include "codec/zstd.h"

#include <gtest/gtest.h>

#include "os/process.h"

namespace zeropull::codec {
namespace {

std::string sample_text(std::size_t size) {
  std::string text;
  for (std::uint32_t i = 0; text.size() < size; i++) text += fmt::format("{} ", i * 2654435761U);
  text.resize(size);
  return text;
}

std::string run_zstd(std::string_view text, std::vector<std::string> options) {
  std::vector<std::string> argv = {"zstd", "-q", "-c"};
  argv.insert(argv.end(), options.begin(), options.end());
  return MUST(os::run_program(Context::root("test"), {.argv = argv, .input = std::string(text), .output_max = 64 << 20}));
}

Result<Bytes> inflate_zstd(std::string_view stored) {
  MemorySource source(as_bytes(stored));
  ZstdDecoder decoder(source);
  return read_all(decoder, 64 << 20);
}

TEST(ZstdDecoder, decodes_frames_and_skips_the_skippable) {
  const std::string text = sample_text(2'000'000);
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0toc", 11);
  const std::string stored = skippable + run_zstd(text.substr(0, 900'000), {"-3"}) + skippable +
                             run_zstd(text.substr(900'000), {"-19", "--check"}) + skippable;
  EXPECT_TRUE(as_text(MUST(inflate_zstd(stored))) == text);
}

TEST(ZstdDecoder, finds_every_truncation) {
  const std::string stored = run_zstd(sample_text(3000), {"--check"});
  for (std::size_t size = 1; size < stored.size(); size++) {
    EXPECT_TRUE(inflate_zstd(stored.substr(0, size)).failed_with(Code::kDataLoss)) << size;
  }
}

TEST(ZstdDecoder, finds_a_wrong_checksum_and_bytes_behind) {
  std::string stored = run_zstd(sample_text(3000), {"--check"});
  EXPECT_TRUE(inflate_zstd(stored + "garbage").failed_with(Code::kDataLoss));
  stored.back() = static_cast<char>(stored.back() ^ 1);
  const auto decoded = inflate_zstd(stored);
  ASSERT_TRUE(decoded.failed_with(Code::kDataLoss));
  EXPECT_EQ(decoded.error().message(), "zstd stream is corrupt: a frame's checksum is wrong");
}

TEST(ZstdDecoder, decodes_windows_up_to_512_MiB_and_refuses_larger_ones) {
  const std::string text = sample_text(100);
  // A frame of unknown content size says its window in one byte behind the descriptor: 2^(10 + (byte >> 3)).
  std::string stored = run_zstd(text, {"--no-check", "--no-content-size"});
  ASSERT_EQ(stored.substr(0, 4), "\x28\xb5\x2f\xfd");
  ASSERT_EQ(stored[4] & 0x20, 0);
  stored[5] = static_cast<char>(19 << 3);
  EXPECT_EQ(as_text(MUST(inflate_zstd(stored))), text);
  stored[5] = static_cast<char>(19 << 3 | 1);
  const auto decoded = inflate_zstd(stored);
  ASSERT_TRUE(decoded.failed_with(Code::kInvalidArgument));
  EXPECT_EQ(decoded.error().message(), "zstd stream needs a window above 512 MiB, which is not decoded");

  stored[5] = static_cast<char>(14 << 3);
  for (const int log : {23, 24}) {
    MemorySource source(as_bytes(stored));
    ZstdDecoder decoder(source, log);
    Bytes room(1000);
    EXPECT_EQ(decoder.read(room).failed_with(Code::kOutOfRange), log == 23) << "the caller's own limit";
  }
}

TEST(ZstdFrames, come_back_and_are_read_by_zstd) {
  ZstdCompressor compressor(3);
  ZstdDecompressor decompressor;
  for (const std::size_t size : {0U, 1U, 4096U, 1U << 20}) {
    const std::string text = sample_text(size);
    Bytes stored(ZstdCompressor::bound(size));
    const auto stored_size = compressor.compress(as_bytes(text), stored);
    ASSERT_TRUE(stored_size);
    stored.resize(*stored_size);
    Bytes back(size);
    MUST(decompressor.decompress(stored, back));
    EXPECT_TRUE(as_text(back) == text);
    EXPECT_TRUE(run_zstd(as_text(stored), {"-d"}) == text);
  }
}

TEST(ZstdFrames, of_another_size_or_broken_are_refused) {
  ZstdCompressor compressor(3);
  ZstdDecompressor decompressor;
  Bytes stored(1000);
  stored.resize(compressor.compress(as_bytes(sample_text(500)), stored).value());
  Bytes back(500);
  MUST(decompressor.decompress(stored, back));
  for (const std::size_t size : {0U, 499U, 501U}) {
    Bytes other(size);
    EXPECT_TRUE(decompressor.decompress(stored, other).failed_with(Code::kDataLoss)) << size;
  }
  EXPECT_TRUE(decompressor.decompress(ByteView(stored).first(stored.size() - 1), back).failed_with(Code::kDataLoss));
  EXPECT_TRUE(decompressor.decompress({}, back).failed_with(Code::kDataLoss));
  MUST(decompressor.decompress(stored, back));  // an error spoils nothing
}

TEST(ZstdCompressor, says_that_the_room_is_too_small) {
  ZstdCompressor compressor(1);
  Bytes random(10'000);
  std::uint64_t state = 1;
  for (std::byte& byte : random)
    byte = static_cast<std::byte>((state = state * 6364136223846793005U + 1442695040888963407U) >> 56);
  Bytes room(random.size() - 1);
  EXPECT_FALSE(compressor.compress(random, room));
  EXPECT_TRUE(compressor.compress(as_bytes(std::string(10'000, 'a')), room));
}

}  // namespace
}  // namespace zeropull::codec
