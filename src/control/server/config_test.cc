#include "control/server/config.h"

#include <gmock/gmock.h>

namespace zeropull::server {
namespace {

TEST(ServeConfig, an_empty_file_is_one_machine_with_no_other_set_up) {
  auto config = ServeConfig::parse("{}", "test");
  ASSERT_TRUE(config.ok()) << config.error().to_string();
  EXPECT_EQ(config->provider, "local");
  EXPECT_EQ(config->listen.address, "127.0.0.1");
  EXPECT_EQ(config->admin_socket, config->root + "/admin.sock");
  EXPECT_EQ(config->master_key_file, config->root + "/master.key");
}

TEST(ServeConfig, says_what_is_wrong_and_where) {
  struct Case {
    const char* text;
    const char* error;
  };
  for (const Case& one : {
           Case{R"({"roots": "/x"})", "unknown key \"roots\""},
           Case{R"({"root": "x"})", "no absolute path"},
           Case{R"({"listen": {"address": "0.0.0.0"}})", "plain HTTP is for loopback alone"},
           Case{R"({"listen": {"port": 70000}})", "listen: port: 70000 is not between"},
           Case{R"({"listen": {"certificate_file": "/c"}})", "together"},
           Case{R"({"provider": "cloud"})", "known are local, static"},
           Case{R"({"requests": {"hold_s": 0}})", "requests: hold_s"},
           Case{R"({"scaling": {"scale_in_window_s": 5}})", "scaling: scale_in_window_s"},
           Case{R"({"metrics": {"path": "/x"}})", "metrics: unknown key"},
           Case{R"({"accounts": {"1": {"registries": [{"user": "u"}]}}})", "accounts: 1: registries[0]: unknown key"},
           Case{R"({"accounts": {"1": {"registries": [{"host": "r", "aws_access_key_id": "k", "aws_secret_access_key": "s"}]}}})",
                "no host of Amazon ECR"},
           Case{R"({"static": {"addresses": ["10.0.0.1/8"]}})", "static: addresses"},
           Case{R"({"accounts": {"1": {"model_folders": ["models"]}}})", "no absolute path"},
       }) {
    auto config = ServeConfig::parse(one.text, "test");
    ASSERT_FALSE(config.ok()) << one.text;
    EXPECT_THAT(config.error().message(), testing::HasSubstr(one.error));
  }
}

TEST(ServeConfig, an_account_has_its_own_access_and_others_the_star) {
  auto config = ServeConfig::parse(R"({"accounts": {"111122223333": {"registries": [{"host": "r:5000", "username": "u"}]},
                                                    "*": {"model_folders": ["/models"]}}})",
                                   "test");
  ASSERT_TRUE(config.ok()) << config.error().to_string();
  EXPECT_EQ(config->account("111122223333").registries.at(0).username, "u");
  EXPECT_TRUE(config->account("111122223333").model_folders.empty());
  EXPECT_EQ(config->account("444455556666").model_folders.at(0), "/models");
}

}  // namespace
}  // namespace zeropull::server
