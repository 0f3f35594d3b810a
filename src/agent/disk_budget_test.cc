#include "agent/disk_budget.h"

#include <gtest/gtest.h>

#include "artifact/cache_writer.h"
#include "artifact/sample_image.h"
#include "base/units.h"

namespace zeropull::agent {
namespace {

using artifact::ArtifactName;
using artifact::make_sample;

// A clock that goes on by a second each time it is asked.
class StepClock final : public Clock {
 public:
  WallTime wall_now() const override { return WallTime(std::chrono::seconds(++seconds_)); }
  SteadyTime steady_now() const override { return {}; }

 private:
  mutable int seconds_ = 1000;
};

class DiskBudgetTest : public testing::Test {
 protected:
  // Samples with a base of their own: they share no blob.
  ArtifactName add(std::uint64_t seed) {
    auto sample = make_sample(seed, seed);
    publish_sample(*folder_, sample);
    MUST(folder_->touch(sample.contents.name(), clock_.wall_now()));
    return sample.contents.name();
  }
  bool has(const ArtifactName& name) { return folder_->find(name) != nullptr; }
  DiskBudget with_samples(double samples) { return DiskBudget(*folder_, static_cast<std::uint64_t>(samples * one_), clock_); }

  os::ScratchFolder scratch_ = MUST(os::ScratchFolder::create("/tmp", "zp-budget-"));
  std::unique_ptr<artifact::CacheFolder> folder_ = artifact::open_cache(scratch_.path() + "/cache");
  StepClock clock_;
  ArtifactName first_ = add(1);
  double one_ = static_cast<double>(folder_->named_bytes());
  std::uint64_t sample_bytes_ = folder_->named_bytes();
};

TEST_F(DiskBudgetTest, the_least_recently_used_goes_first) {
  auto second = add(2);
  auto third = add(3);
  auto budget = with_samples(4);
  (void)budget.hold(first_);  // used, and let go
  auto room = MUST(budget.reserve(sample_bytes_, 0));
  EXPECT_TRUE(has(first_));
  EXPECT_FALSE(has(second));
  EXPECT_TRUE(has(third));
}

TEST_F(DiskBudgetTest, nothing_goes_below_the_high_watermark) {
  auto second = add(2);
  auto budget = with_samples(3.3);
  auto room = MUST(budget.reserve(sample_bytes_, 0));
  EXPECT_TRUE(has(first_));
  EXPECT_TRUE(has(second));
}

TEST_F(DiskBudgetTest, above_the_high_watermark_it_is_emptied_to_the_low_one) {
  auto second = add(2);
  auto third = add(3);
  auto fourth = add(4);
  auto budget = with_samples(5);
  auto room = MUST(budget.reserve(sample_bytes_, 0));  // 5 of 5; at most 4.25 are left
  EXPECT_FALSE(has(first_));
  EXPECT_TRUE(has(second));
  EXPECT_TRUE(has(third));
  EXPECT_TRUE(has(fourth));
}

TEST_F(DiskBudgetTest, what_is_held_kept_or_in_use_never_goes) {
  auto second = add(2);
  auto third = add(3);
  auto budget = with_samples(3);
  auto hold = budget.hold(first_);
  budget.set_keep(artifact::ArtifactKind::kImage, {second});
  budget.add_in_use([&]() -> Result<std::set<ArtifactName>> { return std::set<ArtifactName>{third}; });
  auto room = budget.reserve(sample_bytes_, 0);
  ASSERT_TRUE(room.failed_with(Code::kResourceExhausted));
  EXPECT_TRUE(has(first_) && has(second) && has(third));
  EXPECT_NE(room.error().message().find(format_bytes(sample_bytes_) + " needed"), std::string::npos) << room.error().message();
  EXPECT_NE(room.error().message().find("0 B could be freed"), std::string::npos) << room.error().message();
  hold.reset();
  (void)MUST(budget.reserve(sample_bytes_, 0));
  EXPECT_FALSE(has(first_));
  EXPECT_TRUE(has(second) && has(third));
}

TEST_F(DiskBudgetTest, when_it_cannot_fit_nothing_is_evicted) {
  auto second = add(2);
  auto budget = with_samples(2);
  auto hold = budget.hold(second);
  EXPECT_TRUE(budget.reserve(2 * sample_bytes_, 0).failed_with(Code::kResourceExhausted));
  EXPECT_TRUE(has(first_));
}

TEST_F(DiskBudgetTest, a_reservation_counts_until_it_goes) {
  auto budget = with_samples(3);
  {
    auto room = MUST(budget.reserve(2 * sample_bytes_, 0));  // the first one goes
    EXPECT_TRUE(budget.reserve(2 * sample_bytes_, 0).failed_with(Code::kResourceExhausted));
  }
  (void)MUST(budget.reserve(2 * sample_bytes_, 0));
}

TEST_F(DiskBudgetTest, blobs_that_are_shared_count_once_and_free_nothing) {
  auto sharing = make_sample(9, 1);  // the lower layer of the first one
  publish_sample(*folder_, sharing);
  EXPECT_LT(folder_->named_bytes(), 2 * sample_bytes_);
  auto budget = with_samples(2);
  auto hold = budget.hold(sharing.contents.name());
  EXPECT_TRUE(budget.reserve(sample_bytes_ * 3 / 2, 0).failed_with(Code::kResourceExhausted));
  EXPECT_TRUE(has(first_));
}

TEST_F(DiskBudgetTest, what_is_too_large_once_it_is_here_is_told) {
  auto second = add(2);
  auto budget = with_samples(1.5);
  MUST(budget.settle(second));
  EXPECT_FALSE(has(first_));
  EXPECT_TRUE(has(second));
  budget.set_budget(sample_bytes_ / 2);
  EXPECT_TRUE(budget.settle(second).failed_with(Code::kResourceExhausted));
  EXPECT_TRUE(has(second));
}

TEST_F(DiskBudgetTest, an_unknown_use_keeps_everything) {
  auto budget = with_samples(1);
  budget.add_in_use([]() -> Result<std::set<ArtifactName>> { return make_error(Code::kUnavailable, "no answer"); });
  EXPECT_TRUE(budget.reserve(1, 0).failed_with(Code::kUnavailable));
  EXPECT_TRUE(has(first_));
}

TEST_F(DiskBudgetTest, without_a_budget_nothing_is_evicted) {
  auto budget = with_samples(0);
  (void)MUST(budget.reserve(1000 * sample_bytes_, 0));
  EXPECT_TRUE(has(first_));
}

}  // namespace
}  // namespace zeropull::agent
