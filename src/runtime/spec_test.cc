#include "runtime/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "os/file.h"
#include "os/process.h"
#include "runtime/limits.h"

namespace zeropull::runtime {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// The golden files are what `ctr run` of containerd 1.6.20 wrote for these images and options.
json golden(const std::string& name) {
  return json::parse(MUST(os::read_text(ZP_SOURCE_DIR "/src/runtime/testdata/" + name, kMiB)));
}

SpecOptions named(const std::string& id) { return {.container_id = id, .containerd_namespace = "golden"}; }

json build(const ImageConfig& config, const SpecOptions& options, const ProcessUser& user = {0, 0, {0}}) {
  return json::parse(MUST(build_spec(config, user, options)));
}

const ImageConfig kShell{.command = {"/bin/sh"}};

TEST(Spec, equals_the_one_of_ctr_for_a_plain_image) {
  EXPECT_EQ(build({.command = {"/bin/payload"}}, named("plain")), golden("spec_plain.json"));
}

TEST(Spec, equals_the_one_of_ctr_with_every_option) {
  ImageConfig config{.user = "alice:wheel",
                     .environment = {"PATH=/bin", "A=1", "EMPTY=", "NOEQUALS", "", "A=2"},
                     .entrypoint = {"/bin/payload", "say"},
                     .command = {"a <b> & c", "é"},
                     .working_folder = "/w",
                     .stop_signal = "SIGQUIT",
                     .labels = {{"one", "1"}, {"two", "zwei"}}};
  auto options = named("full");
  options.environment = {"A=3", "EMPTY", "NEW=1"};
  options.labels = {{"one", "over"}, {"flag", "true"}};
  options.mounts = {{"/models", "bind", "/usr", {"rbind", "ro"}}};
  options.root_access = RootAccess::kReadOnly;
  options.seccomp = Seccomp::kDefault;
  EXPECT_EQ(build(config, options, {1000, 10, {10, 2000}}), golden("spec_full.json"));
}

TEST(Spec, arguments_take_the_place_of_entrypoint_and_command) {
  auto options = named("x");
  options.args = {"/bin/true"};
  EXPECT_EQ(build({.entrypoint = {"/e"}, .command = {"c"}}, options)["process"]["args"], json({"/bin/true"}));
  EXPECT_EQ(build({.entrypoint = {"/e"}, .command = {"c"}}, named("x"))["process"]["args"], json({"/e", "c"}));
}

TEST(Spec, an_image_without_a_command_is_refused_with_what_to_do) {
  auto spec = build_spec({}, {}, named("x"));
  ASSERT_TRUE(spec.failed_with(Code::kInvalidArgument));
  EXPECT_THAT(spec.error().message(), HasSubstr("give one"));
}

TEST(Spec, environment_keeps_the_images_order_and_appends_what_is_new) {
  auto options = named("x");
  options.environment = {"NEW=1", "B=over", "GONE", "C"};
  auto config = kShell;
  config.environment = {"A=1", "B=2", "C=3"};
  EXPECT_EQ(build(config, options)["process"]["env"], json({"A=1", "B=over", "C=3", "NEW=1"}))
      << "a name without a value removes what the command line itself set, not what the image sets";
  config.environment = {};
  options.environment = {};
  EXPECT_THAT(build(config, options)["process"]["env"][0].get<std::string>(), HasSubstr("PATH=/usr/local/sbin:"));
}

TEST(Spec, the_hosts_network_brings_its_name_and_files) {
  auto options = named("x");
  options.network = Network::kHost;
  auto spec = build(kShell, options);
  EXPECT_EQ(spec["linux"]["namespaces"].size(), 4u);
  EXPECT_EQ(spec["mounts"][7]["destination"], "/etc/hosts");
  EXPECT_EQ(spec["mounts"][8]["destination"], "/etc/resolv.conf");
  EXPECT_EQ(spec["process"]["env"].back(), "HOSTNAME=" + MUST(os::host_name()));
}

TEST(Spec, bytes_that_are_not_utf8_do_not_end_the_program) {
  auto options = named("x");
  options.args = {"/bin/say", "\xff"};
  EXPECT_EQ(build(kShell, options)["process"]["args"][1], "\xef\xbf\xbd");
}

TEST(ContainerLabels, join_the_images_and_the_command_lines_and_name_the_stop_signal) {
  auto config = kShell;
  config.labels = {{"one", "1"}, {"two", "2"}, {"long", std::string(kLabelSizeMax, 'x')}};
  EXPECT_THAT(container_labels(config, {{"one", "over"}}),
              ElementsAre(Pair("io.containerd.image.config.stop-signal", "SIGTERM"), Pair("one", "over"), Pair("two", "2")));
  config.stop_signal = "SIGINT";
  EXPECT_EQ(container_labels(config, {})["io.containerd.image.config.stop-signal"], "SIGINT");
}

TEST(Spec, a_joined_network_is_named_by_its_path) {
  auto options = named("x");
  options.network = Network::kJoined;
  options.network_namespace = "/run/netns/x";
  auto namespaces = build(kShell, options)["linux"]["namespaces"];
  EXPECT_EQ(namespaces.back(), (json{{"type", "network"}, {"path", "/run/netns/x"}}));
}

TEST(Spec, limits_stand_where_the_runtime_reads_them) {
  auto options = named("x");
  options.host_name = "copy-1";
  options.limits = {
      .memory_bytes = 1 << 30, .cpu_shares = 2048, .open_files = 65536, .shared_memory_size = "50%", .cgroup_parent = "/own"};
  auto spec = build(kShell, options);
  EXPECT_EQ(spec["hostname"], "copy-1");
  EXPECT_EQ(spec["linux"]["resources"]["memory"], (json{{"limit", 1 << 30}}));
  EXPECT_EQ(spec["linux"]["resources"]["cpu"]["shares"], 2048);
  EXPECT_EQ(spec["linux"]["cgroupsPath"], "/own/x");
  EXPECT_EQ(spec["process"]["rlimits"][0]["hard"], 65536);
  EXPECT_EQ(spec["mounts"][3]["options"].back(), "size=50%");
  EXPECT_EQ(spec["process"]["noNewPrivileges"], true);
}

TEST(Spec, a_device_is_a_node_and_the_right_to_use_it) {
  auto options = named("x");
  auto before = build(kShell, options)["linux"]["resources"]["devices"].size();
  options.devices = {{.path = "/dev/one", .major = 195, .minor = 3, .file_mode = 0666, .access = "rw"},
                     {.path = "/dev/pipe", .type = 'p'}};
  auto spec = build(kShell, options);
  EXPECT_EQ(spec["linux"]["devices"][0],
            (json{{"path", "/dev/one"}, {"type", "c"}, {"major", 195}, {"minor", 3}, {"fileMode", 0666}}));
  EXPECT_EQ(spec["linux"]["devices"][1], (json{{"path", "/dev/pipe"}, {"type", "p"}}));
  auto rules = spec["linux"]["resources"]["devices"];
  ASSERT_EQ(rules.size(), before + 1);
  EXPECT_EQ(rules.back(), (json{{"allow", true}, {"type", "c"}, {"major", 195}, {"minor", 3}, {"access", "rw"}}));
}

TEST(Spec, hooks_stand_below_their_stage) {
  auto options = named("x");
  options.hooks = {{.stage = "createContainer", .path = "/bin/a", .args = {"a", "b"}, .environment = {"A=1"}, .timeout_s = 5},
                   {.stage = "createContainer", .path = "/bin/c"}};
  EXPECT_EQ(build(kShell, options)["hooks"],
            (json{{"createContainer",
                   {{{"path", "/bin/a"}, {"args", {"a", "b"}}, {"env", {"A=1"}}, {"timeout", 5}}, {{"path", "/bin/c"}}}}}));
}

}  // namespace
}  // namespace zeropull::runtime
