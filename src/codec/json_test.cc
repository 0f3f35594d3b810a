#include "codec/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace zeropull::codec {
namespace {

nlohmann::json parse(std::string_view text) { return MUST(parse_json(text, {.size_max = 100'000})); }

template <typename T>
std::string message_of(const Result<T>& result) {
  return result.ok() ? "accepted" : result.error().message();
}

TEST(ParseJson, refuses_what_is_too_large_too_deep_or_no_json) {
  EXPECT_TRUE(parse_json("[1]", {.size_max = 3}).ok());
  EXPECT_EQ(message_of(parse_json("[1] ", {.size_max = 3})), "JSON of 4 bytes is larger than the limit of 3");
  EXPECT_TRUE(parse_json("[[\"[[[\\\"[\"],[]]", {.size_max = 100, .depth_max = 2}).ok());
  EXPECT_EQ(message_of(parse_json("[[[1]]]", {.size_max = 100, .depth_max = 2})), "JSON is nested deeper than the limit of 2");
  EXPECT_FALSE(parse_json(std::string(90'000, '['), {.size_max = 100'000}).ok());
  for (const char* text : {"", "{", "{} x", "<html>", "\"\xff\"", "{\"a\":1,}", "1e999", "nul", "\"\\ud800\""}) {
    EXPECT_TRUE(parse_json(text, {.size_max = 100}).failed_with(Code::kInvalidArgument)) << text;
  }
}

TEST(JsonText, replaces_what_is_not_utf8) { EXPECT_EQ(json_text(nlohmann::json("caf\xe9")), "\"caf\xEF\xBF\xBD\""); }

TEST(JsonAccess, finds_members_by_name_and_descendants_by_pointer) {
  const auto value = parse(R"({"a":{"b/c":[10,{"d~":"deep"}]},"org.x":"dots","":"empty"})");
  EXPECT_EQ(MUST(json_string(value, "/a/b~1c/1/d~0")), "deep");
  EXPECT_EQ(MUST(json_int(value, "/a/b~1c/0")), 10);
  EXPECT_EQ(MUST(json_string(value, "org.x")), "dots");
  EXPECT_EQ(MUST(json_string(value, "")), "empty");
  EXPECT_EQ(MUST(json_string(value, "/")), "empty");
  for (const char* at : {"/a/b~1c/2", "/a/b~1c/01", "/a/b~1c/-1", "/a/b~1c/1x", "/a/b~1c/", "/a/x/y", "/org.x/x", "b"}) {
    EXPECT_EQ(json_find(value, at), nullptr) << at;
  }
}

TEST(JsonAccess, says_where_and_what) {
  const auto value = parse(R"({"s":"x","n":5,"f":1.5,"b":true,"o":{"list":[1,"x"]},"null":null,"large":18446744073709551615})");
  EXPECT_EQ(message_of(json_string(value, "n")), "n: expected a string, found a number");
  EXPECT_EQ(message_of(json_string(value, "none")), "none: expected a string, found nothing");
  EXPECT_EQ(message_of(json_string(value, "null")), "null: expected a string, found nothing");
  EXPECT_EQ(message_of(json_int(value, "s")), "s: expected a whole number, found a string");
  EXPECT_EQ(message_of(json_int(value, "f")), "f: expected a whole number, found a number");
  EXPECT_EQ(message_of(json_int(value, "n", {.min = 6, .max = 9})), "n: 5 is not between 6 and 9");
  EXPECT_EQ(message_of(json_int(value, "large", {.min = -1, .max = 9})), "large: 18446744073709551615 is not between -1 and 9");
  EXPECT_EQ(message_of(json_bool(value, "s")), "s: expected a boolean, found a string");
  EXPECT_EQ(message_of(json_array(value, "/o")), "/o: expected an array, found an object");
  EXPECT_EQ(message_of(json_object(value, "/o/list")), "/o/list: expected an object, found an array");
  EXPECT_EQ(message_of(json_optional_strings(value, "/o/list")), "/o/list[0]: expected a string, found a number");
  EXPECT_EQ(message_of(json_optional_string_map(value, "o")), "o[\"list\"]: expected a string, found an array");
}

TEST(JsonAccess, takes_absent_and_null_for_one_where_a_value_is_optional) {
  const auto value = parse(R"({"null":null,"n":5,"list":["a","b"],"map":{"k":"v"}})");
  for (const char* at : {"null", "none"}) {
    EXPECT_EQ(MUST(json_optional_string(value, at)), std::nullopt);
    EXPECT_EQ(MUST(json_optional_int(value, at)), std::nullopt);
    EXPECT_EQ(MUST(json_optional_bool(value, at)), std::nullopt);
    EXPECT_EQ(MUST(json_optional_object(value, at)), nullptr);
    EXPECT_EQ(MUST(json_optional_array(value, at)), nullptr);
    EXPECT_TRUE(MUST(json_optional_strings(value, at)).empty());
    EXPECT_TRUE(MUST(json_optional_string_map(value, at)).empty());
  }
  EXPECT_TRUE(json_optional_string(value, "n").failed_with(Code::kInvalidArgument));
  EXPECT_EQ(MUST(json_optional_strings(value, "list")), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(MUST(json_optional_string_map(value, "map")), (std::map<std::string, std::string>{{"k", "v"}}));
}

}  // namespace
}  // namespace zeropull::codec
