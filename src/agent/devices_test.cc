#include "agent/devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"

namespace zeropull::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two devices and what both need, as nvidia-ctk writes it.
constexpr const char* kTwo = R"({
  "cdiVersion": "0.6.0", "kind": "nvidia.com/gpu",
  "devices": [
    {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0}]}},
    {"name": "1", "containerEdits": {"deviceNodes": [
     {"path": "/dev/nvidia1", "type": "c", "major": 195, "minor": 1, "permissions": "rw", "fileMode": 438, "gid": 44}]}},
    {"name": "all", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0}]}}
  ],
  "containerEdits": {
    "env": ["A=1"],
    "deviceNodes": [{"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255}],
    "mounts": [{"hostPath": "/lib/libcuda.so", "containerPath": "/lib/libcuda.so", "options": ["ro", "nosuid", "bind"]},
               {"hostPath": "/a", "containerPath": "/b"}],
    "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": ["nvidia-cdi-hook", "x"]}]
  }
})";

class Devices : public testing::Test {
 protected:
  void write(const std::string& folder, const std::string& name, const std::string& text) {
    MUST(os::ensure_folder(scratch_.path() + "/" + folder));
    MUST(os::replace_file(scratch_.path() + "/" + folder + "/" + name, as_bytes(text)));
  }
  Result<ContainerEdits> edits(const std::vector<std::uint32_t>& numbers) {
    auto catalog = TRY(DeviceCatalog::load({.folders = {scratch_.path() + "/etc", scratch_.path() + "/run"}}));
    return catalog.edits_for(numbers);
  }
  static std::vector<std::string> paths(const ContainerEdits& edits) {
    std::vector<std::string> paths;
    for (const auto& device : edits.devices) paths.push_back(device.path);
    return paths;
  }
  const os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-devices-"));
};

TEST_F(Devices, a_copy_is_given_its_own_and_what_all_share) {
  write("etc", "nvidia.json", kTwo);
  auto first = MUST(edits({0}));
  EXPECT_THAT(paths(first), ElementsAre("/dev/nvidiactl", "/dev/nvidia0"));
  EXPECT_THAT(first.environment, ElementsAre("A=1", "NVIDIA_VISIBLE_DEVICES=0"));
  ASSERT_EQ(first.mounts.size(), 2u);
  EXPECT_THAT(first.mounts[0].options, ElementsAre("ro", "nosuid", "bind"));
  EXPECT_THAT(first.mounts[1].options, ElementsAre("rbind")) << "a bind mount whose specification does not say so";
  ASSERT_EQ(first.hooks.size(), 1u);
  EXPECT_EQ(first.hooks[0].stage, "createContainer");

  auto second = MUST(edits({1}));
  EXPECT_THAT(paths(second), ElementsAre("/dev/nvidiactl", "/dev/nvidia1"));
  EXPECT_EQ(second.devices[1],
            (runtime::SpecDevice{
                .path = "/dev/nvidia1", .type = 'c', .major = 195, .minor = 1, .file_mode = 0666, .gid = 44, .access = "rw"}));
  auto both = MUST(edits({0, 1}));
  EXPECT_THAT(paths(both), ElementsAre("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia1")) << "what is shared comes once";
  EXPECT_THAT(both.environment, ElementsAre("A=1", "NVIDIA_VISIBLE_DEVICES=0,1"));
}

TEST_F(Devices, a_copy_without_devices_sees_none) {
  write("etc", "nvidia.json", kTwo);
  auto none = MUST(edits({}));
  EXPECT_TRUE(none.devices.empty());
  EXPECT_THAT(none.environment, ElementsAre("NVIDIA_VISIBLE_DEVICES=void"));
}

TEST_F(Devices, an_absent_device_is_an_error_and_absent_specifications_are_not) {
  EXPECT_THAT(MUST(edits({3})).environment, ElementsAre("NVIDIA_VISIBLE_DEVICES=3"));
  write("etc", "nvidia.json", kTwo);
  auto missing = edits({2});
  ASSERT_TRUE(missing.failed_with(Code::kFailedPrecondition));
  EXPECT_THAT(missing.error().message(), HasSubstr("nvidia.com/gpu=2"));
}

TEST_F(Devices, a_later_folder_overrides_and_other_kinds_do_not_count) {
  write("etc", "nvidia.json", kTwo);
  write("run", "nvidia.json", R"({"cdiVersion": "0.6.0", "kind": "nvidia.com/gpu", "devices": [
    {"name": "1", "containerEdits": {"deviceNodes": [{"path": "/dev/other", "type": "c", "major": 1, "minor": 3}]}}]})");
  write("run", "vendor.json", R"({"kind": "vendor.com/nic", "devices": "broken"})");
  EXPECT_THAT(paths(MUST(edits({1}))), ElementsAre("/dev/other"));
  EXPECT_THAT(paths(MUST(edits({0}))), ElementsAre("/dev/nvidiactl", "/dev/nvidia0"));
}

TEST_F(Devices, what_a_specification_leaves_out_is_read_from_the_node) {
  write("etc", "a.json", R"({"kind": "nvidia.com/gpu", "devices": [
    {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/inside", "hostPath": "/dev/null"}]}}]})");
  auto device = MUST(edits({0})).devices.at(0);
  EXPECT_EQ(device.path, "/dev/inside");
  EXPECT_EQ(device.major, 1);
  EXPECT_EQ(device.minor, 3);
}

TEST_F(Devices, a_specification_that_cannot_be_followed_is_refused_where_it_is_needed) {
  struct Case {
    const char* edits;
    const char* told;
  };
  for (const Case& one :
       {Case{R"({"intelRdt": {"closID": "x"}})", "intelRdt"}, Case{R"({"hooks": [{"hookName": "x", "path": "/a"}]})", "stage"},
        Case{R"({"hooks": [{"hookName": "poststop", "path": "a"}]})", "absolute"},
        Case{R"({"deviceNodes": [{"path": "/dev/absent-device"}]})", "absent-device"},
        Case{R"({"deviceNodes": [{"path": "/dev/null", "type": "b"}]})", "type"},
        Case{R"({"deviceNodes": [{"path": "/dev/null", "permissions": "rx"}]})", "permissions"},
        Case{R"({"mounts": [{"hostPath": "/a"}]})", "containerPath"}, Case{R"({"env": [1]})", "env"}}) {
    write("etc", "a.json",
          std::string(R"({"kind": "nvidia.com/gpu", "devices": [{"name": "0", "containerEdits": )") + one.edits + "}]}");
    auto refused = edits({0});
    ASSERT_TRUE(refused.failed_with(Code::kFailedPrecondition)) << one.edits;
    EXPECT_THAT(refused.error().message(), HasSubstr(one.told)) << one.edits;
    EXPECT_TRUE(edits({}).ok()) << "a copy without devices starts";
  }
}

TEST_F(Devices, yaml_is_told_of) {
  write("etc", "nvidia.yaml", "kind: nvidia.com/gpu\n");
  auto refused = edits({0});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("JSON"));
}

}  // namespace
}  // namespace zeropull::agent
