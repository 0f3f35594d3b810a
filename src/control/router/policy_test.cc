#include "control/router/policy.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "control/router/pinned_sessions.h"

namespace zeropull::router {
namespace {

constexpr int kDraws = 20'000;

template <typename Choose>
std::array<int, 3> draw(Choose choose) {
  std::mt19937_64 random(7);
  std::array<int, 3> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts[choose(random())];
  return counts;
}

TEST(Policy, random_gives_each_copy_its_share) {
  const std::array<Candidate, 3> copies = {{{50, 1}, {0, 1}, {0, 0.5}}};
  const auto counts = draw([&](std::uint64_t random) { return policy_of(Strategy::kRandom).choose(copies, random); });
  EXPECT_NEAR(counts[0], kDraws * 0.4, kDraws * 0.02);
  EXPECT_NEAR(counts[1], kDraws * 0.4, kDraws * 0.02);
  EXPECT_NEAR(counts[2], kDraws * 0.2, kDraws * 0.02);
}

TEST(Policy, least_outstanding_breaks_ties_evenly) {
  const std::array<Candidate, 3> copies = {{{4, 1}, {2, 1}, {2, 1}}};
  const auto counts = draw([&](std::uint64_t random) { return policy_of(Strategy::kLeastOutstanding).choose(copies, random); });
  EXPECT_EQ(counts[0], 0);
  EXPECT_NEAR(counts[1], kDraws * 0.5, kDraws * 0.2);
}

TEST(Policy, a_new_copy_counts_as_fuller_than_it_is) {
  const std::array<Candidate, 2> copies = {{{3, 1}, {1, 0.25}}};
  EXPECT_EQ(policy_of(Strategy::kLeastOutstanding).choose(copies, 1), 0u);
  const std::array<Candidate, 2> busier = {{{8, 1}, {1, 0.25}}};
  EXPECT_EQ(policy_of(Strategy::kLeastOutstanding).choose(busier, 0), 1u);
}

TEST(Policy, a_new_copy_gets_one_request_at_a_time_at_once) {
  const std::array<Candidate, 2> idle = {{{1, 1}, {0, 0.1}}};
  EXPECT_EQ(policy_of(Strategy::kLeastOutstanding).choose(idle, 0), 1u);
  const std::array<Candidate, 2> busy = {{{9, 1}, {1, 0.1}}};
  EXPECT_EQ(policy_of(Strategy::kLeastOutstanding).choose(busy, 1), 0u);
}

TEST(Policy, the_share_of_a_copy_grows_from_a_tenth_to_all) {
  using std::chrono::seconds;
  EXPECT_DOUBLE_EQ(share_of(seconds(0), seconds(10)), 0.1);
  EXPECT_DOUBLE_EQ(share_of(seconds(-5), seconds(10)), 0.1);
  EXPECT_DOUBLE_EQ(share_of(seconds(5), seconds(10)), 0.5);
  EXPECT_DOUBLE_EQ(share_of(seconds(10), seconds(10)), 1);
  EXPECT_DOUBLE_EQ(share_of(seconds(0), seconds(0)), 1);
}

TEST(Policy, a_weight_of_nothing_is_never_chosen) {
  const std::array<double, 3> weights = {0, 1, 0};
  for (std::uint64_t random : {std::uint64_t{0}, UINT64_MAX / 2, UINT64_MAX}) EXPECT_EQ(choose_weighted(weights, random), 1u);
}

TEST(SessionGrant, is_what_the_api_writes) {
  auto grant = SessionGrant::parse("s-1; Expires=2026-06-21T00:00:00Z");
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->id, "s-1");
  EXPECT_EQ(grant->text(), "s-1; Expires=2026-06-21T00:00:00Z");
  for (const auto* bad : {"", "s", "s;", "; Expires=2026-06-21T00:00:00Z", "s; Expires=soon", "s; Expires=2026-06-21T00:00:00Zz"})
    EXPECT_FALSE(SessionGrant::parse(bad)) << bad;
}

TEST(PinnedSessions, belong_to_their_component_and_end) {
  PinnedSessions sessions;
  const WallTime now = std::chrono::system_clock::from_time_t(1'782'000'000);
  sessions.pin("u1", {"s", now + std::chrono::seconds(10)}, "c1", now);
  EXPECT_EQ(sessions.find("u1", "s", now), "c1");
  EXPECT_EQ(sessions.find("u2", "s", now), std::nullopt);
  EXPECT_EQ(sessions.find("u1", "s", now + std::chrono::seconds(10)), std::nullopt);
}

}  // namespace
}  // namespace zeropull::router
