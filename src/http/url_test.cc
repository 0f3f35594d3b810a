#include "http/url.h"

#include <gtest/gtest.h>

namespace zeropull::http {
namespace {

TEST(Url, parses_and_prints_the_same_text) {
  for (const char* text :
       {"https://host/", "http://127.0.0.1:5000/v2/a?b=c", "https://[::1]:8443/x%20y?q", "https://a.b-c.d/p//q/../r"})
    EXPECT_EQ(MUST(Url::parse(text)).text(), text);
  auto url = MUST(Url::parse("HTTPS://Host.Example:443?x"));
  EXPECT_EQ(url.text(), "https://host.example/?x");
  EXPECT_EQ(url.target(), "/?x");
  EXPECT_TRUE(url.secure());
}

TEST(Url, refuses_what_is_no_plain_http_url) {
  for (const char* text :
       {"", "host/path", "ftp://host/", "https://", "https://:80/", "https://user:word@host/", "https://host:0/",
        "https://host:65536/", "https://host:8o/", "https://[::1/", "https://[host]/", "https://ho st/", "https://host/a b",
        "https://host/\r\nX: y", "https://host/#part", "https://-host/", "https://host/\xc3\xa9"})
    EXPECT_TRUE(Url::parse(text).failed_with(Code::kInvalidArgument)) << text;
  EXPECT_FALSE(Url::parse("https://host/" + std::string(9000, 'a')).ok());
}

TEST(Url, joins_references_as_rfc_3986_does) {
  auto base = MUST(Url::parse("http://a/b/c/d?q"));
  const std::pair<const char*, const char*> cases[] = {
      {"g", "http://a/b/c/g"},      {"./g", "http://a/b/c/g"}, {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},         {"//g", "http://g/"},      {"?y", "http://a/b/c/d?y"},
      {"g?y", "http://a/b/c/g?y"},  {"g#s", "http://a/b/c/g"}, {"", "http://a/b/c/d?q"},
      {".", "http://a/b/c/"},       {"..", "http://a/b/"},     {"../g", "http://a/b/g"},
      {"../../../g", "http://a/g"}, {"/./g/.", "http://a/g/"}, {"https://x:1/y?z", "https://x:1/y?z"},
  };
  for (const auto& [reference, expected] : cases) EXPECT_EQ(MUST(base.join(reference)).text(), expected) << reference;
  EXPECT_FALSE(base.join("ftp://x/y").ok());
  EXPECT_FALSE(base.join("/a b").ok());
}

TEST(Url, tells_origins_apart_by_scheme_host_and_port) {
  auto url = MUST(Url::parse("https://host/a"));
  EXPECT_TRUE(url.same_origin(MUST(Url::parse("https://HOST:443/b"))));
  for (const char* other : {"http://host:443/a", "https://host:444/a", "https://host2/a"})
    EXPECT_FALSE(url.same_origin(MUST(Url::parse(other)))) << other;
}

TEST(PercentEncoding, round_trips_and_refuses_broken_escapes) {
  const std::string text = "a/b c+\xff%~";
  EXPECT_EQ(percent_encode(text), "a%2Fb%20c%2B%FF%25~");
  EXPECT_EQ(percent_encode(text, "/"), "a/b%20c%2B%FF%25~");
  EXPECT_EQ(percent_decode(percent_encode(text)), text);
  for (const char* broken : {"%", "%1", "%zz", "a%2"}) EXPECT_FALSE(percent_decode(broken)) << broken;
}

}  // namespace
}  // namespace zeropull::http
