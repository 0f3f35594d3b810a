#include "control/fleet/instance_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zeropull::fleet {
namespace {

using testing::HasSubstr;

TEST(InstanceTypes, defaults_have_the_accelerator_families_and_plain_types) {
  auto types = InstanceTypes::defaults();
  const auto& g6 = **types.require("ml.g6.2xlarge");
  EXPECT_EQ(g6.cpu_cores, 8);
  EXPECT_EQ(g6.memory_mb, 32768);
  EXPECT_EQ(g6.accelerators, 1u);
  EXPECT_EQ(g6.accelerator, "NVIDIA L4");
  EXPECT_EQ(g6.link_bits_per_s, 10'000'000'000u);
  for (auto name :
       {"ml.g4dn.xlarge", "ml.g5.48xlarge", "ml.g6e.48xlarge", "ml.g7e.2xlarge", "ml.p5.48xlarge", "ml.p6-b200.48xlarge",
        "ml.p6e-gb200.36xlarge", "ml.inf2.xlarge", "ml.trn1n.32xlarge", "ml.dl1.24xlarge", "ml.m5.large", "ml.c6i.32xlarge"}) {
    EXPECT_NE(types.find(name), nullptr) << name;
  }
}

TEST(InstanceTypes, an_unknown_type_is_refused_by_its_name) {
  auto types = InstanceTypes::defaults();
  auto refused = types.require("ml.g6.2xlarg");
  ASSERT_TRUE(refused.failed_with(Code::kInvalidArgument));
  EXPECT_THAT(refused.error().message(), HasSubstr("Unknown instance type \"ml.g6.2xlarg\""));
}

TEST(InstanceTypes, an_operators_file_adds_and_replaces) {
  auto types = InstanceTypes::defaults();
  ASSERT_TRUE(types.parse(R"({"instance_types": [{"name": "ml.g6.2xlarge", "vcpus": 2, "memory_mib": 4096, "network_mbit": 800},
                              {"name": "lab", "vcpus": 2, "memory_mib": 4096, "accelerators": 2, "network_mbit": 100}]})",
                          "lab.json"));
  EXPECT_EQ(types.find("ml.g6.2xlarge")->accelerators, 0u);
  EXPECT_EQ(types.find("ml.g6.2xlarge")->link_bits_per_s, 800'000'000u);
  EXPECT_EQ(types.find("lab")->accelerators, 2u);
}

TEST(InstanceTypes, a_bad_file_says_where_and_changes_nothing) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const auto& one : {
           Case{"[]", "lab.json: expected an object"},
           Case{R"({"instance_types": [{"name": "a", "vcpus": 1, "memory_mib": 4096, "network_mbit": 1, "gpus": 1}]})",
                "instance_types[0]: unknown member \"gpus\""},
           Case{R"({"instance_types": [{"name": "a", "vcpus": 0, "memory_mib": 4096, "network_mbit": 1}]})", "vcpus"},
           Case{R"({"instance_types": [{"name": "a", "vcpus": 1, "memory_mib": 4096}]})", "network_mbit"},
           Case{R"({"instance_types": [{"name": "", "vcpus": 1, "memory_mib": 4096, "network_mbit": 1}]})", "name"},
           Case{R"({"instance_types": [{"name": "a", "vcpus": 1, "memory_mib": 4096, "network_mbit": 1},
                                       {"name": "a", "vcpus": 1, "memory_mib": 4096, "network_mbit": 1}]})",
                "\"a\" is given twice"},
       }) {
    auto types = InstanceTypes::defaults();
    auto count = types.all().size();
    auto result = types.parse(one.text, "lab.json");
    ASSERT_TRUE(result.failed_with(Code::kInvalidArgument)) << one.text;
    EXPECT_THAT(result.error().message(), HasSubstr(one.message));
    EXPECT_EQ(types.all().size(), count);
  }
}

}  // namespace
}  // namespace zeropull::fleet
