#include "control/scraper/samples.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "control/scraper/limits.h"

namespace zeropull::scraper {
namespace {

class IncreasesTest : public testing::Test {
 protected:
  // The points of this answer, by the metric's name.
  std::map<std::string, ScrapedPoint> take(const std::string& text) {
    auto answer = MUST(read_answer(text));
    std::map<std::string, ScrapedPoint> points;
    for (auto& point : increases.take(answer.families, left_out)) points.insert_or_assign(point.metric, std::move(point));
    return points;
  }
  static double sum(const ScrapedPoint& point) {
    double sum = 0;
    for (const auto& one : point.observations) sum += one.value * one.count;
    return sum;
  }
  static double count(const ScrapedPoint& point) {
    double count = 0;
    for (const auto& one : point.observations) count += one.count;
    return count;
  }
  Increases increases;
  std::size_t left_out = 0;
};

TEST_F(IncreasesTest, a_gauge_is_what_it_is) {
  auto points =
      take("# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name=\"m\"} 3\nplain 2\nlost NaN\n");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(sum(points["vllm:num_requests_running"]), 3);
  EXPECT_EQ(points["vllm:num_requests_running"].labels, (Labels{{"model_name", "m"}}));
  EXPECT_EQ(sum(points["plain"]), 2);
}

TEST_F(IncreasesTest, a_counter_is_what_it_grew_by_also_over_a_restart) {
  auto counter = [](int value) { return fmt::format("# TYPE t_total counter\nt_total {}\n", value); };
  EXPECT_TRUE(take(counter(100)).empty()) << "who knows since when";
  EXPECT_EQ(sum(take(counter(140))["t_total"]), 40);
  EXPECT_EQ(sum(take(counter(140))["t_total"]), 0);
  EXPECT_EQ(sum(take(counter(5))["t_total"]), 5) << "it began anew";
  take("# TYPE open counter\nopen_total 1\nopen_created 2\n");
  EXPECT_EQ(sum(take("# TYPE open counter\nopen_total 3\nopen_created 2\n")["open_total"]), 2) << "as OpenMetrics names it";
}

TEST_F(IncreasesTest, a_histogram_is_the_observations_that_came) {
  auto histogram = [](int fast, int slow, double sum) {
    return fmt::format(
        "# TYPE ttft_seconds histogram\nttft_seconds_bucket{{le=\"0.1\"}} {0}\nttft_seconds_bucket{{le=\"1\"}} {1}\n"
        "ttft_seconds_bucket{{le=\"+Inf\"}} {1}\nttft_seconds_sum {2}\nttft_seconds_count {1}\n",
        fast, fast + slow, sum);
  };
  EXPECT_TRUE(take(histogram(10, 0, 0.5)).empty());
  auto point = take(histogram(19, 1, 1.5))["ttft_seconds"];
  EXPECT_EQ(count(point), 10);
  EXPECT_NEAR(sum(point), 1.0, 1e-9) << "the sum is exact";
  ASSERT_EQ(point.observations.size(), 2u);
  EXPECT_EQ(point.observations[0].count, 9);
  EXPECT_GT(point.observations[1].value, 0.1) << "and percentiles fall into their bucket";
  EXPECT_TRUE(take(histogram(19, 1, 1.5)).empty()) << "nothing came";
  point = take(histogram(2, 0, 0.1))["ttft_seconds"];
  EXPECT_EQ(count(point), 2) << "it began anew";
  point = take("# TYPE ttft_seconds histogram\nttft_seconds_bucket{le=\"5\"} 3\nttft_seconds_sum 9\nttft_seconds_count 3\n")
      ["ttft_seconds"];
  EXPECT_EQ(count(point), 3) << "with other bounds too";
}

TEST_F(IncreasesTest, a_summary_is_its_mean) {
  take("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 10\ns_count 4\n");
  auto points = take("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 16\ns_count 6\n");
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points["s"].observations[0].value, 3);
  EXPECT_EQ(points["s"].observations[0].count, 2);
}

TEST_F(IncreasesTest, a_copy_makes_so_many_series_and_no_more) {
  std::string text = "# TYPE g gauge\n";
  for (std::size_t i = 0; i < kSeriesOfCopyMax + 7; ++i) text += fmt::format("g{{i=\"{}\"}} 1\n", i);
  take(text);
  EXPECT_EQ(increases.size(), kSeriesOfCopyMax);
  EXPECT_EQ(left_out, 7u);
  EXPECT_TRUE(take("other 1\n").empty()) << "whatever its labels do later";
}

TEST(ReadAnswer, keeps_what_can_be_shown_again) {
  const auto answer = MUST(read_answer("# HELP a caf\xc3\xa9\na 1\nb{l=\"\xff\"} 2\nb{l=\"x\\ny\"} 3\nb{l=\"" +
                                       std::string(2000, 'x') + "\"} 4\nzeropull_copies 5\nno sample\n"));
  ASSERT_EQ(answer.families.size(), 1u);
  EXPECT_EQ(answer.families[0].name, "a");
  EXPECT_EQ(answer.families[0].help, "");
  EXPECT_EQ(answer.left_out, 5u);
}

TEST(ReadAnswer, what_is_none_is_an_error_and_an_empty_one_is_not) {
  EXPECT_TRUE(read_answer("<!doctype html>\n<html>\n").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(MUST(read_answer("")).families.empty());
  std::string many;
  for (std::size_t i = 0; i < kSamplesMax + 3; ++i) many += fmt::format("a{{i=\"{}\"}} 1\n", i);
  const auto answer = MUST(read_answer(many));
  EXPECT_EQ(answer.families[0].samples.size(), kSamplesMax);
  EXPECT_EQ(answer.left_out, 3u);
}

TEST(UnitOf, says_what_a_name_ends_with) {
  EXPECT_EQ(unit_of("e2e_request_latency_seconds"), "Seconds");
  EXPECT_EQ(unit_of("process_cpu_seconds_total"), "Seconds");
  EXPECT_EQ(unit_of("process_resident_memory_bytes"), "Bytes");
  EXPECT_EQ(unit_of("vllm:prompt_tokens_total"), "None");
}

}  // namespace
}  // namespace zeropull::scraper
