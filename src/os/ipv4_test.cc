#include "os/ipv4.h"

#include <gtest/gtest.h>

namespace zeropull::os {
namespace {

TEST(Ipv4, addresses_keep_their_text) {
  EXPECT_EQ(MUST(Ipv4Address::parse("172.31.255.1")).value, 0xac1fff01u);
  EXPECT_EQ((Ipv4Address{0xac1fff01u}).text(), "172.31.255.1");
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "::1", "1.2.3.4 ", "a.b.c.d"}) {
    EXPECT_TRUE(Ipv4Address::parse(bad).failed_with(Code::kInvalidArgument)) << bad;
  }
  EXPECT_FALSE(Ipv4Address::parse(std::string_view("1.2.3.4\0", 8)).ok());
}

TEST(Ipv4, networks_clear_what_lies_beyond_their_prefix) {
  EXPECT_EQ(MUST(Ipv4Network::parse("10.1.2.3/8")).text(), "10.0.0.0/8");
  EXPECT_EQ(MUST(Ipv4Network::parse("10.1.2.3")).text(), "10.1.2.3/32");
  EXPECT_EQ(MUST(Ipv4Network::parse("10.1.2.3/0")).text(), "0.0.0.0/0");
  for (const char* bad : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "/8", "10.0.0.0/256"}) {
    EXPECT_TRUE(Ipv4Network::parse(bad).failed_with(Code::kInvalidArgument)) << bad;
  }
}

}  // namespace
}  // namespace zeropull::os
