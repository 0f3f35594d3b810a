#include "control/state/record_json.h"

#include <gtest/gtest.h>

namespace zeropull::state {
namespace {

Endpoint an_endpoint() {
  Endpoint endpoint;
  endpoint.account = "111122223333";
  endpoint.name = "Llm";
  endpoint.uid = "u1";
  endpoint.config_body = R"({"a":"ü"})";
  endpoint.metrics = {.enhanced = true, .publish_s = 30, .scraping = Scraping::kNone};
  Variant variant;
  variant.name = "AllTraffic";
  variant.pools = {{"ml.g6.2xlarge", 1, ""}, {"ml.g5.2xlarge", 2, "other"}};
  variant.desired_weight = 0.25;
  variant.scaling = {true, 0, 4};
  variant.routing = Routing::kLeastOutstanding;
  endpoint.variants = {variant};
  endpoint.pending = std::vector{variant, variant};
  endpoint.status = EndpointStatus::kRollingBack;
  endpoint.revision_of_spec = UINT64_MAX;
  endpoint.tags = {{"team", "ml"}};
  return endpoint;
}

Copy a_copy() {
  Copy copy;
  copy.id = "c-1";
  copy.phase = CopyPhase::kDraining;
  copy.accelerators = {0, 3};
  copy.phases = {{"image", 5, 9, 100, 200, "volume", ""}};
  copy.placed = -1;
  return copy;
}

// Text is what a record is: two records with one text are equal.
TEST(RecordJson, each_kind_comes_back_as_it_was) {
  Component component;
  component.account = "1", component.name = "c", component.specs.resize(2);
  component.specs[1].placement = Placement::kBinpack;
  component.specs[1].container.environment = {{"A", "1"}};
  component.specs[1].container.metrics = {"/metrics", 10};
  Model model;
  model.account = "1", model.name = "m", model.container.model = {"s3://b/p/", true, false};
  EndpointConfig config;
  config.account = "1", config.name = "c";
  AccessKey access_key;
  access_key.id = "AKIA1";
  Instance instance;
  instance.id = "i-1", instance.state = InstanceState::kLost, instance.volumes = {"v"};
  Machine machine;
  machine.id = "m-1", machine.wiped = false;
  JoinToken token;
  token.hash = "00";
  TimelineEntry entry;
  entry.id = "c-1", entry.endpoint_uid = "u1", entry.phases.resize(1);
  ScalableTarget target;
  target.resource_id = "inference-component/ic", target.cooldown_out = {5, 300, 2}, target.tags = {{"team", "ml"}};
  ScalingPolicy policy;
  policy.name = "tt", policy.last_scaled = 7;
  ScheduledAction action;
  action.name = "morning", action.start = 9;
  Alarm alarm;
  alarm.name = "ü%", alarm.status.value = AlarmValue::kAlarm, alarm.status.acted = 3;
  ScalingActivity activity;
  activity.id = "a", activity.status = ActivityStatus::kFailed, activity.not_scaled = {{"AlreadyAtMaxCapacity", 4, {}, {}}};
  const std::vector<AnyRecord> records{an_endpoint(), a_copy(), component, model,  config, access_key, instance, machine,
                                       token,         entry,    target,    policy, action, alarm,      activity};
  ASSERT_EQ(records.size(), std::variant_size_v<AnyRecord>);
  for (const auto& record : records) {
    auto text = record_text(record);
    auto read = parse_record(key_of(record), text);
    ASSERT_TRUE(read.ok()) << read.error().to_string();
    EXPECT_EQ(read->index(), record.index());
    EXPECT_EQ(record_text(*read), text);
  }
}

TEST(RecordJson, an_endpoints_members_are_read_into_their_places) {
  auto read = MUST(parse_record(key_of(an_endpoint()), record_text(an_endpoint())));
  const auto& endpoint = std::get<Endpoint>(read);
  EXPECT_EQ(endpoint.variants[0].pools[1].model_override, "other");
  EXPECT_EQ(endpoint.variants[0].routing, Routing::kLeastOutstanding);
  EXPECT_EQ(endpoint.status, EndpointStatus::kRollingBack);
  EXPECT_EQ(endpoint.pending->size(), 2u);
  EXPECT_TRUE(endpoint.metrics.enhanced && endpoint.metrics.publish_s == 30 && !endpoint.pending_metrics.enhanced);
  EXPECT_EQ(endpoint.revision_of_spec, UINT64_MAX);
  EXPECT_EQ(endpoint.tags.at("team"), "ml");
}

TEST(RecordJson, names_of_endpoints_that_differ_in_case_share_a_key) {
  auto other = an_endpoint();
  other.name = "lLM";
  EXPECT_EQ(key_of(other), key_of(an_endpoint()));
}

TEST(RecordJson, what_this_version_did_not_write_is_refused) {
  auto text = record_text(a_copy());
  auto with = [&](const std::string& from, const std::string& to) {
    auto changed = text;
    auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  ASSERT_TRUE(parse_record("copy/c-1", text).ok());
  EXPECT_TRUE(parse_record("copy/c-2", text).failed_with(Code::kDataLoss)) << "another key";
  EXPECT_TRUE(parse_record("cat/c-1", text).failed_with(Code::kDataLoss)) << "an unknown kind";
  EXPECT_TRUE(parse_record("copy/c-1", with("\"v\":1", "\"v\":2")).failed_with(Code::kDataLoss));
  EXPECT_TRUE(parse_record("copy/c-1", with("\"crashes\":0,", "")).failed_with(Code::kDataLoss)) << "a missing member";
  EXPECT_TRUE(parse_record("copy/c-1", with("\"v\":1", "\"v\":1,\"w\":1")).failed_with(Code::kDataLoss)) << "an unknown member";
  EXPECT_TRUE(parse_record("copy/c-1", with("\"draining\",", "\"resting\",")).failed_with(Code::kDataLoss));
  EXPECT_TRUE(parse_record("copy/c-1", with("[0,3]", "[0,-3]")).failed_with(Code::kDataLoss));
  EXPECT_TRUE(parse_record("copy/c-1", with("\"begin\":5", "\"begin\":\"5\"")).failed_with(Code::kDataLoss));
  EXPECT_TRUE(parse_record("copy/c-1", "{").failed_with(Code::kDataLoss));
  EXPECT_TRUE(parse_record("copy/c-1", "[]").failed_with(Code::kDataLoss));
}

}  // namespace
}  // namespace zeropull::state
