#include "agent/config.h"

#include <gtest/gtest.h>

namespace zeropull::agent {
namespace {

TEST(AgentConfig, an_empty_object_gives_the_defaults) {
  auto config = MUST(AgentConfig::parse("{}", "test"));
  EXPECT_EQ(config.root, "/var/lib/zeropull");
  EXPECT_EQ(config.key_file, "/var/lib/zeropull/endpoint.key");
  EXPECT_TRUE(config.volumes.empty());
  EXPECT_FALSE(config.allow_file_directio);
}

TEST(AgentConfig, every_key_is_read) {
  auto config = MUST(AgentConfig::parse(R"({
    "root": "/r", "socket": "/s", "key_file": "/k", "volumes": ["/v1", "/v2.img"],
    "stores": [{"url": "https://a:1", "token_file": "/t", "ca_file": "/c", "publish": false}, {"folder": "/f"}],
    "registries": {"plain_http": ["h:5000"], "mirrors": {"docker.io": ["m1", "m2"]}, "auth_file": "/a", "progress_timeout_s": 5},
    "allow_file_directio": true, "jobs": 7, "layer_expanded_bytes_max": 2097152, "verify_volumes": false,
    "verify_volumes_after_s": 5, "log_level": "debug"
  })",
                                        "test"));
  EXPECT_EQ(config.root, "/r");
  EXPECT_EQ(config.socket, "/s");
  EXPECT_EQ(config.key_file, "/k");
  EXPECT_EQ(config.volumes, (std::vector<std::string>{"/v1", "/v2.img"}));
  ASSERT_EQ(config.stores.size(), 2u);
  EXPECT_EQ(config.stores[0].url, "https://a:1");
  EXPECT_FALSE(config.stores[0].publish);
  EXPECT_EQ(config.stores[1].folder, "/f");
  EXPECT_TRUE(config.stores[1].publish);
  EXPECT_EQ(config.registries.plain_http, std::vector<std::string>{"h:5000"});
  EXPECT_EQ(config.registries.mirrors.at("docker.io"), (std::vector<std::string>{"m1", "m2"}));
  EXPECT_EQ(config.registries.auth_file, "/a");
  EXPECT_EQ(config.registries.progress_timeout_s, 5U);
  EXPECT_TRUE(config.allow_file_directio);
  EXPECT_EQ(config.jobs, 7u);
  EXPECT_EQ(config.layer_expanded_bytes_max, 2097152u);
  EXPECT_FALSE(config.verify_volumes);
  EXPECT_EQ(config.verify_volumes_after_s, 5u);
  EXPECT_EQ(config.log_level, LogLevel::kDebug);
}

TEST(AgentConfig, refuses_what_it_does_not_know_and_says_where) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& one : {Case{R"({"volume": []})", "unknown key \"volume\""}, Case{R"({"root": "x"})", "no absolute path"},
                          Case{R"({"jobs": 0})", "jobs"}, Case{R"({"stores": [{}]})", "stores[0]: give exactly one"},
                          Case{R"({"stores": [{"url": "http://a"}]})", "https://"}, Case{R"({"log_level": "loud"})", "loud"},
                          Case{R"({"registries": {"x": 1}})", "registries: unknown key"}, Case{"[]", "one JSON object"},
                          Case{"{", "configuration test"}}) {
    auto config = AgentConfig::parse(one.text, "test");
    ASSERT_FALSE(config.ok()) << one.text;
    EXPECT_NE(config.error().message().find(one.message), std::string::npos) << config.error().message();
  }
}

}  // namespace
}  // namespace zeropull::agent
