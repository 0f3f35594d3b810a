#include "oci/login.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "oci/auth.h"
#include "os/file.h"

namespace zeropull::oci {
namespace {

class LoginTest : public testing::Test {
 protected:
  // "user:password" of a host, or "none".
  std::string find(LoginSource& source, const std::string& host) {
    auto login = MUST(source.find(ctx_, host));
    if (!login) return "none";
    return login->username + ":" + login->password.reveal() + (login->identity_token ? " (token)" : "");
  }
  // A credential helper that knows one server.
  void write_helper(const std::string& name, const std::string& script) {
    const auto path = folder_.path() + "/docker-credential-" + name;
    MUST(os::replace_file(path, as_bytes("#!/bin/sh\n" + script), 0700));
  }

  Context ctx_ = Context::root("test", {}, std::chrono::seconds(30));
  os::ScratchFolder folder_ = MUST(os::ScratchFolder::create("/tmp", "zp-oci-test"));
};

TEST_F(LoginTest, reads_auths_by_host_and_by_url) {
  auto config = MUST(DockerConfig::parse(R"({"auths":{
    "https://index.docker.io/v1/":{"auth":"dTpw"},
    "host:5000":{"auth":"dTpwOnE="},
    "https://other.io/v2":{"username":"a","password":"b"},
    "token.io":{"auth":"dTo=","identitytoken":"t"},
    "stored.io":{}}})"));
  EXPECT_EQ(find(*config, "docker.io"), "u:p");
  EXPECT_EQ(find(*config, "host:5000"), "u:p:q");
  EXPECT_EQ(find(*config, "other.io"), "a:b");
  EXPECT_EQ(find(*config, "token.io"), "u:t (token)");
  EXPECT_EQ(find(*config, "stored.io"), "none");
  EXPECT_EQ(find(*config, "host:5001"), "none");
}

TEST_F(LoginTest, refuses_files_that_are_no_login_file) {
  for (const char* text : {"", "[]", R"({"auths":[]})", R"({"auths":{"h":{"auth":"!"}}})", R"({"auths":{"h":{"auth":"dXA="}}})",
                           R"({"auths":{"h":3}})", R"({"credHelpers":{"h":"../x"}})", R"({"credsStore":"a/b"})"})
    EXPECT_TRUE(DockerConfig::parse(text).failed_with(Code::kInvalidArgument)) << text;
  auto missing = DockerConfig::load(folder_.path() + "/config.json");
  EXPECT_TRUE(missing.failed_with(Code::kNotFound));
}

TEST_F(LoginTest, asks_helpers_and_falls_back_to_the_file) {
  write_helper("one", R"(read server; [ "$1 $server" = "get host.io" ] && echo '{"Username":"h","Secret":"s"}')");
  write_helper("token", R"(echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}')");
  write_helper("store", "echo 'credentials not found in native keychain'; exit 1");
  write_helper("broken", "echo 'no key ring' >&2; exit 1");
  const std::string old_path = ::getenv("PATH");
  ::setenv("PATH", (folder_.path() + ":" + old_path).c_str(), 1);
  auto config = MUST(DockerConfig::parse(R"({"auths":{"file.io":{"auth":"dTpw"}},"credsStore":"store",
      "credHelpers":{"host.io":"one","token.io":"token","broken.io":"broken"}})"));
  EXPECT_EQ(find(*config, "host.io"), "h:s");
  EXPECT_EQ(find(*config, "token.io"), "<token>:t (token)");
  EXPECT_EQ(find(*config, "file.io"), "u:p");
  EXPECT_EQ(find(*config, "unknown.io"), "none");
  auto broken = config->find(ctx_, "broken.io");
  ::setenv("PATH", old_path.c_str(), 1);
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.error().message().find("no key ring"), std::string::npos);
}

TEST(Challenges, are_read_with_quotes_commas_and_several_schemes) {
  auto got = parse_challenges({{"WWW-Authenticate", R"(Bearer realm="https://a/t",service="x, \"y\"" , scope=s)"},
                               {"www-authenticate", R"(Negotiate, Basic realm="z")"}});
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].scheme, "bearer");
  EXPECT_EQ(got[0].parameters.at("realm"), "https://a/t");
  EXPECT_EQ(got[0].parameters.at("service"), R"(x, "y")");
  EXPECT_EQ(got[0].parameters.at("scope"), "s");
  EXPECT_EQ(got[1].scheme, "negotiate");
  EXPECT_EQ(got[2].parameters.at("realm"), "z");
}

TEST(Challenges, broken_ones_end_their_field) {
  EXPECT_TRUE(parse_challenges({}).empty());
  EXPECT_TRUE(parse_challenges({{"WWW-Authenticate", "=x"}}).empty());
  EXPECT_TRUE(parse_challenges({{"WWW-Authenticate", "realm=\"x\""}}).empty());
  auto got = parse_challenges({{"WWW-Authenticate", R"(Basic realm="open)"}});
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(basic_authorization({"u", Secret("p")}).reveal(), "Basic dTpw");
}

}  // namespace
}  // namespace zeropull::oci
