// The wire: who is let in, how errors look, what each account sees.
#include "control/api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "control/api/operations.h"
#include "control/api/schema.h"
#include "control/api/testing/test_api.h"
#include "os/file.h"

namespace zeropull::api {
namespace {

using nlohmann::json;

class ApiTest : public testing::Test {
 protected:
  TestApi api;
};

TEST_F(ApiTest, an_answer_has_a_request_id_of_its_own) {
  auto first = api.call("ListModels", json::object());
  auto second = api.call("ListModels", json::object());
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.request_id.size(), 36u);
  EXPECT_NE(first.request_id, second.request_id);
}

TEST_F(ApiTest, every_operation_of_the_tables_is_carried_out) {
  for (auto operation : operations()) EXPECT_NE(find_operation(operation), nullptr) << operation;
}

TEST_F(ApiTest, an_unknown_operation_is_named) {
  for (const auto* target :
       {"SageMaker.CreateTrainingJob", "Zeropull.ListModels", "SageMaker.Zeropull.GetLogs", "Other.ListModels", ""}) {
    auto answer = api.send(api.request(target, "{}"));
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(answer.type(), "UnknownOperationException");
    EXPECT_NE(answer.message().find(target), std::string::npos);
  }
}

TEST_F(ApiTest, another_path_or_method_is_no_operation) {
  auto get = api.request("SageMaker.ListModels", "{}");
  get.method = "GET";
  get.headers.remove("Authorization");
  api.sign(get);
  EXPECT_EQ(api.send(get).type(), "UnknownOperationException");
}

TEST_F(ApiTest, a_body_that_is_not_an_object_is_a_serialization_error) {
  for (const auto* body : {"{", "[]", "1", "\"x\"", "null", "{\"a\":1}}", "\xff"}) {
    auto answer = api.send(api.request("SageMaker.ListModels", body));
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.type(), "SerializationException") << body;
  }
}

TEST_F(ApiTest, no_body_is_an_empty_object) { EXPECT_EQ(api.send(api.request("SageMaker.ListModels", "")).status, 200); }

TEST_F(ApiTest, deep_and_huge_bodies_are_refused) {
  EXPECT_EQ(api.send(api.request("SageMaker.ListModels", std::string(100000, '['))).type(), "SerializationException");
  auto huge = "{\"NameContains\":\"" + std::string(2 * 1024 * 1024, 'a') + "\"}";
  EXPECT_EQ(api.send(api.request("SageMaker.ListModels", huge)).type(), "SerializationException");
}

TEST_F(ApiTest, requests_without_a_good_signature_are_refused_with_the_services_codes) {
  auto good = api.request("SageMaker.ListModels", "{}");
  auto unsigned_one = good;
  unsigned_one.headers.remove("Authorization");
  EXPECT_EQ(api.send(unsigned_one).type(), "MissingAuthenticationTokenException");
  auto changed = good;
  changed.body = "{ }";
  EXPECT_EQ(api.send(changed).type(), "InvalidSignatureException");
  auto other_target = good;
  other_target.headers.set("X-Amz-Target", "SageMaker.DeleteModel");
  EXPECT_EQ(api.send(other_target).type(), "InvalidSignatureException");
  EXPECT_EQ(api.send(api.request("SageMaker.ListModels", "{}", "777788889999")).type(), "UnrecognizedClientException");
  api.clock.now += std::chrono::minutes(6);
  auto late = api.send(good);
  EXPECT_EQ(late.status, 403);
  EXPECT_EQ(late.type(), "InvalidSignatureException");
}

TEST_F(ApiTest, a_revoked_key_is_unknown_at_once) {
  EXPECT_EQ(api.call("ListModels", json::object()).status, 200);
  auto key = api.state->view().access_key("AKIA" + std::string(kAccount));
  api.change<state::AccessKey>(key, [](state::AccessKey& next) { next.revoked = 1; });
  EXPECT_EQ(api.call("ListModels", json::object()).type(), "UnrecognizedClientException");
}

TEST_F(ApiTest, an_account_sees_and_touches_its_own_objects_alone) {
  api.make_endpoint();
  api.ok("CreateInferenceComponent", TestApi::component("ic"));
  auto foreign = [&](const std::string& operation, const json& input) { return api.call(operation, input, kOtherAccount); };
  EXPECT_TRUE(foreign("ListModels", json::object()).body["Models"].empty());
  EXPECT_TRUE(foreign("ListEndpointConfigs", json::object()).body["EndpointConfigs"].empty());
  EXPECT_TRUE(foreign("ListEndpoints", json::object()).body["Endpoints"].empty());
  EXPECT_TRUE(foreign("ListInferenceComponents", json::object()).body["InferenceComponents"].empty());
  EXPECT_TRUE(foreign("Zeropull.ListInstances", json::object()).body["Instances"].empty());
  const std::vector<std::pair<std::string, json>> calls{
      {"DescribeModel", {{"ModelName", "m"}}},
      {"DeleteModel", {{"ModelName", "m"}}},
      {"DescribeEndpointConfig", {{"EndpointConfigName", "c"}}},
      {"DeleteEndpointConfig", {{"EndpointConfigName", "c"}}},
      {"CreateEndpoint", {{"EndpointName", "x"}, {"EndpointConfigName", "c"}}},
      {"DescribeEndpoint", {{"EndpointName", "e"}}},
      {"UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}}},
      {"DeleteEndpoint", {{"EndpointName", "e"}}},
      {"CreateInferenceComponent", TestApi::component("x")},
      {"DescribeInferenceComponent", {{"InferenceComponentName", "ic"}}},
      {"DeleteInferenceComponent", {{"InferenceComponentName", "ic"}}},
      {"UpdateInferenceComponentRuntimeConfig", {{"InferenceComponentName", "ic"}, {"DesiredRuntimeConfig", {{"CopyCount", 0}}}}},
      {"ListTags", {{"ResourceArn", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/e"}}},
      {"AddTags",
       {{"ResourceArn", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/e"}, {"Tags", {{{"Key", "k"}, {"Value", "v"}}}}}},
      {"Zeropull.ListInstances", {{"EndpointName", "e"}}},
      {"Zeropull.DescribeTimeline", {{"EndpointName", "e"}}},
      {"Zeropull.DescribeCaches", {{"EndpointName", "e"}}},
      {"Zeropull.GetLogs", {{"InferenceComponentName", "ic"}}},
  };
  for (const auto& [operation, input] : calls) {
    auto answer = foreign(operation, input);
    EXPECT_EQ(answer.type(), "ValidationException") << operation;
    EXPECT_TRUE(answer.message().starts_with("Could not find")) << operation << ": " << answer.message();
  }
  EXPECT_EQ(foreign("CreateModel", TestApi::model("m")).status, 200) << "names are an account's own";
}

// Run with ZP_WRITE_DOCS=1 after a change of the tables.
TEST_F(ApiTest, the_page_of_refused_members_is_that_of_the_tables) {
  const auto path = std::string(ZP_SOURCE_DIR) + "/docs/api-members.md";
  if (getenv("ZP_WRITE_DOCS") != nullptr) MUST(os::replace_file(path, as_bytes(refused_members_text()), 0644));
  EXPECT_EQ(MUST(os::read_text(path, 1 << 20)), refused_members_text()) << "run this test with ZP_WRITE_DOCS=1";
}

// What stands between backquotes, by the last of its names: "A.B[].C" is "C".
std::set<std::string> quoted_names(std::string_view text) {
  std::set<std::string> names;
  for (auto begin = text.find('`'); begin != std::string_view::npos;) {
    const auto end = text.find('`', begin + 1);
    if (end == std::string_view::npos) break;
    auto name = text.substr(begin + 1, end - begin - 1);
    name = name.substr(0, name.find(" = "));
    while (name.ends_with("[]")) name.remove_suffix(2);
    names.emplace(name.substr(name.rfind('.') + 1));
    begin = text.find('`', end + 1);
  }
  return names;
}

TEST_F(ApiTest, the_readmes_table_names_what_is_refused_and_nothing_else) {
  const auto readme = MUST(os::read_text(std::string(ZP_SOURCE_DIR) + "/README.md", 1 << 20));
  auto table = readme.substr(readme.find("### What is refused"));
  table = table.substr(table.find("| operation |"));
  table = table.substr(0, table.find("| InvokeEndpoint |"));  // whose members are the router's, and not in this room's tables
  const auto tables = refused_members_text();
  const auto page = quoted_names(std::string_view(tables).substr(tables.find("|---|")));
  for (const auto& name : page) EXPECT_THAT(quoted_names(table), testing::Contains(name));
  for (const auto& name : quoted_names(table)) EXPECT_THAT(tables, testing::HasSubstr(name)) << "it is not refused any more";
}

}  // namespace
}  // namespace zeropull::api
