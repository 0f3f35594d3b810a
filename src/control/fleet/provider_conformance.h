// What every Provider must do, as a suite that each implementation's test instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Local, ProviderConformance, testing::Values(ProviderCase{"local", make_local}));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/fleet/provider.h"

namespace zeropull::fleet {

// A provider with room for two instances of `type` at least; asked for again it is the same one after a restart of the server.
struct ProviderUnderTest {
  virtual ~ProviderUnderTest() = default;
  virtual Provider& provider() = 0;
  virtual void restart() = 0;
  InstanceType type{.name = "ml.test", .cpu_cores = 1, .memory_mb = 1024, .link_bits_per_s = 1'000'000'000};
};
struct ProviderCase {
  std::string name;
  std::function<std::unique_ptr<ProviderUnderTest>()> make;
  friend void PrintTo(const ProviderCase& one, std::ostream* out) { *out << one.name; }
};

class ProviderConformance : public testing::TestWithParam<ProviderCase> {
 protected:
  Context ctx() const { return Context::root("test", {}, std::chrono::minutes(1)); }
  LaunchRequest request(const std::string& id) const {
    return {.instance_id = id,
            .type = under_test_->type,
            .volumes = {},
            .join_token = Secret("zpj-test"),
            .control_address = "10.201.0.1:7443",
            .authority_pem = "pem"};
  }
  std::vector<std::string> listed() {
    std::vector<std::string> ids;
    for (const auto& one : MUST(provider().list(ctx()))) ids.push_back(one.instance_id);
    return ids;
  }
  Provider& provider() { return under_test_->provider(); }
  std::unique_ptr<ProviderUnderTest> under_test_ = GetParam().make();
};

TEST_P(ProviderConformance, launches_lists_and_releases) {
  EXPECT_THAT(listed(), testing::IsEmpty());
  auto launched = MUST(provider().launch(ctx(), request("i-0000000000000001")));
  EXPECT_NE(launched.handle, "");
  EXPECT_NE(launched.address, "");
  EXPECT_THAT(listed(), testing::ElementsAre("i-0000000000000001"));
  MUST(provider().release(ctx(), "i-0000000000000001"));
  EXPECT_THAT(listed(), testing::IsEmpty());
}

TEST_P(ProviderConformance, a_second_launch_answers_what_is_there) {
  auto first = MUST(provider().launch(ctx(), request("i-0000000000000001")));
  auto second = MUST(provider().launch(ctx(), request("i-0000000000000001")));
  EXPECT_EQ(first.handle, second.handle);
  EXPECT_EQ(first.address, second.address);
  EXPECT_THAT(listed(), testing::SizeIs(1));
  MUST(provider().release(ctx(), "i-0000000000000001"));
}

TEST_P(ProviderConformance, two_instances_have_two_addresses) {
  auto first = MUST(provider().launch(ctx(), request("i-0000000000000001")));
  auto second = MUST(provider().launch(ctx(), request("i-0000000000000002")));
  EXPECT_NE(first.address, second.address);
  EXPECT_THAT(listed(), testing::UnorderedElementsAre("i-0000000000000001", "i-0000000000000002"));
  MUST(provider().release(ctx(), "i-0000000000000001"));
  EXPECT_THAT(listed(), testing::ElementsAre("i-0000000000000002"));
  MUST(provider().release(ctx(), "i-0000000000000002"));
}

TEST_P(ProviderConformance, releasing_what_is_not_there_is_done) {
  MUST(provider().release(ctx(), "i-0000000000000009"));
  MUST(provider().launch(ctx(), request("i-0000000000000001")));
  MUST(provider().release(ctx(), "i-0000000000000001"));
  MUST(provider().release(ctx(), "i-0000000000000001"));
}

TEST_P(ProviderConformance, instances_are_found_again_after_a_restart) {
  auto before = MUST(provider().launch(ctx(), request("i-0000000000000001")));
  under_test_->restart();
  EXPECT_THAT(listed(), testing::ElementsAre("i-0000000000000001"));
  auto after = MUST(provider().launch(ctx(), request("i-0000000000000001")));
  EXPECT_EQ(before.address, after.address);
  auto other = MUST(provider().launch(ctx(), request("i-0000000000000002")));
  EXPECT_NE(before.address, other.address);
  MUST(provider().release(ctx(), "i-0000000000000001"));
  MUST(provider().release(ctx(), "i-0000000000000002"));
  EXPECT_THAT(listed(), testing::IsEmpty());
}

}  // namespace zeropull::fleet
