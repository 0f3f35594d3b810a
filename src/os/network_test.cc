// Netlink, named namespaces and nftables against the kernel, in a network and a mount namespace of the test's own.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "os/file.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/nftables.h"
#include "os/process.h"

namespace zeropull::os {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr MacAddress kBridgeMac{2, 0, 0, 0, 0, 1};
constexpr MacAddress kPeerMac{2, 0, 0, 0, 0, 2};

class Network : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0) << "needs root";
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }
  void TearDown() override {
    MUST(Netlink::open().take().remove_link("v0"));
    MUST(Netlink::open().take().remove_link("br"));
    MUST(remove_netns(path()));
  }
  std::string path() const { return folder_.path() + "/names/one"; }
  std::string run(const std::vector<std::string>& argv) const { return MUST(run_program(ctx_, {.argv = argv, .input = ""})); }

  const Context ctx_ = Context::root("test");
  const ScratchFolder folder_ = MUST(ScratchFolder::create("/tmp", "zp-network-"));
};

TEST_F(Network, a_namespace_is_made_once_and_removed_without_a_trace) {
  MUST(ensure_netns(path()));
  auto first = MUST(stat_path(path()));
  MUST(ensure_netns(path()));
  EXPECT_EQ(first.st_ino, MUST(stat_path(path())).st_ino) << "the second call has made another namespace";
  EXPECT_NE(first.st_ino, MUST(stat_path("/proc/thread-self/ns/net")).st_ino);
  MUST(remove_netns(path()));
  EXPECT_FALSE(exists(path()));
  MUST(remove_netns(path()));
  MUST(create_file(path(), {}));
  EXPECT_TRUE(open_netns(path()).failed_with(Code::kNotFound)) << "a file that is no namespace";
}

TEST_F(Network, a_veth_leads_from_a_bridge_into_a_namespace_and_is_made_again_at_will) {
  auto here = MUST(Netlink::open());
  MUST(ensure_netns(path()));
  auto netns = MUST(open_netns(path()));
  auto there = MUST(Netlink::open_in(netns));
  auto gateway = MUST(Ipv4Address::parse("172.31.255.1"));
  auto inside = MUST(Ipv4Address::parse("172.31.255.2"));
  MUST(here.create_veth({.name = "v0", .peer_name = "eth0", .peer_mac = kPeerMac, .peer_netns = netns.get()}));
  EXPECT_FALSE(here.create_veth({.name = "v0", .peer_name = "x", .peer_mac = kPeerMac, .peer_netns = netns.get()}).ok());
  for (int round = 0; round < 2; ++round) {
    MUST(here.ensure_bridge({.name = "br", .mac = kBridgeMac}));
    MUST(here.ensure_address({.link = "br", .address = gateway, .prefix = 24}));
    MUST(here.set_up("br"));
    MUST(here.ensure_isolated_port({.name = "v0", .bridge = "br"}));
    MUST(here.set_up("v0"));
    MUST(here.ensure_forwarding({.port = "v0", .mac = kPeerMac}));
    MUST(here.ensure_neighbour({.link = "br", .address = inside, .mac = kPeerMac}));
    MUST(there.set_up("lo"));
    MUST(there.ensure_address({.link = "eth0", .address = inside, .prefix = 24}));
    MUST(there.set_up("eth0"));
    MUST(there.ensure_default_route(gateway));
  }
  EXPECT_THAT(run({"bridge", "-d", "link", "show", "dev", "v0"}), HasSubstr("isolated on"));
  EXPECT_THAT(run({"bridge", "-d", "link", "show", "dev", "v0"}), HasSubstr("learning off"));
  EXPECT_THAT(run({"bridge", "-d", "link", "show", "dev", "v0"}), HasSubstr("locked on"));
  EXPECT_THAT(run({"bridge", "fdb", "show", "dev", "v0"}), HasSubstr("02:00:00:00:00:02 master br static"));
  EXPECT_THAT(run({"ip", "neigh", "show", "dev", "br"}), HasSubstr("172.31.255.2 lladdr 02:00:00:00:00:02 PERMANENT"));
  EXPECT_EQ(MUST(interface_of("172.31.255.1")), "br");
  EXPECT_TRUE(interface_of("172.31.255.9").failed_with(Code::kNotFound));
  EXPECT_THAT(run({"nsenter", "--net=" + path(), "ip", "route"}), HasSubstr("default via 172.31.255.1 dev eth0"));

  // A listener inside answers through the bridge.
  auto listener = MUST(socket_in(netns, {.family = AF_INET, .type = SOCK_STREAM, .protocol = 0}));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(8080);
  address.sin_addr.s_addr = htonl(inside.value);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);

  MUST(here.remove_link("v0"));
  MUST(here.remove_link("v0"));
  EXPECT_FALSE(MUST(here.has_link("v0")));
  EXPECT_FALSE(MUST(there.has_link("eth0"))) << "the peer goes with it";
}

TEST_F(Network, rules_are_set_whole_or_not_at_all) {
  MUST(apply_nftables(ctx_, "add table inet one\n"));
  auto refused = apply_nftables(ctx_, "add table inet two\nadd rule inet nowhere x accept\n");
  ASSERT_TRUE(refused.failed_with(Code::kInvalidArgument));
  EXPECT_THAT(refused.error().message(), HasSubstr("nowhere"));
  EXPECT_THAT(run({"nft", "list", "tables"}), HasSubstr("inet one"));
  EXPECT_THAT(run({"nft", "list", "tables"}), Not(HasSubstr("inet two")));
}

}  // namespace
}  // namespace zeropull::os
