#include "codec/gzip.h"

#include <gtest/gtest.h>

#include "os/process.h"

namespace zeropull::codec {
namespace {

// Text that compresses by about three.
std::string make_text(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += fmt::format("line {} of {}\n", state >> 12, text.size());
  }
  text.resize(size);
  return text;
}

std::string run_gzip(std::string_view text, std::vector<std::string> options = {}) {
  std::vector<std::string> argv = {"gzip", "-c"};
  argv.insert(argv.end(), options.begin(), options.end());
  return MUST(os::run_program(Context::root("test"), {.argv = argv, .input = std::string(text), .output_max = 64 << 20}));
}

Result<Bytes> decode(std::string_view stored) {
  MemorySource source(as_bytes(stored));
  GzipDecoder decoder(source);
  return read_all(decoder, 64 << 20);
}

TEST(GzipDecoder, decodes_what_gzip_wrote_at_every_level) {
  const std::string text = make_text(3'000'000);
  for (const char* level : {"-1", "-6", "-9"}) {
    const Bytes decoded = MUST(decode(run_gzip(text, {level})));
    EXPECT_TRUE(as_text(decoded) == text) << level;
  }
}

TEST(GzipDecoder, decodes_members_one_after_the_other) {
  const std::string text = make_text(700'000);
  std::string stored;
  for (std::size_t at = 0; at < text.size(); at += 100'000) stored += run_gzip(text.substr(at, 100'000));
  stored += run_gzip("");
  const Bytes decoded = MUST(decode(stored));
  EXPECT_TRUE(as_text(decoded) == text);
}

TEST(GzipDecoder, finds_every_truncation) {
  const std::string stored = run_gzip(make_text(2000)) + run_gzip("second");
  const std::size_t first_size = run_gzip(make_text(2000)).size();
  for (std::size_t size = 0; size < stored.size(); size++) {
    const auto decoded = decode(stored.substr(0, size));
    if (size == first_size) {
      EXPECT_TRUE(decoded.ok());  // a whole member is a whole stream
    } else {
      EXPECT_TRUE(decoded.failed_with(Code::kDataLoss)) << size;
    }
  }
}

TEST(GzipDecoder, finds_every_flipped_byte_of_data_and_trailer) {
  const std::string text = make_text(2000);
  const std::string stored = run_gzip(text, {"-n"});
  for (std::size_t at = 10; at < stored.size(); at++) {
    std::string broken = stored;
    broken[at] = static_cast<char>(broken[at] ^ 0x10);
    EXPECT_TRUE(decode(broken).failed_with(Code::kDataLoss)) << at;
  }
}

TEST(GzipDecoder, says_what_is_wrong_and_where) {
  const std::string stored = run_gzip("hello", {"-n"});
  const auto message_of = [](const std::string& broken) {
    const auto decoded = decode(broken);
    return decoded.ok() ? std::string("accepted") : decoded.error().message();
  };
  EXPECT_EQ(message_of("hello"), "gzip stream is corrupt: no gzip header before byte 1");
  EXPECT_EQ(message_of(stored + std::string(10, '\0')),
            fmt::format("gzip stream is corrupt: bytes that are no gzip header before byte {}", stored.size() + 1));
  EXPECT_EQ(message_of(stored.substr(0, stored.size() - 1)),
            fmt::format("gzip stream is truncated at byte {}", stored.size() - 1));
  EXPECT_EQ(message_of(stored.substr(0, stored.size() - 8) + std::string(8, '\0')),
            fmt::format("gzip stream is corrupt: a wrong checksum or size before byte {}", stored.size()));
}

}  // namespace
}  // namespace zeropull::codec
