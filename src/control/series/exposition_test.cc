#include "control/series/exposition.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "control/series/limits.h"

namespace zeropull::series {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Exposition, is_written_in_a_stable_order_with_everything_escaped) {
  const std::vector<Family> families{{.name = "zeropull_requests_total",
                                      .help = "Requests.\nBack\\slash",
                                      .type = FamilyType::kCounter,
                                      .samples = {{.labels = {{"endpoint", "b"}}, .value = 2},
                                                  {.labels = {{"endpoint", "a\"\\\n"}, {"code", "200"}}, .value = 1e21}}},
                                     {.name = "zeropull_copies", .type = FamilyType::kGauge, .samples = {{.value = -kInfinity}}},
                                     {.name = "zeropull_start_seconds",
                                      .help = "Starts.",
                                      .type = FamilyType::kHistogram,
                                      .samples = {{.suffix = "_bucket", .labels = {{"le", "2.5"}}, .value = 1},
                                                  {.suffix = "_bucket", .labels = {{"le", "+Inf"}}, .value = 2},
                                                  {.suffix = "_sum", .value = 7.25},
                                                  {.suffix = "_count", .value = 2}}}};
  EXPECT_EQ(to_exposition(families),
            "# TYPE zeropull_copies gauge\n"
            "zeropull_copies -Inf\n"
            "# HELP zeropull_requests_total Requests.\\nBack\\\\slash\n"
            "# TYPE zeropull_requests_total counter\n"
            "zeropull_requests_total{code=\"200\",endpoint=\"a\\\"\\\\\\n\"} 1e+21\n"
            "zeropull_requests_total{endpoint=\"b\"} 2\n"
            "# HELP zeropull_start_seconds Starts.\n"
            "# TYPE zeropull_start_seconds histogram\n"
            "zeropull_start_seconds_bucket{le=\"2.5\"} 1\n"
            "zeropull_start_seconds_bucket{le=\"+Inf\"} 2\n"
            "zeropull_start_seconds_sum 7.25\n"
            "zeropull_start_seconds_count 2\n");
}

TEST(Exposition, what_was_written_is_read) {
  std::vector<Family> families{
      {.name = "a_seconds",
       .help = "A \\ b",
       .type = FamilyType::kSummary,
       .samples = {{.labels = {{"quantile", "0.5"}}, .value = 0.1},
                   {.suffix = "_sum", .value = 3},
                   {.suffix = "_count", .value = 1}}},
      {.name = "b", .help = "", .type = FamilyType::kGauge, .samples = {{.labels = {{"x", "1 2\n\"}"}}, .value = kInfinity}}}};
  const auto parsed = MUST(parse_exposition(to_exposition(families)));
  EXPECT_EQ(parsed.families, families);
  EXPECT_EQ(parsed.skipped, 0u);
}

TEST(Exposition, names_that_are_none_are_made_valid) {
  EXPECT_EQ(
      to_exposition({{.name = "9 lives", .type = FamilyType::kGauge, .samples = {{.labels = {{"a.b:c", "v"}}, .value = 1}}}}),
      "# TYPE _9_lives gauge\n_9_lives{a_b_c=\"v\"} 1\n");
}

TEST(Exposition, reads_what_vllm_says) {
  const auto parsed =
      MUST(parse_exposition("# HELP vllm:num_requests_running Number of requests.\r\n"
                            "# TYPE vllm:num_requests_running gauge\n"
                            "vllm:num_requests_running{model_name=\"m\",} 3.0 1700000000000\n"
                            "\n# a comment\n"
                            "vllm:prompt_tokens_total{ model_name = \"m\" }  +1.5e3 # {trace=\"x\"} 1\n"
                            "plain NaN\n"));
  ASSERT_EQ(parsed.families.size(), 3u);
  EXPECT_EQ(parsed.skipped, 0u);
  EXPECT_EQ(parsed.families[0].help, "Number of requests.");
  EXPECT_EQ(parsed.families[0].samples[0], (Sample{"", {{"model_name", "m"}}, 3}));
  EXPECT_EQ(parsed.families[1].type, FamilyType::kUntyped);
  EXPECT_EQ(parsed.families[1].samples[0].value, 1500);
  EXPECT_TRUE(std::isnan(parsed.families[2].samples[0].value));
}

TEST(Exposition, lines_that_are_none_are_left_out) {
  const auto parsed =
      MUST(parse_exposition("good 1\n{} 2\nbad\nbad{a=b} 1\nbad{a=\"b} 1\nbad{a=\"b\"; 1\nbad 1x\nbad 1e999\n# TYPE \ngood 2\n"));
  ASSERT_EQ(parsed.families.size(), 1u);
  EXPECT_EQ(parsed.families[0].samples.size(), 2u);
  EXPECT_EQ(parsed.skipped, 8u);
}

TEST(Exposition, is_bounded) {
  std::string many;
  for (std::size_t i = 0; i < kExpositionSamplesMax + 2; ++i) many += "a 1\n";
  EXPECT_TRUE(parse_exposition(many).failed_with(Code::kResourceExhausted));
  EXPECT_TRUE(parse_exposition(std::string(kExpositionMax + 1, ' ')).failed_with(Code::kResourceExhausted));
  EXPECT_EQ(MUST(parse_exposition("a{b=\"" + std::string(kExpositionLineMax, 'x') + "\"} 1\n")).skipped, 1u);
}

}  // namespace
}  // namespace zeropull::series
