#include "aws/event_stream.h"

#include <gtest/gtest.h>

namespace zeropull::aws {
namespace {

std::string part(std::string_view payload) {
  std::string out;
  append_payload_parts(out, as_bytes(payload));
  return out;
}

Result<std::vector<EventMessage>> decode_all(std::string_view stream, std::size_t step) {
  EventStreamDecoder decoder;
  std::vector<EventMessage> out;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    decoder.append(as_bytes(stream.substr(at, step)));
    for (;;) {
      auto message = TRY(decoder.next());
      if (!message) break;
      out.push_back(std::move(*message));
    }
  }
  TRY(decoder.finish());
  return out;
}

// The reference frames of the SageMaker runtime's streams.
TEST(EventStream, a_payload_part_has_the_known_bytes) {
  EXPECT_EQ(
      to_hex(as_bytes(part("data: hi\n\n"))),
      "0000007300000059c9e7ac260d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000b5061796c6f616450617274"
      "0d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f637465742d73747265616d646174613a2068690a0aaaecc534");
}

TEST(EventStream, an_exception_has_the_known_checksums) {
  const auto frame = encode_exception(ModelStreamError{.message = "boom", .error_code = "StreamBroken"});
  EXPECT_EQ(frame.size(), 155u);
  EXPECT_EQ(to_hex(as_bytes(frame).first(12)), "0000009b0000005e4f27b59b");
  EXPECT_EQ(to_hex(as_bytes(frame).last(4)), "21e3df89");
}

TEST(EventStream, decodes_what_it_encodes_however_it_is_cut) {
  const EventMessage custom{.headers = {{":message-type", "error"}, {":error-code", "X"}, {"empty", ""}}, .payload = ""};
  const auto stream = part("one") + encode_internal_stream_failure("gone \"away\" \xff") + encode_message(custom) + part("two");
  for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100}, stream.size()}) {
    const auto messages = MUST(decode_all(stream, step));
    ASSERT_EQ(messages.size(), 4u);
    EXPECT_EQ(messages[0].payload, "one");
    EXPECT_EQ(messages[0].find(":event-type"), "PayloadPart");
    EXPECT_EQ(messages[1].find(":message-type"), "exception");
    EXPECT_EQ(messages[1].find(":exception-type"), "InternalStreamFailure");
    EXPECT_EQ(messages[1].payload, "{\"Message\":\"gone \\\"away\\\" \xef\xbf\xbd\"}");
    EXPECT_EQ(messages[2].headers, custom.headers);
    EXPECT_EQ(messages[2].find("absent"), std::nullopt);
    EXPECT_EQ(messages[3].payload, "two");
  }
}

TEST(EventStream, large_chunks_become_several_parts_and_none_becomes_none) {
  std::string chunk(2 * kEventPayloadMax + 5, 'x');
  const auto messages = MUST(decode_all(part(chunk), 1 << 16));
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].payload.size(), kEventPayloadMax);
  EXPECT_EQ(messages[2].payload, "xxxxx");
  EXPECT_TRUE(part("").empty());
}

TEST(EventStream, every_flipped_bit_and_every_cut_is_noticed) {
  const auto good = part("payload");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_TRUE(decode_all(bad, bad.size()).failed_with(Code::kDataLoss)) << at << "." << bit;
    }
  }
  for (std::size_t at = 1; at < good.size(); ++at)
    EXPECT_TRUE(decode_all(good.substr(0, at), at).failed_with(Code::kDataLoss)) << at;
}

TEST(EventStream, a_header_given_twice_is_refused) {
  const auto bad = encode_message({.headers = {{"a", "1"}, {"a", "2"}}, .payload = ""});
  EXPECT_TRUE(decode_all(bad, bad.size()).failed_with(Code::kDataLoss));
}

TEST(EventStream, a_broken_stream_stays_broken) {
  auto bad = part("payload");
  bad[bad.size() - 1] = static_cast<char>(bad[bad.size() - 1] ^ 1);
  EventStreamDecoder decoder;
  decoder.append(as_bytes(bad));
  EXPECT_FALSE(decoder.next().ok());
  decoder.append(as_bytes(part("fine")));
  EXPECT_FALSE(decoder.next().ok());
  EXPECT_FALSE(decoder.finish().ok());
}

}  // namespace
}  // namespace zeropull::aws
