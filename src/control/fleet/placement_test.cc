#include "control/fleet/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zeropull::fleet {
namespace {

using state::Placement;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const InstanceTypes& types() {
  static const InstanceTypes all = InstanceTypes::defaults();
  return all;
}
const InstanceType& type(std::string_view name) { return *types().find(name); }

Demand demand(Placement strategy, Resources need, std::vector<std::string> on = {"ml.g5.12xlarge"}) {
  Demand result{.strategy = strategy};
  for (auto& name : on) result.by_type[name] = need;
  return result;
}

const Resources kOneGpu{1, 4, 8192};

class PlacementTest : public testing::Test {
 protected:
  Choice choose(const Demand& wanted) { return place(wanted, hosts_, types_); }
  std::string chosen(const Demand& wanted) {
    auto choice = choose(wanted);
    return choice.fit == Fit::kFits ? hosts_[choice.host].instance_id : choice.reason;
  }
  std::vector<Host> hosts_{Host::empty("i-a", type("ml.g5.12xlarge")), Host::empty("i-b", type("ml.g5.12xlarge"))};
  std::vector<const InstanceType*> types_{&type("ml.g5.12xlarge")};
};

TEST_F(PlacementTest, spread_takes_the_host_with_the_fewest_copies_of_the_component) {
  hosts_[0].copies_of_component = 1;
  hosts_[1].copies = 3;  // of others
  EXPECT_EQ(chosen(demand(Placement::kSpread, kOneGpu)), "i-b");
}

TEST_F(PlacementTest, spread_prefers_the_artifacts_among_equals_alone) {
  hosts_[1].artifacts = 1;
  EXPECT_EQ(chosen(demand(Placement::kSpread, kOneGpu)), "i-b");
  hosts_[1].copies_of_component = 1;
  EXPECT_EQ(chosen(demand(Placement::kSpread, kOneGpu)), "i-a");
}

TEST_F(PlacementTest, binpack_fills_a_used_host_before_an_empty_one) {
  hosts_[1].reserve(kOneGpu, std::vector<std::uint32_t>{0});
  EXPECT_EQ(chosen(demand(Placement::kBinpack, kOneGpu)), "i-b");
  hosts_[0].artifacts = 2;  // an empty host stays empty all the same
  EXPECT_EQ(chosen(demand(Placement::kBinpack, kOneGpu)), "i-b");
}

TEST_F(PlacementTest, binpack_takes_the_fullest_host_that_has_room) {
  hosts_.push_back(Host::empty("i-c", type("ml.g5.12xlarge")));
  hosts_[0].reserve({4, 4, 8192}, std::vector<std::uint32_t>{0, 1, 2, 3});
  hosts_[1].reserve({3, 4, 8192}, std::vector<std::uint32_t>{0, 1, 2});
  hosts_[2].reserve({1, 4, 8192}, std::vector<std::uint32_t>{0});
  EXPECT_EQ(chosen(demand(Placement::kBinpack, kOneGpu)), "i-b");
}

TEST_F(PlacementTest, whole_devices_are_given_lowest_first_and_never_twice) {
  auto two = demand(Placement::kBinpack, {1.5, 1, 1024});  // of 1.5 devices two are taken
  auto first = choose(two);
  EXPECT_THAT(first.accelerators, ElementsAre(0, 1));
  hosts_[first.host].reserve({2, 1, 1024}, first.accelerators);
  auto second = choose(two);
  EXPECT_EQ(second.host, first.host);
  EXPECT_THAT(second.accelerators, ElementsAre(2, 3));
}

TEST_F(PlacementTest, a_full_fleet_is_not_now_with_requested_free_and_total) {
  for (auto& host : hosts_) host.reserve({4, 8, 8192}, std::vector<std::uint32_t>{0, 1, 2, 3});
  auto choice = choose(demand(Placement::kSpread, kOneGpu));
  EXPECT_EQ(choice.fit, Fit::kNotNow);
  EXPECT_THAT(choice.reason, HasSubstr("There is not enough hardware resources on the instances"));
  EXPECT_THAT(choice.reason,
              HasSubstr("does not fit now: on i-a (ml.g5.12xlarge) requested 1 accelerator, 4 CPU cores, 8192 MiB"));
  EXPECT_THAT(choice.reason, HasSubstr("free 0 accelerators, 40 CPU cores, 187904 MiB"));
  EXPECT_THAT(choice.reason, HasSubstr("total 4 accelerators, 48 CPU cores, 196096 MiB"));
}

TEST_F(PlacementTest, more_than_a_type_has_is_never_even_with_no_host) {
  for (auto hosts : {hosts_, std::vector<Host>{}}) {
    hosts_ = hosts;
    auto choice = choose(demand(Placement::kSpread, {5, 4, 8192}));
    EXPECT_EQ(choice.fit, Fit::kNever);
    EXPECT_THAT(choice.reason, HasSubstr("it can never fit on ml.g5.12xlarge: requested 5 accelerators"));
    EXPECT_THAT(choice.reason, HasSubstr("total 4 accelerators"));
  }
}

TEST_F(PlacementTest, without_a_host_what_could_fit_is_not_now) {
  hosts_.clear();
  auto choice = choose(demand(Placement::kBinpack, kOneGpu));
  EXPECT_EQ(choice.fit, Fit::kNotNow);
  EXPECT_THAT(choice.reason, HasSubstr("no instance of a type that it can run on"));
}

TEST_F(PlacementTest, the_memory_of_the_instances_own_programs_cannot_be_reserved) {
  EXPECT_EQ(choose(demand(Placement::kSpread, {0, 0, 196608})).fit, Fit::kNever);
  EXPECT_EQ(choose(demand(Placement::kSpread, {0, 0, 196608 - 512})).fit, Fit::kFits);
}

TEST_F(PlacementTest, a_component_runs_only_on_types_that_it_has_a_specification_for) {
  hosts_.push_back(Host::empty("i-g6", type("ml.g6.12xlarge")));
  hosts_[0].copies_of_component = hosts_[1].copies_of_component = 1;
  EXPECT_EQ(chosen(demand(Placement::kSpread, kOneGpu)), "i-a");
  EXPECT_EQ(chosen(demand(Placement::kSpread, kOneGpu, {"ml.g6.12xlarge"})), "i-g6");
  EXPECT_THAT(why_never(demand(Placement::kSpread, kOneGpu, {"ml.g6.xlarge"}), types_),
              HasSubstr("no specification for ml.g5.12xlarge"));
}

TEST_F(PlacementTest, each_type_has_its_own_need) {
  Demand wanted{.strategy = Placement::kSpread, .by_type = {{"ml.g5.12xlarge", {5, 1, 1024}}, {"ml.g6.12xlarge", kOneGpu}}};
  hosts_.push_back(Host::empty("i-g6", type("ml.g6.12xlarge")));
  EXPECT_EQ(chosen(wanted), "i-g6");
}

TEST(InstancesMissing, counts_what_the_pending_copies_fill) {
  std::vector<Demand> pending(9, demand(Placement::kSpread, kOneGpu));
  EXPECT_EQ(instances_missing(pending, type("ml.g5.12xlarge"), 10), 3);
  EXPECT_EQ(instances_missing(pending, type("ml.g5.12xlarge"), 2), 2);
  EXPECT_EQ(instances_missing(pending, type("ml.g5.12xlarge"), 0), 0);
  EXPECT_EQ(instances_missing({}, type("ml.g5.12xlarge"), 10), 0);
}

TEST(InstancesMissing, packs_small_copies_beside_large_ones) {
  std::vector<Demand> pending{demand(Placement::kBinpack, {3, 1, 1024}), demand(Placement::kBinpack, {2, 1, 1024}),
                              demand(Placement::kBinpack, {1, 1, 1024}), demand(Placement::kBinpack, {2, 1, 1024})};
  EXPECT_EQ(instances_missing(pending, type("ml.g5.12xlarge"), 10), 2);
}

TEST(InstancesMissing, launches_nothing_for_what_can_never_fit) {
  std::vector<Demand> pending{demand(Placement::kSpread, {8, 1, 1024})};
  EXPECT_EQ(instances_missing(pending, type("ml.g5.12xlarge"), 10), 0);
}

TEST(UsablePools, are_asked_by_priority_without_those_that_had_no_capacity) {
  state::Variant variant;
  variant.pools = {{"ml.g6.12xlarge", 2, ""}, {"ml.g5.12xlarge", 1, ""}, {"ml.unknown", 1, ""}};
  auto names = [&](const std::map<std::string, std::string>& denied, const Demand* pending) {
    std::vector<std::string> result;
    for (const auto* pool : usable_pools(variant, denied, pending, types())) result.push_back(pool->instance_type);
    return result;
  };
  EXPECT_THAT(names({}, nullptr), ElementsAre("ml.g5.12xlarge", "ml.g6.12xlarge"));
  EXPECT_THAT(names({{"ml.g5.12xlarge", "none left"}}, nullptr), ElementsAre("ml.g6.12xlarge"));
  auto only_g6 = demand(Placement::kSpread, kOneGpu, {"ml.g6.12xlarge"});
  EXPECT_THAT(names({}, &only_g6), ElementsAre("ml.g6.12xlarge"));
}

TEST(ChooseReleases, takes_the_last_pool_first_then_the_longest_idle) {
  std::vector<IdleInstance> idle{{"i-1", 1, 100}, {"i-2", 1, 50}, {"i-3", 2, 900}, {"i-busy", 2, 0}, {"i-new", 1, 950}};
  EXPECT_THAT(choose_releases(idle, {.now = 1000, .release_after = 100, .releases_max = 9}), ElementsAre("i-3", "i-2", "i-1"));
  EXPECT_THAT(choose_releases(idle, {.now = 1000, .release_after = 100, .releases_max = 2}), ElementsAre("i-3", "i-2"));
  EXPECT_THAT(choose_releases(idle, {.now = 1000, .release_after = 100, .releases_max = 0}), IsEmpty());
  EXPECT_THAT(choose_releases(idle, {.now = 1000, .release_after = 100, .releases_max = -1}), IsEmpty());
}

}  // namespace
}  // namespace zeropull::fleet
