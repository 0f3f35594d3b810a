#include "codec/stream.h"

#include <gtest/gtest.h>

#include "codec/compression.h"
#include "codec/tar.h"
#include "os/file.h"

namespace zeropull::codec {
namespace {

TEST(FdSource, reads_a_pipe_to_its_end) {
  auto pipe = MUST(os::create_pipe());
  MUST(os::write_all(pipe.write_end.get(), as_bytes("some bytes")));
  pipe.write_end.reset();
  FdSource source(pipe.read_end.get());
  EXPECT_EQ(as_text(MUST(read_all(source, 100))), "some bytes");
  Bytes buffer(1);
  EXPECT_EQ(MUST(source.read(buffer)), 0u);
}

TEST(FdSource, passes_on_what_the_system_says) {
  FdSource source(-1);
  Bytes buffer(1);
  const auto result = source.read(buffer);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().errno_value(), EBADF);
}

// A layer's digest covers every stored byte, also those behind the end of the last frame or member that a decoder needs.
TEST(HashingSource, sees_every_stored_byte_of_a_layer_that_was_read_to_its_end) {
  for (const char* name : {"gzip", "gzip-members", "zstd", "zstd-frames", "zstd-skippable-first"}) {
    Bytes file = MUST(os::read_file(fmt::format("{}/fuzz/corpus/tar/{}", ZP_SOURCE_DIR, name), 1 << 20));
    file.erase(file.begin());
    MemorySource memory(file);
    HashingSource stored(memory);
    const auto stream = MUST(open_detected(stored));
    TarReader reader(*stream.decoded);
    while (MUST(reader.next())) continue;
    MUST(reader.drain_rest());
    EXPECT_EQ(stored.size(), file.size()) << name;
    EXPECT_EQ(stored.finish(), sha256(file)) << name;
  }
}

TEST(DetectCompression, tells_by_the_first_bytes) {
  const auto detect = [](std::string_view front) { return detect_compression(as_bytes(front)); };
  EXPECT_EQ(detect("\x1f\x8b\x08"), Compression::kGzip);
  EXPECT_EQ(detect("\x1f\x8b\x07xxxxxxx"), Compression::kNone);
  EXPECT_EQ(detect("\x28\xb5\x2f\xfd"), Compression::kZstd);
  EXPECT_EQ(detect("\x50\x2a\x4d\x18\x01\x01\x01\x01"), Compression::kZstd);
  EXPECT_EQ(detect("\x5f\x2a\x4d\x18\x01\x01\x01\x01"), Compression::kZstd);
  EXPECT_EQ(detect("\x50\x2a\x4d\x18\x01\x01\x01"), Compression::kNone);  // no whole frame header, as containerd
  EXPECT_EQ(detect("\x60\x2a\x4d\x18\x01\x01\x01\x01"), Compression::kNone);
  EXPECT_EQ(detect(""), Compression::kNone);
}

TEST(OpenDetected, gives_back_the_bytes_it_looked_at) {
  for (const std::string& text : {std::string(), std::string("short"), std::string(5000, 'x')}) {
    MemorySource source(as_bytes(text));
    const auto stream = MUST(open_detected(source));
    EXPECT_EQ(stream.compression, Compression::kNone);
    EXPECT_EQ(as_text(MUST(read_all(*stream.decoded, 10'000))), text);
  }
}

TEST(ReadAll, refuses_more_than_its_limit) {
  MemorySource fits(as_bytes("12345"));
  EXPECT_EQ(MUST(read_all(fits, 5)).size(), 5u);
  MemorySource larger(as_bytes("123456"));
  EXPECT_TRUE(read_all(larger, 5).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::codec
