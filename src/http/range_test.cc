#include "http/range.h"

#include <gtest/gtest.h>

#include "http/headers.h"

namespace zeropull::http {
namespace {

std::optional<ByteRange> asked(std::string_view header, std::uint64_t size) { return MUST(parse_range(header, size)); }

TEST(Range, reads_first_last_open_and_suffix_ranges) {
  EXPECT_EQ(asked("bytes=0-9", 100), (ByteRange{0, 10}));
  EXPECT_EQ(asked("bytes=90-200", 100), (ByteRange{90, 10}));
  EXPECT_EQ(asked("bytes=90-", 100), (ByteRange{90, 10}));
  EXPECT_EQ(asked("bytes=-10", 100), (ByteRange{90, 10}));
  EXPECT_EQ(asked("bytes=-200", 100), (ByteRange{0, 100}));
}

TEST(Range, serves_the_whole_for_what_it_does_not_understand) {
  for (const char* header : {"items=0-1", "bytes=1", "bytes=a-b", "bytes=5-2", "bytes=0-1,3-4", "bytes=-", "bytes=--1"})
    EXPECT_EQ(asked(header, 100), std::nullopt) << header;
  EXPECT_EQ(MUST(parse_range(std::nullopt, 100)), std::nullopt);
}

TEST(Range, refuses_ranges_past_the_end) {
  EXPECT_TRUE(parse_range("bytes=100-", 100).failed_with(Code::kOutOfRange));
  EXPECT_TRUE(parse_range("bytes=-0", 100).failed_with(Code::kOutOfRange));
  EXPECT_TRUE(parse_range("bytes=0-", 0).failed_with(Code::kOutOfRange));
}

TEST(ContentRange, reads_what_it_writes_and_refuses_nonsense) {
  auto parsed = parse_content_range(content_range_header({10, 10}, 100));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->range, (ByteRange{10, 10}));
  EXPECT_EQ(parsed->total, 100);
  EXPECT_EQ(parse_content_range("bytes 0-0/*")->total, std::nullopt);
  for (const char* header : {"", "bytes 5-4/10", "bytes 0-10/10", "bytes */10", "bytes 0-/10", "bytes 0-18446744073709551615/*"})
    EXPECT_FALSE(parse_content_range(header)) << header;
}

TEST(Headers, compare_names_without_case_and_keep_order) {
  Headers headers = {{"A", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.find("a"), "1");
  EXPECT_EQ(headers.find_all("A"), (std::vector<std::string_view>{"1", "3"}));
  headers.set("A", "4");
  EXPECT_EQ(headers.find_all("a"), (std::vector<std::string_view>{"4"}));
  EXPECT_EQ(headers.find("c"), std::nullopt);
}

TEST(Headers, refuse_names_and_values_that_would_split_a_message) {
  EXPECT_TRUE(Headers({{"X-Ok", "a\tb \xff"}}).check().ok());
  for (const auto& field : {Headers::Field{"X", "a\r\nY: b"}, {"X Y", "a"}, {"", "a"}, {"X:", "a"}, {"X", std::string(1, '\0')}})
    EXPECT_FALSE(Headers({field}).check().ok()) << field.first;
}

TEST(Headers, media_type_is_lower_case_without_parameters) {
  EXPECT_EQ(media_type_of({{"content-type", "Text/HTML; charset=utf-8"}}), "text/html");
  EXPECT_EQ(media_type_of({}), "");
}

}  // namespace
}  // namespace zeropull::http
