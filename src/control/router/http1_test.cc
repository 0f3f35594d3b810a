#include "control/router/http1.h"

#include <gtest/gtest.h>

namespace zeropull::router {
namespace {

struct Collected final : BodySink {
  void on_body(std::string_view piece) override { body += piece; }
  std::string body;
};

struct Parsed {
  ParseStep last = ParseStep::kMore;
  std::size_t used = 0;
  std::string body;
};

// Feeds `text` in pieces of `piece` bytes until the message ends or breaks.
Parsed parse(MessageParser& parser, std::string_view text, std::size_t piece = 1 << 20) {
  Parsed parsed;
  Collected sink;
  std::size_t given = 0;
  while (true) {
    given = std::min(text.size(), given + piece);
    std::size_t used = 0;
    parsed.last = parser.put(text.substr(parsed.used, given - parsed.used), used, sink);
    parsed.used += used;
    parsed.body = sink.body;
    if (parsed.last == ParseStep::kHead) continue;
    if (parsed.last != ParseStep::kMore || given == text.size()) return parsed;
  }
}

ParseStep step_of(std::string_view text) {
  MessageParser parser(MessageParser::Kind::kRequest);
  return parse(parser, text).last;
}

TEST(MessageParser, gives_the_same_however_the_bytes_are_cut) {
  const std::string text =
      "POST /a?b HTTP/1.1\r\nHost: h\r\nX-Two:  padded \r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: v\r\n\r\nNEXT";
  for (std::size_t piece : {1u, 2u, 7u, 1000u}) {
    MessageParser parser(MessageParser::Kind::kRequest);
    const auto parsed = parse(parser, text, piece);
    EXPECT_EQ(parsed.last, ParseStep::kDone);
    EXPECT_EQ(parsed.used, text.size() - 4);
    EXPECT_EQ(parsed.body, "abcdefg");
    EXPECT_EQ(parser.head().method(), "POST");
    EXPECT_EQ(parser.head().target(), "/a?b");
    EXPECT_EQ(parser.head().find("x-TWO"), "padded");
    EXPECT_EQ(parser.head().find("absent"), std::nullopt);
    EXPECT_TRUE(parser.head().keep_alive());
  }
}

TEST(MessageParser, takes_one_message_after_the_other) {
  MessageParser parser(MessageParser::Kind::kRequest);
  EXPECT_EQ(parse(parser, "GET / HTTP/1.1\r\nA: 1\r\n\r\n").last, ParseStep::kDone);
  parser.next();
  EXPECT_FALSE(parser.begun());
  EXPECT_EQ(parse(parser, "PUT /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi").body, "hi");
  EXPECT_EQ(parser.head().find("A"), std::nullopt);
  EXPECT_EQ(parser.head().content_length(), 2u);
}

TEST(MessageParser, refuses_what_has_two_lengths) {
  const std::string line = "POST / HTTP/1.1\r\n";
  EXPECT_EQ(step_of(line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), ParseStep::kMalformed);
  EXPECT_EQ(step_of(line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), ParseStep::kMalformed);
  EXPECT_EQ(step_of(line + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"), ParseStep::kMalformed);
  EXPECT_EQ(step_of(line + "Transfer-Encoding: gzip\r\n\r\n"), ParseStep::kMalformed);
  EXPECT_EQ(step_of(line + "Content-Length: -1\r\n\r\n"), ParseStep::kMalformed);
  EXPECT_EQ(step_of(line + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), ParseStep::kMalformed);
}

TEST(MessageParser, refuses_what_would_split_a_message) {
  EXPECT_EQ(step_of("GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n"), ParseStep::kMalformed);
  EXPECT_EQ(step_of("GET / HTTP/1.1\r\nA : b\r\n\r\n"), ParseStep::kMalformed);
  EXPECT_EQ(step_of("GET / HTTP/2.0\r\n\r\n"), ParseStep::kMalformed);
  EXPECT_EQ(step_of(std::string("GET /\0 HTTP/1.1\r\n\r\n", 19)), ParseStep::kMalformed);
}

TEST(MessageParser, limits_the_head) {
  EXPECT_EQ(step_of("GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a')), ParseStep::kHeadTooBig);
  std::string many = "GET / HTTP/1.1\r\n";
  while (many.size() < 70'000) many += "A: b\r\n";
  EXPECT_EQ(step_of(many + "\r\n"), ParseStep::kHeadTooBig);
}

TEST(MessageParser, an_empty_chunked_body_may_come_byte_by_byte) {
  for (std::size_t piece : {1u, 2u, 3u, 4u}) {
    MessageParser parser(MessageParser::Kind::kRequest);
    EXPECT_EQ(parse(parser, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", piece).last, ParseStep::kDone);
  }
}

TEST(MessageParser, a_trailer_changes_no_header) {
  MessageParser parser(MessageParser::Kind::kRequest);
  const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nA: head\r\n\r\n";
  EXPECT_EQ(parse(parser, head + "0\r\nA: trailer\r\nB: b\r\n\r\n").last, ParseStep::kDone);
  EXPECT_EQ(parser.head().find("A"), "head");
  EXPECT_EQ(parser.head().find("B"), std::nullopt);
}

TEST(MessageParser, limits_what_stands_between_chunks) {
  const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(step_of(head + "1;" + std::string(70'000, 'x')), ParseStep::kMalformed);
  EXPECT_EQ(step_of(head + "0\r\nA: " + std::string(70'000, 'x')), ParseStep::kMalformed);
}

TEST(MessageParser, an_answer_without_a_length_ends_with_the_connection) {
  MessageParser parser(MessageParser::Kind::kAnswer);
  auto parsed = parse(parser, "HTTP/1.1 200 OK\r\n\r\nabc");
  EXPECT_EQ(parsed.last, ParseStep::kMore);
  EXPECT_EQ(parsed.body, "abc");
  EXPECT_TRUE(parser.end_of_stream());
  EXPECT_FALSE(parser.head().keep_alive());
}

TEST(MessageParser, an_answer_that_lacks_bytes_is_not_complete) {
  for (const auto* text : {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "HTTP/1.1 200 OK\r\nCont", ""}) {
    MessageParser parser(MessageParser::Kind::kAnswer);
    EXPECT_EQ(parse(parser, text).last, ParseStep::kMore);
    EXPECT_FALSE(parser.end_of_stream()) << text;
  }
}

}  // namespace
}  // namespace zeropull::router
