#include "runtime/image_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "runtime/limits.h"

namespace zeropull::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Result<ImageConfig> parse(std::string_view text) { return parse_image_config(as_bytes(text)); }

TEST(ImageConfig, reads_what_a_builder_writes) {
  auto config = MUST(parse(R"({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
      "config": {"User": "a:b", "Env": ["A=1", "B=2"], "Entrypoint": ["/e"], "Cmd": ["c", "d"], "WorkingDir": "/w",
                 "StopSignal": "SIGINT", "Labels": {"k": "v"}, "Volumes": {"/v": {}}, "Healthcheck": {"Test": ["x"]}}})"));
  EXPECT_EQ(config.user, "a:b");
  EXPECT_THAT(config.environment, ElementsAre("A=1", "B=2"));
  EXPECT_THAT(config.entrypoint, ElementsAre("/e"));
  EXPECT_THAT(config.command, ElementsAre("c", "d"));
  EXPECT_EQ(config.working_folder, "/w");
  EXPECT_EQ(config.stop_signal, "SIGINT");
  EXPECT_THAT(config.labels, ElementsAre(Pair("k", "v")));
}

TEST(ImageConfig, takes_names_in_any_case_and_null_for_absent_as_go_does) {
  auto config = MUST(parse(R"({"Config": {"CMD": ["c"], "cmd": ["c"], "user": null, "ENTRYPOINT": null, "labels": null}})"));
  EXPECT_THAT(config.command, ElementsAre("c"));
  EXPECT_EQ(config.user, "");
  EXPECT_TRUE(config.entrypoint.empty());
  EXPECT_TRUE(MUST(parse(R"({"config": null})")).command.empty());
  EXPECT_TRUE(MUST(parse("{}")).command.empty());
}

TEST(ImageConfig, refuses_what_is_no_configuration_and_says_where) {
  for (const char* text : {"", "[]", "<html>", "{\"config\": 1}", R"({"config": {"Cmd": "sh -c x"}})",
                           R"({"config": {"User": 0}})", R"({"config": {"Env": [1]}})"}) {
    auto config = parse(text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_THAT(config.error().message(), HasSubstr("read the image's configuration")) << text;
  }
  EXPECT_THAT(parse(R"({"config": {"Cmd": "sh"}})").error().message(), HasSubstr("Cmd"));
  EXPECT_FALSE(parse("{\"x\": \"" + std::string(kImageConfigSizeMax, 'x') + "\"}").ok());
}

TEST(Signal, is_read_by_number_name_and_short_name) {
  EXPECT_EQ(MUST(parse_signal("9")), SIGKILL);
  EXPECT_EQ(MUST(parse_signal("SIGQUIT")), SIGQUIT);
  EXPECT_EQ(MUST(parse_signal("usr1")), SIGUSR1);
  EXPECT_EQ(MUST(parse_signal("SIGRTMIN+3")), 37);
  EXPECT_EQ(MUST(parse_signal("RTMAX")), 64);
  for (const char* text : {"", "0", "65", "-1", "SIG", "SIGNOTHING", "RTMIN+31", "RTMAX-", "9x"}) {
    EXPECT_FALSE(parse_signal(text).ok()) << text;
  }
}

}  // namespace
}  // namespace zeropull::runtime
