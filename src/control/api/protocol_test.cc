// How calls travel: which service and protocol, Query's forms and XML, compressed bodies, times.
#include "control/api/protocol.h"

#include <gtest/gtest.h>

#include "control/api/form.h"
#include "control/api/testing/test_api.h"
#include "control/api/times.h"

namespace zeropull::api {
namespace {

using nlohmann::json;

class ProtocolTest : public testing::Test {
 protected:
  static std::string body_of(const http::ServerResponse& response) { return std::get<std::string>(response.body); }
  TestApi api;
};

TEST_F(ProtocolTest, a_signature_is_for_the_service_that_is_called) {
  for (const auto* operation : {"ListModels", "application-autoscaling:DescribeScalableTargets", "cloudwatch:ListMetrics"}) {
    auto target = TestApi::target_of(operation);
    for (const auto* service : {"sagemaker", "application-autoscaling", "monitoring"}) {
      auto made = api.request(target, R"({"ServiceNamespace":"sagemaker"})");
      made.headers.remove("Authorization");
      api.sign(made, kAccount, service);
      bool own = TestApi::service_of(target) == service;
      EXPECT_EQ(api.send(made).type() == "InvalidSignatureException", !own) << operation << " as " << service;
    }
  }
}

TEST_F(ProtocolTest, an_operation_belongs_to_its_service) {
  for (const auto* target : {"AnyScaleFrontendService.ListMetrics", "GraniteServiceVersion20100801.PutScalingPolicy",
                             "SageMaker.cloudwatch:ListMetrics", "GraniteServiceVersion20100801.DescribeAlarmHistory"}) {
    auto answer = api.send(api.request(target, "{}"));
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(answer.type(), "UnknownOperationException") << target;
    EXPECT_NE(answer.message().find(target), std::string::npos);
  }
}

TEST_F(ProtocolTest, cbor_is_refused_in_so_many_words) {
  http::ServerRequest made{.method = "POST",
                           .target = "/service/GraniteServiceVersion20100801/operation/ListMetrics",
                           .path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"};
  made.headers.set("Content-Type", "application/cbor");
  api.sign(made, kAccount, "monitoring");
  auto answer = api.send(made);
  EXPECT_EQ(answer.status, 404);
  EXPECT_NE(answer.message().find("ListMetrics in CBOR; use JSON 1.0 or Query"), std::string::npos) << answer.body;
}

TEST_F(ProtocolTest, content_types_are_the_services_own) {
  auto type = [&](const std::string& operation, const std::string& body) {
    return std::string(
        api.api.handle(api.ctx, api.request(TestApi::target_of(operation), body)).headers.find_or("Content-Type", ""));
  };
  EXPECT_EQ(type("ListModels", "{}"), "application/x-amz-json-1.1");
  EXPECT_EQ(type("application-autoscaling:DescribeScalableTargets", "{}"), "application/x-amz-json-1.1");
  EXPECT_EQ(type("cloudwatch:ListMetrics", "{}"), "application/x-amz-json-1.0");
  EXPECT_EQ(api.query("Action=ListMetrics&Version=2010-08-01").headers.find_or("Content-Type", ""), "text/xml");
}

TEST_F(ProtocolTest, a_compressed_body_is_read_behind_its_signature) {
  // gzip of {"Namespace":"x"}
  const unsigned char bytes[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x01, 0x11, 0x00, 0xee,
                                 0xff, 0x7b, 0x22, 0x4e, 0x61, 0x6d, 0x65, 0x73, 0x70, 0x61, 0x63, 0x65, 0x22, 0x3a,
                                 0x22, 0x78, 0x22, 0x7d, 0xd4, 0x28, 0x6b, 0x62, 0x11, 0x00, 0x00, 0x00};
  std::string body(reinterpret_cast<const char*>(bytes), sizeof bytes);
  auto send = [&](const std::string& text) {
    auto made = api.request("GraniteServiceVersion20100801.ListMetrics", text);
    made.headers.set("Content-Encoding", "gzip");
    return api.send(made);
  };
  EXPECT_EQ(send(body).status, 200) << send(body).body;
  EXPECT_EQ(send(body).body, json({{"Metrics", json::array()}}));
  EXPECT_EQ(send(body.substr(0, 20)).query_error, "MalformedInput;Sender");
  EXPECT_EQ(send("{}").query_error, "MalformedInput;Sender");
}

TEST_F(ProtocolTest, query_takes_forms_and_answers_in_xml) {
  auto put = api.query(
      "Action=PutMetricData&Version=2010-08-01&Namespace=X&MetricData.member.1.MetricName=m&MetricData.member.1.Value=1.5"
      "&MetricData.member.1.StorageResolution=1&MetricData.member.1.Timestamp=2026-06-21T00%3A00%3A00Z"
      "&MetricData.member.1.Dimensions.member.1.Name=d&MetricData.member.1.Dimensions.member.1.Value=%3Cv%3E");
  ASSERT_EQ(put.status, 200) << body_of(put);
  EXPECT_TRUE(
      body_of(put).starts_with("<PutMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">"
                               "<ResponseMetadata><RequestId>"))
      << body_of(put);
  auto listed = body_of(api.query("Action=ListMetrics&Version=2010-08-01&Namespace=X"));
  EXPECT_NE(listed.find("<ListMetricsResult><Metrics><member><Dimensions><member><Name>d</Name><Value>&lt;v&gt;</Value></member>"
                        "</Dimensions><MetricName>m</MetricName><Namespace>X</Namespace></member></Metrics></ListMetricsResult>"),
            std::string::npos)
      << listed;
  auto read = body_of(
      api.query("Action=GetMetricStatistics&Version=2010-08-01&Namespace=X&MetricName=m&Dimensions.member.1.Name=d"
                "&Dimensions.member.1.Value=%3Cv%3E&StartTime=2026-06-20T23:59:00%2B00:00&EndTime=2026-06-21T00:01:00Z&Period=60"
                "&ExtendedStatistics.member.1=p50"));
  EXPECT_NE(read.find("<ExtendedStatistics><entry><key>p50</key><value>1.5</value></entry></ExtendedStatistics>"
                      "<Timestamp>2026-06-21T00:00:00.000Z</Timestamp>"),
            std::string::npos)
      << read;
}

TEST_F(ProtocolTest, query_errors_are_xml_too) {
  auto refused = [&](const std::string& form, int status, const std::string& code) {
    auto response = api.query(form);
    EXPECT_EQ(response.status, status) << form;
    EXPECT_NE(body_of(response).find("<Error><Type>Sender</Type><Code>" + code + "</Code>"), std::string::npos)
        << form << ": " << body_of(response);
  };
  refused("Action=NoSuch&Version=2010-08-01", 400, "InvalidAction");
  refused("Action=ListMetrics&Version=2009-05-15", 400, "InvalidAction");
  refused("Action=DeleteAlarms&Version=2010-08-01&AlarmNames.member.1=x", 404, "ResourceNotFound");
  refused("Action=DeleteAlarms&Version=2010-08-01", 400, "MissingParameter");
  refused("Action=DescribeAlarms&Version=2010-08-01&MaxRecords=many", 400, "MalformedInput");
  refused("Action=DescribeAlarms&Version=2010-08-01&MaxRecords=101", 400, "ValidationError");
  refused("Action=DescribeAlarms&Version=2010-08-01&AlarmNames=%zz", 400, "MalformedInput");
  refused("Action=ListMetrics&Version=2010-08-01&OwningAccount=1", 400, "InvalidParameterValue");
  refused("Action=ListMetrics&Version=2010-08-01&Dimensions.member.x.Name=1", 400, "MalformedInput");
  http::ServerRequest made{.method = "POST", .target = "/", .path = "/"};
  made.headers.set("Content-Type", "application/x-www-form-urlencoded");
  made.body = "Action=ListMetrics&Version=2010-08-01";
  EXPECT_NE(body_of(api.api.handle(api.ctx, made)).find("<Code>MissingAuthenticationToken</Code>"), std::string::npos);
}

TEST(Query, a_form_becomes_what_the_shape_says) {
  const auto& shape = *input_shape("cloudwatch:PutMetricAlarm");
  auto parse = [&](const std::string& form) {
    auto input = query().parse(shape, "Action=PutMetricAlarm&Version=2010-08-01&" + form);
    return std::get<json>(input);
  };
  EXPECT_EQ(parse("Period=60&Threshold=1e3&ActionsEnabled=true&AlarmName=a+b%2Bc"),
            json({{"Period", 60}, {"Threshold", 1000.0}, {"ActionsEnabled", true}, {"AlarmName", "a b+c"}}));
  EXPECT_EQ(parse("OKActions=&AlarmActions.member.10=j&AlarmActions.member.2=b"),
            json({{"OKActions", json::array()}, {"AlarmActions", {"b", "j"}}}));
  EXPECT_EQ(parse("Metrics.member.1.MetricStat.Period=10&Metrics.member.1.Id=m"),
            json({{"Metrics", {{{"Id", "m"}, {"MetricStat", {{"Period", 10}}}}}}}));
  EXPECT_EQ(parse("Threshold=nan&Period=1.5"), json({{"Threshold", "nan"}, {"Period", "1.5"}})) << "refused by the validation";
  std::string deep = "A";
  for (int i = 0; i < 100; ++i) deep += ".A";
  EXPECT_TRUE(std::holds_alternative<Rejection>(query().parse(shape, deep + "=1")));
}

TEST(Form, fields_are_decoded) {
  auto fields = parse_form("a=1&b=x%20y+z&c&&d=%3D");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ(*fields, (FormFields{{"a", "1"}, {"b", "x y z"}, {"c", ""}, {"d", "="}}));
  EXPECT_FALSE(parse_form("a=%4").has_value());
  EXPECT_EQ(form_value("a=1&b=2%21", "b"), "2!");
  EXPECT_EQ(form_value("a=1", "b"), "");
}

TEST(Times, iso_8601_both_ways) {
  EXPECT_EQ(iso_time(1782000000), "2026-06-21T00:00:00.000Z");
  EXPECT_EQ(iso_time(1782000000.25), "2026-06-21T00:00:00.250Z");
  EXPECT_EQ(parse_iso_time("2026-06-21T00:00:00Z"), 1782000000.0);
  EXPECT_EQ(parse_iso_time("2026-06-21T02:00:00+02:00"), 1782000000.0);
  EXPECT_EQ(parse_iso_time("2026-06-21T00:00:00.5"), 1782000000.5);
  for (const auto* text : {"", "now", "2026-06-21", "2026-02-30T00:00:00Z", "2026-06-21T24:00:00Z", "2026-06-21T00:00:00X",
                           "2026-06-21T00:00:00+0", "1782000000"}) {
    EXPECT_FALSE(parse_iso_time(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace zeropull::api
