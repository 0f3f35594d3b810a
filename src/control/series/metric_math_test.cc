#include "control/series/metric_math.h"

#include <gtest/gtest.h>

#include "control/series/data_queries.h"
#include "control/series/testing/store_fixture.h"

namespace zeropull::series {
namespace {

constexpr std::string_view kAccount = "111122223333";

// Two metrics of ten seconds: m1 is 1, 2, .. 6 in the first minute; m2 is 10 and 40 at 0 and 30 s.
class MetricMath : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    for (std::int64_t i = 0; i < 60; i += 10) writer(key_named("m1")).put(time_of(begin + i), static_cast<double>(i / 10 + 1));
    writer(key_named("m2")).put(time_of(begin), 10);
    writer(key_named("m2")).put(time_of(begin + 30), 40);
    clock.second = begin + 60;
  }
  static DataQuery metric(const std::string& id) {
    return {.id = id,
            .stat = MetricStat{key_named(id), std::chrono::seconds(10), MUST(parse_statistic("Sum"))},
            .return_data = false};
  }
  Result<std::vector<DataResult>> ask(const std::string& expression) {
    const std::vector<DataQuery> queries{{.id = "e", .expression = expression}, metric("m1"), metric("m2")};
    return evaluate_queries(*store, std::string(kAccount), queries, time_of(begin), time_of(begin + 60));
  }
  Readings readings(const DataResult& result) {
    Readings all;
    for (const auto& [at, value] : result.points) all.emplace_back(seconds_of(at) - begin, value);
    return all;
  }
  Readings of(const std::string& expression) {
    const auto results = MUST(ask(expression));
    EXPECT_EQ(results.size(), 1u) << expression;
    return readings(results[0]);
  }
  std::vector<double> values(const std::string& expression) {
    std::vector<double> all;
    for (const auto& [at, value] : of(expression)) all.push_back(value);
    return all;
  }
  double scalar(const std::string& expression) {
    const auto all = values(expression);
    EXPECT_EQ(all, std::vector<double>(6, all.at(0))) << expression;
    return all.at(0);
  }
};

TEST_F(MetricMath, numbers_follow_the_usual_ranks) {
  EXPECT_EQ(scalar("1 + 2 * 3"), 7);
  EXPECT_EQ(scalar("(1 + 2) * 3"), 9);
  EXPECT_EQ(scalar("10 - 4 - 3"), 3);
  EXPECT_EQ(scalar("2 ^ 3 ^ 2"), 512);
  EXPECT_EQ(scalar("-2 ^ 2"), -4);
  EXPECT_EQ(scalar("2 ^ -1"), 0.5);
  EXPECT_EQ(scalar("1 < 2 AND 3 >= 4 OR 5 != 6"), 1);
  EXPECT_EQ(scalar("1 == 1 && 2 > 3"), 0);
  EXPECT_EQ(scalar("1.5e1/3"), 5);
}

TEST_F(MetricMath, series_meet_at_their_common_times) {
  EXPECT_EQ(of("m1 + m2"), (Readings{{0, 11}, {30, 44}}));
  EXPECT_EQ(values("m1 * 2"), (std::vector<double>{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(values("100 / m1 > 30"), (std::vector<double>{1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(of("1 / (m1 - 1)").size(), 5u);  // a division by zero is no datapoint
  // AWS's example of weighted pools of instances.
  EXPECT_EQ(of("(m2/20 + m1/8)/2"), (Readings{{0, (0.5 + 0.125) / 2}, {30, (2 + 0.5) / 2}}));
}

TEST_F(MetricMath, functions_do_what_the_guide_says) {
  EXPECT_EQ(values("ABS(-m1)"), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values("CEIL(m1/4)"), (std::vector<double>{1, 1, 1, 1, 2, 2}));
  EXPECT_EQ(values("FLOOR(m1/4)"), (std::vector<double>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(values("RATE(m1)"), (std::vector<double>{0.1, 0.1, 0.1, 0.1, 0.1}));
  EXPECT_EQ(of("RATE(m2)"), (Readings{{30, 1}}));
  EXPECT_EQ(scalar("PERIOD(m1)"), 10);
  EXPECT_EQ(values("IF(m1 > 3, m1, 0)"), (std::vector<double>{0, 0, 0, 4, 5, 6}));
  EXPECT_EQ(of("IF(m1 > 3, m2, m1)"), (Readings{{0, 1}, {10, 2}, {20, 3}, {30, 40}}));
  EXPECT_EQ(scalar("SUM(m1)"), 21);
  EXPECT_EQ(scalar("AVG(m1)"), 3.5);
  EXPECT_EQ(scalar("MIN(m1)"), 1);
  EXPECT_EQ(scalar("MAX(m2)"), 40);
}

TEST_F(MetricMath, gaps_are_filled) {
  EXPECT_EQ(values("FILL(m2, 0)"), (std::vector<double>{10, 0, 0, 40, 0, 0}));
  EXPECT_EQ(values("FILL(m2, REPEAT)"), (std::vector<double>{10, 10, 10, 40, 40, 40}));
  EXPECT_EQ(values("FILL(m2, LINEAR)"), (std::vector<double>{10, 20, 30, 40}));
  EXPECT_EQ(values("m1 + FILL(m2, REPEAT)"), (std::vector<double>{11, 12, 13, 44, 45, 46}));
  clock.second = begin + 35;  // what is to come is no gap
  EXPECT_EQ(values("FILL(m2, 0)"), (std::vector<double>{10, 0, 0, 40}));
}

TEST_F(MetricMath, arrays_are_summed_over_each_time) {
  EXPECT_EQ(values("SUM(METRICS())"), (std::vector<double>{11, 2, 3, 44, 5, 6}));
  EXPECT_EQ(values("MAX(METRICS(\"2\"))"), (std::vector<double>{10, 40}));
  EXPECT_EQ(values("AVG([m1, FILL(m2, REPEAT)])"), (std::vector<double>{5.5, 6, 6.5, 22, 22.5, 23}));
  EXPECT_EQ(MUST(ask("METRICS() * 2")).size(), 2u);
}

TEST_F(MetricMath, search_finds_metrics_by_schema_and_terms) {
  writer({std::string(kAccount), "AWS/SageMaker", "m1", {{"EndpointName", "e"}, {"VariantName", "v"}}}).put(time_of(begin), 7);
  const auto found = MUST(ask("SEARCH('{AWS/SageMaker,InferenceComponentName} MetricName=\"m1\"', 'Sum', 60)"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].label, "m1 one");
  EXPECT_EQ(readings(found[0]), (Readings{{0, 21}}));
  EXPECT_EQ(MUST(ask("SEARCH('MetricName=m1', 'Sum', 60)")).size(), 2u);
  EXPECT_EQ(MUST(ask("SEARCH('{AWS/SageMaker,VariantName,EndpointName}', 'Sum', 60)")).size(), 1u);
  EXPECT_EQ(MUST(ask("SEARCH('Namespace=\"AWS/SageMaker\" NOT EndpointName=\"e\"', 'Sum', 60)")).size(), 2u);
  EXPECT_EQ(MUST(ask("SEARCH('MetricName=(\"m1\" OR \"m2\") InferenceComponentName=one', 'Average')")).size(), 2u);
  EXPECT_EQ(of("SUM(SEARCH('{AWS/SageMaker,InferenceComponentName} MetricName=(\"m1\" OR \"m2\")', 'Sum', 60))"),
            (Readings{{0, 71}}));
  EXPECT_TRUE(MUST(evaluate_queries(*store, "444455556666", {{.id = "e", .expression = "SEARCH('m1', 'Sum', 60)"}},
                                    time_of(begin), time_of(begin + 60)))
                  .empty());
}

TEST(Search, words_are_found_in_names) {
  Search words{.dimensions = {}, .terms = {{.values = {"requests per"}}}};
  EXPECT_TRUE(matches(words, key_named("ConcurrentRequestsPerCopy")));
  words.terms[0].values = {"copyper"};
  EXPECT_FALSE(matches(words, key_named("ConcurrentRequestsPerCopy")));
}

TEST(Search, refuses_what_is_none) {
  EXPECT_TRUE(Expression::parse("SEARCH('{\"AWS/SageMaker\",\"InferenceComponentName\"} ConcurrentRequests', 'Sum', 60)").ok());
  for (const auto* bad : {"{AWS/SageMaker", "", "MetricName=", "a OR b", "(a", "\"a"}) {
    EXPECT_TRUE(Expression::parse(std::string("SEARCH('") + bad + "', 'Sum', 60)").failed_with(Code::kInvalidArgument)) << bad;
  }
}

TEST(Expression, errors_name_the_place) {
  auto message = [](const std::string& text) {
    const auto parsed = Expression::parse(text);
    return parsed.ok() ? "fine" : parsed.error().message();
  };
  EXPECT_EQ(message("m1 + "), "the expression ends early, at character 6 of the expression");
  EXPECT_EQ(message("m1 $ m2"), "'$' is not expected, at character 4 of the expression");
  EXPECT_EQ(message("(m1"), "')' is missing, at character 4 of the expression");
  EXPECT_EQ(message("FOO(m1)"), "'FOO' is no function, at character 1 of the expression");
  EXPECT_EQ(message("1 + FILL(m1)"), "FILL does not take 1 arguments, at character 5 of the expression");
  EXPECT_EQ(message("M1"), "'M1' is no id; ids begin with a small letter, at character 1 of the expression");
  EXPECT_EQ(message("SEARCH('{a', 'Sum', 60)"), "'}' is missing, at character 11 of the expression");
  EXPECT_EQ(message("SEARCH('a', 'Foo', 60)"), "'Foo' is no statistic, at character 13 of the expression");
  EXPECT_TRUE(Expression::parse("ANOMALY_DETECTION_BAND(m1)").failed_with(Code::kUnimplemented));
  EXPECT_TRUE(Expression::parse("SEARCH('a', 'tm99', 60)").failed_with(Code::kUnimplemented));
}

TEST(Expression, depth_and_length_are_bounded) {
  EXPECT_FALSE(Expression::parse(std::string(100, '(') + "1" + std::string(100, ')')).ok());
  EXPECT_FALSE(Expression::parse(std::string(100, '-') + "1").ok());
  EXPECT_FALSE(Expression::parse(std::string(3000, ' ') + "1").ok());
  std::string sum = "1";
  for (int i = 0; i < 1000; ++i) sum += "+1";
  EXPECT_TRUE(Expression::parse(sum).ok());
}

TEST_F(MetricMath, what_cannot_be_computed_is_refused_with_the_query) {
  for (const auto* bad : {"METRICS() + METRICS()", "RATE(3)", "PERIOD(3)", "\"text\"", "FILL(m1, m2)", "[m1, 3]",
                          "IF(METRICS(), 1, 2)", "METRICS(m1)"}) {
    const auto result = ask(bad);
    ASSERT_TRUE(result.failed_with(Code::kInvalidArgument)) << bad;
    EXPECT_TRUE(result.error().message().starts_with("the query e: ")) << result.error().message();
  }
}

TEST(DataQueries, ids_have_to_fit) {
  auto refused = [](const std::vector<DataQuery>& queries) {
    const auto checked = check_queries(queries);
    return checked.ok() ? "" : checked.error().message();
  };
  EXPECT_EQ(refused({{.id = "a", .expression = "b + 1"}, {.id = "b", .expression = "2"}}), "");
  EXPECT_EQ(refused({{.id = "a", .expression = "b"}}), "the query a uses b, which is not there");
  EXPECT_EQ(refused({{.id = "a", .expression = "b"}, {.id = "b", .expression = "a"}}), "the query a uses itself");
  EXPECT_EQ(refused({{.id = "A", .expression = "1"}}), "'A' is no id of a query");
  EXPECT_EQ(refused({{.id = "a", .expression = "1"}, {.id = "a", .expression = "1"}}), "two queries have the id a");
  EXPECT_EQ(refused({{.id = "a"}}), "the query a has to have a metric or an expression");
}

TEST_F(MetricMath, labels_are_the_callers_or_say_what_it_is) {
  auto shown = metric("m1");
  shown.return_data = true;
  std::vector<DataQuery> queries{shown, {.id = "e", .expression = "m1"}, {.id = "f", .expression = "m1", .label = "mine"}};
  const auto results = MUST(evaluate_queries(*store, std::string(kAccount), queries, time_of(begin), time_of(begin + 60)));
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].label, "m1");
  EXPECT_EQ(results[1].label, "e");
  EXPECT_EQ(results[2].label, "mine");
}

}  // namespace
}  // namespace zeropull::series
