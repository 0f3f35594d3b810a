// CloudWatch: alarms, metrics, and its errors in both protocols.
#include <gtest/gtest.h>

#include "control/api/testing/test_api.h"
#include "control/state/scaling_names.h"

namespace zeropull::api {
namespace {

using nlohmann::json;

const std::string kPolicyArn =
    "arn:aws:autoscaling:us-east-1:111122223333:scalingPolicy:6d89:resource/sagemaker/inference-component/ic:policyName/p";
constexpr std::int64_t kNow = 1782000000;

json alarm(const std::string& name, const json& changes = json::object()) {
  json made{{"AlarmName", name},
            {"MetricName", "NoCapacityInvocationFailures"},
            {"Namespace", "AWS/SageMaker"},
            {"Statistic", "Sum"},
            {"Dimensions", {{{"Name", "InferenceComponentName"}, {"Value", "ic"}}}},
            {"Period", 30},
            {"EvaluationPeriods", 1},
            {"DatapointsToAlarm", 1},
            {"Threshold", 1},
            {"ComparisonOperator", "GreaterThanOrEqualToThreshold"},
            {"TreatMissingData", "missing"},
            {"AlarmActions", {kPolicyArn}}};
  made.merge_patch(changes);
  return made;
}

class CloudWatchTest : public testing::Test {
 protected:
  Answer call(const std::string& operation, const json& input, std::string_view account = kAccount) {
    return api.call("cloudwatch:" + operation, input, account);
  }
  json ok(const std::string& operation, const json& input) { return api.ok("cloudwatch:" + operation, input); }
  void expect_refused(const std::string& operation, const json& input, const std::string& message,
                      const std::string& code = "InvalidParameterValue") {
    auto answer = call(operation, input);
    EXPECT_GE(answer.status, 400) << operation << " " << input;
    EXPECT_EQ(answer.query_error, code + ";Sender") << answer.body;
    EXPECT_TRUE(answer.type().starts_with("com.amazonaws.cloudwatch#")) << answer.body;
    EXPECT_NE(answer.message().find(message), std::string::npos) << operation << ": " << answer.body;
  }
  void put(const std::string& metric, const json& more) {
    json datum{{"MetricName", metric}, {"StorageResolution", 1}};
    datum.update(more);
    ok("PutMetricData", {{"Namespace", "Custom"}, {"MetricData", {datum}}});
  }
  json stat(const std::string& id, const std::string& metric, const std::string& statistic, int period = 10) {
    return {
        {"Id", id},
        {"MetricStat", {{"Metric", {{"Namespace", "Custom"}, {"MetricName", metric}}}, {"Period", period}, {"Stat", statistic}}}};
  }
  json data(const json& queries, const json& more = json::object()) {
    json input{{"StartTime", kNow - 600}, {"EndTime", kNow + 60}, {"MetricDataQueries", queries}};
    input.update(more);
    return input;
  }

  TestApi api;
};

TEST_F(CloudWatchTest, an_alarm_is_described_as_it_was_put) {
  EXPECT_EQ(ok("PutMetricAlarm", alarm("wake", {{"Tags", {{{"Key", "a"}, {"Value", "b"}}}}})), json::object());
  auto shown = ok("DescribeAlarms", {{"AlarmNames", {"wake"}}})["MetricAlarms"][0];
  const auto given = alarm("wake");
  for (const auto& [name, value] : given.items()) EXPECT_EQ(shown[name], value) << name;
  EXPECT_EQ(shown["AlarmArn"], "arn:aws:cloudwatch:us-east-1:111122223333:alarm:wake");
  EXPECT_EQ(shown["StateValue"], "INSUFFICIENT_DATA");
  EXPECT_EQ(shown["ActionsEnabled"], true);
  EXPECT_EQ(shown["OKActions"], json::array());
  EXPECT_EQ(shown["StateUpdatedTimestamp"], kNow);
  EXPECT_FALSE(shown.contains("Tags"));
  // Put again: all of the configuration is replaced, the state stays.
  auto was = api.state->view().alarm({kAccount, "wake"});
  api.change<state::Alarm>(was, [](state::Alarm& next) { next.status.value = state::AlarmValue::kAlarm; });
  ok("PutMetricAlarm", alarm("wake", {{"AlarmActions", nullptr}, {"ActionsEnabled", false}, {"Threshold", 2}}));
  shown = ok("DescribeAlarms", {{"StateValue", "ALARM"}})["MetricAlarms"][0];
  EXPECT_EQ(shown["AlarmActions"], json::array());
  EXPECT_EQ(shown["Threshold"], 2.0);
  EXPECT_EQ(shown["ActionsEnabled"], false);
  auto arn = shown["AlarmArn"];
  EXPECT_EQ(ok("ListTagsForResource", {{"ResourceARN", arn}})["Tags"][0]["Key"], "a");
  ok("TagResource", {{"ResourceARN", arn}, {"Tags", {{{"Key", "c"}, {"Value", "d"}}}}});
  ok("UntagResource", {{"ResourceARN", arn}, {"TagKeys", {"a"}}});
  EXPECT_EQ(ok("ListTagsForResource", {{"ResourceARN", arn}})["Tags"], json({{{"Key", "c"}, {"Value", "d"}}}));
}

TEST_F(CloudWatchTest, alarms_that_cannot_be_are_refused) {
  expect_refused("PutMetricAlarm", alarm("x", {{"AlarmActions", {"arn:aws:sns:us-east-1:111122223333:topic"}}}),
                 "arn:aws:sns:us-east-1:111122223333:topic is not supported by Zeropull");
  auto foreign = kPolicyArn;
  foreign.replace(foreign.find("111122223333"), 12, "444455556666");
  expect_refused("PutMetricAlarm", alarm("x", {{"OKActions", {foreign}}}), "not a scaling policy of this account");
  expect_refused("PutMetricAlarm", alarm("x", {{"Period", 15}}), "10, 20, 30 or a multiple of 60");
  expect_refused("PutMetricAlarm", alarm("x", {{"EvaluationPeriods", 2881}}), "86430");
  expect_refused("PutMetricAlarm", alarm("x", {{"DatapointsToAlarm", 2}}), "DatapointsToAlarm");
  expect_refused("PutMetricAlarm", alarm("x", {{"Threshold", nullptr}}), "Threshold is required", "InvalidParameterCombination");
  expect_refused("PutMetricAlarm", alarm("x", {{"Statistic", nullptr}}), "either Statistic", "InvalidParameterCombination");
  expect_refused("PutMetricAlarm", alarm("x", {{"MetricName", nullptr}}), "needs MetricName", "InvalidParameterCombination");
  expect_refused("PutMetricAlarm", alarm("x", {{"Statistic", nullptr}, {"ExtendedStatistic", "tm90"}}), "tm90");
  expect_refused("PutMetricAlarm", alarm("x", {{"EvaluationCriteria", json::object()}}),
                 "Member EvaluationCriteria is not supported by Zeropull");
  expect_refused("PutMetricAlarm", alarm("x", {{"ComparisonOperator", "LessThanLowerThreshold"}}),
                 "is not supported by Zeropull");
  expect_refused("PutMetricAlarm", alarm("x", {{"AlarmName", nullptr}}), "alarmName", "MissingParameter");
  expect_refused("PutMetricAlarm", alarm("x", {{"AlarmName", std::string(256, 'a')}}), "alarmName", "ValidationError");
  expect_refused("PutMetricAlarm", alarm("x", {{"Metrics", json::array({stat("m", "A", "Sum", 60)})}}), "either Metrics or",
                 "InvalidParameterCombination");
  EXPECT_TRUE(api.state->view().alarms().empty());
}

TEST_F(CloudWatchTest, alarms_watch_metric_math) {
  auto m = stat("m", "A", "Sum", 60);
  m["ReturnData"] = false;
  json math{{"AlarmName", "math"},
            {"Metrics", json::array({m, {{"Id", "e"}, {"Expression", "m * 2"}}})},
            {"EvaluationPeriods", 3},
            {"Threshold", 1},
            {"ComparisonOperator", "GreaterThanThreshold"}};
  ok("PutMetricAlarm", math);
  auto shown = ok("DescribeAlarmsForMetric", {{"Namespace", "Custom"}, {"MetricName", "A"}, {"Period", 60}})["MetricAlarms"];
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0]["Metrics"][1]["ReturnData"], true);
  EXPECT_TRUE(ok("DescribeAlarmsForMetric", {{"Namespace", "Custom"}, {"MetricName", "B"}})["MetricAlarms"].empty());
  math["Metrics"][1]["Expression"] = "m *";
  expect_refused("PutMetricAlarm", math, "");
  math["Metrics"][1]["Expression"] = "m";
  math["Metrics"][0]["ReturnData"] = true;
  expect_refused("PutMetricAlarm", math, "Exactly one element");
}

TEST_F(CloudWatchTest, alarms_are_selected_and_come_in_pages) {
  for (const auto* name : {"a-1", "a-2", "a-3", "b-1"}) ok("PutMetricAlarm", alarm(name));
  auto names = [&](const json& input) {
    std::vector<std::string> all;
    json page{{"NextToken", nullptr}};
    do {
      auto asked = input;
      if (page["NextToken"].is_string()) asked["NextToken"] = page["NextToken"];
      page = ok("DescribeAlarms", asked);
      for (const auto& one : page["MetricAlarms"]) all.push_back(one["AlarmName"]);
    } while (page.contains("NextToken"));
    return all;
  };
  EXPECT_EQ(names({{"AlarmNamePrefix", "a-"}, {"MaxRecords", 2}}), (std::vector<std::string>{"a-1", "a-2", "a-3"}));
  EXPECT_EQ(names({{"AlarmNames", {"b-1", "a-1", "none"}}}), (std::vector<std::string>{"a-1", "b-1"}));
  EXPECT_EQ(names({{"ActionPrefix", "arn:aws:autoscaling"}}).size(), 4u);
  EXPECT_TRUE(names({{"ActionPrefix", "arn:aws:sns"}}).empty());
  EXPECT_TRUE(names({{"AlarmTypes", {"CompositeAlarm"}}}).empty());
  EXPECT_EQ(ok("DescribeAlarmsForMetric", {{"Namespace", "AWS/SageMaker"},
                                           {"MetricName", "NoCapacityInvocationFailures"},
                                           {"Statistic", "Sum"},
                                           {"Dimensions", alarm("x")["Dimensions"]}})["MetricAlarms"]
                .size(),
            4u);
  expect_refused("DescribeAlarms", {{"AlarmNames", {"a"}}, {"AlarmNamePrefix", "a"}}, "both", "InvalidParameterCombination");
  expect_refused("DescribeAlarms", {{"NextToken", "x"}}, "NextToken", "InvalidNextToken");
}

TEST_F(CloudWatchTest, alarms_are_switched_set_and_deleted) {
  ok("PutMetricAlarm", alarm("a"));
  ok("PutMetricAlarm", alarm("b"));
  EXPECT_EQ(ok("DisableAlarmActions", {{"AlarmNames", {"a", "none"}}}), json::object());
  EXPECT_FALSE(api.state->view().alarm({kAccount, "a"})->actions_enabled);
  ok("EnableAlarmActions", {{"AlarmNames", {"a"}}});
  EXPECT_TRUE(api.state->view().alarm({kAccount, "a"})->actions_enabled);
  json state{{"AlarmName", "a"}, {"StateValue", "ALARM"}, {"StateReason", "test"}};
  ok("SetAlarmState", state);
  auto status = api.state->view().alarm({kAccount, "a"})->status;
  EXPECT_EQ(status.value, state::AlarmValue::kAlarm);
  EXPECT_EQ(status.transitioned, kNow);
  EXPECT_EQ(status.acted, kNow) << "without datapoints no policy is invoked";
  state["StateReasonData"] = R"({"version":"1.0","recentDatapoints":[1.0],"threshold":1.0})";
  ok("SetAlarmState", state);
  EXPECT_EQ(api.state->view().alarm({kAccount, "a"})->status.acted, 0) << "due at once";
  state["StateReasonData"] = "{";
  expect_refused("SetAlarmState", state, "JSON", "InvalidFormat");
  state["AlarmName"] = "none";
  state.erase("StateReasonData");
  expect_refused("SetAlarmState", state, "does not exist", "ResourceNotFound");
  expect_refused("DeleteAlarms", {{"AlarmNames", {"a", "none"}}}, "none was deleted", "ResourceNotFound");
  EXPECT_NE(api.state->view().alarm({kAccount, "a"}), nullptr);
  EXPECT_EQ(ok("DeleteAlarms", {{"AlarmNames", {"a", "b"}}}), json::object());
  EXPECT_TRUE(api.state->view().alarms().empty());
}

TEST_F(CloudWatchTest, alarms_of_a_policy_are_the_policys) {
  state::Alarm owned;
  owned.account = kAccount, owned.name = "tt", owned.policy_id = "p", owned.body = "{}";
  api.add(owned);
  expect_refused("PutMetricAlarm", alarm("tt"), "change the policy", "ResourceConflict");
  expect_refused("DeleteAlarms", {{"AlarmNames", {"tt"}}}, "delete the policy", "ResourceConflict");
}

TEST_F(CloudWatchTest, metrics_that_are_put_are_listed_and_read) {
  put("Depth", {{"Value", 7}, {"Unit", "Count"}, {"Timestamp", kNow - 15}});
  put("Depth", {{"Values", {1, 3}}, {"Counts", {2, 1}}, {"Unit", "Count"}, {"Timestamp", kNow - 5}});
  put("Depth", {{"Value", 1}, {"Dimensions", {{{"Name", "d"}, {"Value", "v"}}}}});
  auto listed = ok("ListMetrics", {{"Namespace", "Custom"}, {"MetricName", "Depth"}, {"RecentlyActive", "PT3H"}})["Metrics"];
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[1]["Dimensions"], json({{{"Name", "d"}, {"Value", "v"}}}));
  EXPECT_EQ(ok("ListMetrics", {{"Dimensions", {{{"Name", "d"}}}}})["Metrics"].size(), 1u);
  json read{{"Namespace", "Custom"}, {"MetricName", "Depth"}, {"StartTime", kNow - 20},
            {"EndTime", kNow},       {"Period", 10},          {"Statistics", {"Maximum", "SampleCount"}}};
  auto answer = ok("GetMetricStatistics", read);
  EXPECT_EQ(answer["Label"], "Depth");
  EXPECT_EQ(answer["Datapoints"],
            json({{{"Timestamp", double{kNow - 20}}, {"Maximum", 7.0}, {"SampleCount", 1.0}, {"Unit", "Count"}},
                  {{"Timestamp", double{kNow - 10}}, {"Maximum", 3.0}, {"SampleCount", 3.0}, {"Unit", "Count"}}}));
  read["Unit"] = "Bytes";
  EXPECT_TRUE(ok("GetMetricStatistics", read)["Datapoints"].empty());
  read.erase("Unit");
  read.erase("Statistics");
  read["ExtendedStatistics"] = {"p100"};
  EXPECT_NEAR(ok("GetMetricStatistics", read)["Datapoints"][0]["ExtendedStatistics"]["p100"].get<double>(), 7, 0.1);
  read["Statistics"] = {"Sum"};
  expect_refused("GetMetricStatistics", read, "either Statistics", "InvalidParameterCombination");
  read.erase("ExtendedStatistics");
  read["StartTime"] = kNow - 86400;
  expect_refused("GetMetricStatistics", read, "exceeds the limit of 1440", "InvalidParameterCombination");
  read["StartTime"] = kNow;
  expect_refused("GetMetricStatistics", read, "StartTime must be less");
}

TEST_F(CloudWatchTest, metric_data_comes_with_math_in_both_orders_and_in_pages) {
  for (int i = 0; i < 3; ++i) put("A", {{"Value", i}, {"Timestamp", kNow - 30 + 10 * i}});
  json queries = json::array({stat("m", "A", "Maximum"), {{"Id", "e"}, {"Expression", "m * 2"}, {"Label", "twice"}}});
  auto results = ok("GetMetricData", data(queries))["MetricDataResults"];
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0]["Values"], json({2.0, 1.0, 0.0})) << "newest first";
  EXPECT_EQ(results[0]["Timestamps"][0], double{kNow - 10});
  EXPECT_EQ(results[0]["StatusCode"], "Complete");
  EXPECT_EQ(results[1]["Label"], "twice");
  results = ok("GetMetricData", data(queries, {{"ScanBy", "TimestampAscending"}}))["MetricDataResults"];
  EXPECT_EQ(results[1]["Values"], json({0.0, 2.0, 4.0}));
  std::vector<double> values;
  json page{{"NextToken", nullptr}};
  int pages = 0;
  do {
    auto asked = data(queries, {{"MaxDatapoints", 2}});
    if (page["NextToken"].is_string()) asked["NextToken"] = page["NextToken"];
    page = ok("GetMetricData", asked);
    for (const auto& one : page["MetricDataResults"]) {
      for (const auto& value : one["Values"]) values.push_back(value);
    }
    ++pages;
  } while (page.contains("NextToken"));
  EXPECT_EQ(values, (std::vector<double>{2, 1, 0, 4, 2, 0}));
  EXPECT_EQ(pages, 3);
  expect_refused("GetMetricData", data(queries, {{"NextToken", "x"}}), "NextToken", "InvalidNextToken");
  expect_refused("GetMetricData", data({{{"Id", "m"}}}), "either a MetricStat or an Expression", "InvalidParameterCombination");
  expect_refused("GetMetricData", data(queries, {{"LabelOptions", json::object()}}), "LabelOptions is not supported");
  expect_refused("GetMetricData", data(json::array({stat("m", "A", "Sum", 7)})), "Period must be");
}

TEST_F(CloudWatchTest, values_that_cannot_be_are_refused_before_any_is_kept) {
  auto refuse = [&](const json& datum, const std::string& message, const std::string& code = "InvalidParameterValue") {
    json bad{{"MetricName", "A"}};
    bad.update(datum);
    expect_refused("PutMetricData", {{"Namespace", "Custom"}, {"MetricData", {{{"MetricName", "B"}, {"Value", 1}}, bad}}},
                   message, code);
  };
  refuse(json::object(), "one of Value, Values and StatisticValues", "InvalidParameterCombination");
  refuse({{"Value", 1}, {"Values", {1}}}, "one of Value", "InvalidParameterCombination");
  refuse({{"Values", {1, 2}}, {"Counts", {1}}}, "as long as Values");
  refuse({{"Value", 1}, {"Timestamp", kNow + 7201}}, "MetricData.member.2.Timestamp must specify a time no more than two hours");
  refuse({{"Value", 1}, {"Timestamp", kNow - 86400 * 15}}, "past two weeks");
  refuse({{"Value", 1}, {"StorageResolution", 30}}, "must be 1 or 60");
  refuse({{"Value", 1}, {"Unit", "Parsecs"}}, "unit", "ValidationError");
  refuse({{"StatisticValues", {{"SampleCount", 1}, {"Sum", 1}, {"Minimum", 2}, {"Maximum", 1}}}}, "less than or equal");
  EXPECT_TRUE(ok("ListMetrics", json::object())["Metrics"].empty());
  for (const auto* name : {"AWS/SageMaker", "/aws/sagemaker/Endpoints", "Zeropull"}) {
    expect_refused("PutMetricData", {{"Namespace", name}, {"MetricData", {{{"MetricName", "A"}, {"Value", 1}}}}}, "is invalid");
  }
  expect_refused("PutMetricData", {{"Namespace", "Custom"}}, "MetricData is required");
}

TEST_F(CloudWatchTest, a_metric_of_standard_resolution_has_its_values_at_whole_minutes) {
  put("A", {{"Value", 5}, {"Timestamp", kNow - 5}, {"StorageResolution", 60}});
  json read{{"Namespace", "Custom"}, {"MetricName", "A"}, {"StartTime", kNow - 120},
            {"EndTime", kNow},       {"Period", 10},      {"Statistics", {"Sum"}}};
  EXPECT_EQ(ok("GetMetricStatistics", read)["Datapoints"][0]["Timestamp"], double{kNow - 60});
}

TEST_F(CloudWatchTest, other_accounts_see_nothing) {
  ok("PutMetricAlarm", alarm("a"));
  put("A", {{"Value", 5}});
  EXPECT_TRUE(call("DescribeAlarms", json::object(), kOtherAccount).body["MetricAlarms"].empty());
  EXPECT_TRUE(call("ListMetrics", json::object(), kOtherAccount).body["Metrics"].empty());
  EXPECT_EQ(call("DeleteAlarms", {{"AlarmNames", {"a"}}}, kOtherAccount).query_error, "ResourceNotFound;Sender");
  EXPECT_TRUE(call("GetMetricData", data(json::array({stat("m", "A", "Sum")})), kOtherAccount)
                  .body["MetricDataResults"][0]["Values"]
                  .empty());
}

}  // namespace
}  // namespace zeropull::api
