#include "http/address_guard.h"

#include <gtest/gtest.h>

#include <atomic>

#include "http/client.h"
#include "http/server.h"

namespace zeropull::http {
namespace {

IpAddress address(std::string_view text) { return *IpAddress::parse(text); }
IpNetwork network(std::string_view text) { return MUST(IpNetwork::parse(text)); }
bool allowed(const AddressGuard& guard, std::string_view text) { return guard.check(address(text)).ok(); }

TEST(AddressGuard, denies_this_machine_its_link_and_nobody_from_the_start) {
  const AddressGuard guard;
  for (auto denied : {"127.0.0.1", "127.255.0.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "239.1.1.1",
                      "255.255.255.255", "::", "::1", "fe80::1", "febf::1", "ff02::1", "fec0::1", "fd00:ec2::254"})
    EXPECT_FALSE(allowed(guard, denied)) << denied;
  for (auto fine : {"8.8.8.8", "10.0.0.1", "192.168.1.1", "169.253.255.255", "128.0.0.1", "2606:4700::1", "fd00::1"})
    EXPECT_TRUE(allowed(guard, fine)) << fine;
}

TEST(AddressGuard, sees_through_ipv6_forms_of_ipv4_addresses) {
  const AddressGuard guard;
  for (auto denied : {"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
                      "64:ff9b::169.254.169.254", "64:ff9b:1::7f00:1", "2002:7f00:1::1",
                      "2002:a9fe:a9fe::", "2001:0:7f00:1::f7f7:f7f7", "2001:0:808:808:0:0:80ff:fffe"})
    EXPECT_FALSE(allowed(guard, denied)) << denied;
  for (auto fine : {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7"})
    EXPECT_TRUE(allowed(guard, fine)) << fine;
}

TEST(AddressGuard, configured_networks_deny_in_every_form_and_exceptions_win) {
  const AddressGuard guard({.denied = {network("10.20.0.0/16"), network("fd12::/16")},
                            .allowed = {network("10.20.3.4"), network("127.0.0.1/32"), network("fe80::7")}});
  for (auto denied : {"10.20.0.1", "::ffff:10.20.255.255", "2002:0a14:0001::", "64:ff9b::10.20.3.5", "fd12:3::1", "127.0.0.2"})
    EXPECT_FALSE(allowed(guard, denied)) << denied;
  for (auto fine : {"10.20.3.4", "::ffff:10.20.3.4", "10.21.0.1", "127.0.0.1", "fe80::7", "64:ff9b::10.20.3.4"})
    EXPECT_TRUE(allowed(guard, fine)) << fine;
  const auto only = guard.exceptions_only();
  EXPECT_TRUE(allowed(only, "127.0.0.1"));
  EXPECT_FALSE(allowed(only, "8.8.8.8"));
}

TEST(AddressGuard, says_which_address_and_why) {
  EXPECT_TRUE(AddressGuard()
                  .check(address("64:ff9b::169.254.169.254"))
                  .error()
                  .message()
                  .starts_with("64:ff9b::a9fe:a9fe is the NAT64 form of 169.254.169.254, a link-local address"));
  EXPECT_TRUE(AddressGuard({.denied = {network("10.0.0.0/8")}})
                  .check(address("10.1.2.3"))
                  .error()
                  .message()
                  .starts_with("10.1.2.3 is in the denied network 10.0.0.0/8"));
}

TEST(AddressGuard, networks_are_parsed_strictly) {
  for (auto wrong :
       {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "fe80::1/10", "::/129", "10.0.0.0/8x", "a.b", "::/-1"})
    EXPECT_TRUE(IpNetwork::parse(wrong).failed_with(Code::kInvalidArgument)) << wrong;
  for (auto right : {"10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "fe80::/10", "::/0"}) EXPECT_EQ(network(right).text(), right);
  EXPECT_EQ(network("::ffff:10.0.0.0/104").text(), "10.0.0.0/8");
  EXPECT_EQ(network("1.2.3.4").text(), "1.2.3.4/32");
}

class GuardedClientTest : public testing::Test {
 protected:
  GuardedClientTest() {
    server_ =
        MUST(HttpServer::create({.address = "0.0.0.0"}, [this](const Context&, const ServerRequest& request) -> ServerResponse {
          ++requests_;
          if (request.path == "/away")
            return {.status = 302, .headers = {{"Location", fmt::format("http://127.0.0.1:{}/", server_->port())}}};
          return {.body = "hello"};
        }));
  }
  Result<Response> get(const std::string& host, const std::string& path, std::optional<AddressGuard> guard) {
    auto http = MUST(HttpClient::create({.plain = Plain::kAllowed, .guard = std::move(guard)}));
    const auto url = MUST(Url::parse("http://" + host + ":" + std::to_string(server_->port()) + path));
    return http->request(Context::root("test", {}, std::chrono::seconds(30)), {.url = url});
  }
  std::unique_ptr<HttpServer> server_;
  std::atomic<int> requests_ = 0;
};

TEST_F(GuardedClientTest, connects_to_no_denied_address_whatever_names_it) {
  for (auto host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433", "0x7f.1", "0"}) {
    auto refused = get(host, "/", AddressGuard());
    EXPECT_TRUE(refused.failed_with(Code::kPermissionDenied)) << host << ": " << refused.error().to_string();
  }
  EXPECT_EQ(requests_, 0);
  EXPECT_TRUE(get("127.0.0.1", "/", std::nullopt).ok());
}

TEST_F(GuardedClientTest, an_exception_opens_one_address_also_for_a_name_with_several) {
  const AddressGuard guard({.denied = {}, .allowed = {network("127.0.0.1")}});
  EXPECT_EQ(MUST(get("127.0.0.1", "/", guard)).body, "hello");
  EXPECT_EQ(MUST(get("localhost", "/", guard)).body, "hello");
  EXPECT_TRUE(get("127.0.0.2", "/", guard).failed_with(Code::kPermissionDenied));
}

TEST_F(GuardedClientTest, a_redirect_to_a_denied_address_is_not_followed) {
  const AddressGuard guard({.denied = {}, .allowed = {network("127.0.0.2")}});
  auto refused = get("127.0.0.2", "/away", guard);
  ASSERT_TRUE(refused.failed_with(Code::kPermissionDenied));
  EXPECT_NE(refused.error().message().find("127.0.0.1 is a loopback address"), std::string::npos) << refused.error().to_string();
  EXPECT_EQ(requests_, 1);
}

TEST_F(GuardedClientTest, a_permitted_address_where_nobody_listens_is_worth_a_retry) {
  server_->stop();
  const AddressGuard guard({.denied = {}, .allowed = {network("127.0.0.1")}});
  EXPECT_TRUE(get("127.0.0.1", "/", guard).failed_with(Code::kUnavailable));
}

TEST_F(GuardedClientTest, a_guard_allows_no_proxy) {
  EXPECT_TRUE(
      HttpClient::create({.proxy = Proxy::kFromEnvironment, .guard = AddressGuard()}).failed_with(Code::kInvalidArgument));
}

}  // namespace
}  // namespace zeropull::http
