#include "agent/copy_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zeropull::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

CopyNetworkOptions options() { return {.instance_address = MUST(os::Ipv4Address::parse("10.7.0.2"))}; }

TEST(CopyNetwork, the_rules_are_these) {
  auto policy = MUST(parse_policy({"10.7.0.1"}, {"10.7.0.0/16", "fd00::/8"}));
  EXPECT_EQ(
      copy_rules(options(), policy,
                 {{.id = "a", .slot = 2, .port = 20001, .outbound = Outbound::kAllowed}, {.id = "b", .slot = 3, .port = 20002}}),
      R"(add table inet zeropull
delete table inet zeropull
table inet zeropull {
  set routers {
    type ipv4_addr; flags interval; auto-merge
    elements = { 10.7.0.1/32 }
  }
  set denied {
    type ipv4_addr; flags interval; auto-merge
    elements = { 10.7.0.0/16, 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3, 172.31.255.0/24, 10.7.0.2, 10.7.0.1/32 }
  }
  set outbound {
    type ipv4_addr; flags interval; auto-merge
    elements = { 172.31.255.2 }
  }
  set copies {
    type ether_addr . ipv4_addr
    elements = { 02:7a:70:00:00:02 . 172.31.255.2, 02:7a:70:00:00:03 . 172.31.255.3 }
  }
  chain senders {
    type filter hook prerouting priority raw; policy accept;
    iifname != "zpcopies" return
    meta nfproto ipv6 drop
    ether saddr . ip saddr != @copies drop
  }
  chain to_copies {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "zpcopies" return
    ip saddr != @routers return
    ip daddr 10.7.0.2 tcp dport 20001 dnat ip to 172.31.255.2:8080
    ip daddr 10.7.0.2 tcp dport 20002 dnat ip to 172.31.255.3:8080
  }
  chain from_copies {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @outbound oifname != "zpcopies" masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname != "zpcopies" oifname != "zpcopies" accept
    ct state established,related accept
    oifname "zpcopies" ip saddr @routers ct status dnat tcp dport 8080 iifname != "zpcopies" accept
    oifname "zpcopies" drop
    ip daddr @denied drop
    ip saddr @outbound accept
    drop
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "zpcopies" ct state established,related accept
    iifname "zpcopies" drop
  }
}
)");
}

TEST(CopyNetwork, without_routers_and_outbound_the_sets_are_empty) {
  auto rules = copy_rules(options(), {}, {});
  EXPECT_THAT(rules, HasSubstr("set routers {\n    type ipv4_addr; flags interval; auto-merge\n  }"));
  EXPECT_THAT(rules, Not(HasSubstr("dnat ip to")));
}

TEST(CopyNetwork, a_policy_is_parsed_or_refused_with_its_text) {
  auto refused = parse_policy({"router.example"}, {});
  ASSERT_TRUE(refused.failed_with(Code::kInvalidArgument));
  EXPECT_THAT(refused.error().message(), HasSubstr("router.example"));
  EXPECT_FALSE(parse_policy({"10.0.0.1; accept"}, {}).ok());
}

TEST(CopyNetwork, its_size_decides_how_many_copies_there_are) {
  auto small = options();
  small.network.prefix = 29;
  EXPECT_EQ(MUST(CopyNetwork::create(small))->slots_end(), 7u) << "the broadcast address is no copy's";
  EXPECT_EQ(MUST(CopyNetwork::create(options()))->address_of(2), "172.31.255.2");
  small.network.prefix = 31;
  EXPECT_TRUE(CopyNetwork::create(small).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::agent
