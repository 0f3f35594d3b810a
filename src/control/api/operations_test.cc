// What the operations do with the state, and what they answer.
#include <gtest/gtest.h>

#include "control/api/testing/test_api.h"

namespace zeropull::api {
namespace {

using nlohmann::json;
using state::ComponentStatus;
using state::EndpointStatus;

class OperationsTest : public testing::Test {
 protected:
  TestApi api;

  void expect_refused(const std::string& operation, const json& input, const std::string& message) {
    auto answer = api.call(operation, input);
    EXPECT_EQ(answer.status, 400) << operation << " " << input << ": " << answer.body;
    EXPECT_NE(answer.message().find(message), std::string::npos) << operation << ": " << answer.body;
  }
  json variant(const json& changes) {
    json given = TestApi::config("x")["ProductionVariants"][0];
    given.merge_patch(changes);
    return {{"EndpointConfigName", "x"}, {"ProductionVariants", json::array({given})}};
  }
  json specification(const json& changes) {
    json given = TestApi::component("ic");
    given["Specification"].merge_patch(changes);
    return given;
  }
};

TEST_F(OperationsTest, a_model_is_described_as_it_was_created) {
  auto input = TestApi::model("m");
  input["PrimaryContainer"]["Environment"] = {{"A", "1"}};
  input["Tags"] = {{{"Key", "team"}, {"Value", "ml"}}};
  EXPECT_EQ(api.ok("CreateModel", input)["ModelArn"], "arn:aws:sagemaker:us-east-1:111122223333:model/m");
  auto shown = api.ok("DescribeModel", {{"ModelName", "m"}});
  EXPECT_EQ(shown["PrimaryContainer"]["Environment"]["A"], "1");
  EXPECT_EQ(shown["PrimaryContainer"]["Mode"], "SingleModel");
  EXPECT_EQ(shown["CreationTime"], 1782000000.0);
  EXPECT_FALSE(shown.contains("Tags"));
  auto record = api.state->view().model({kAccount, "m"});
  EXPECT_EQ(record->container.model.uri, "s3://models/m.tar.gz");
  EXPECT_TRUE(record->container.model.gzip);
  EXPECT_EQ(record->tags.at("team"), "ml");
}

TEST_F(OperationsTest, names_taken_and_names_missing_have_the_texts_that_clients_match) {
  api.make_endpoint();
  const std::string arn = "arn:aws:sagemaker:us-east-1:111122223333:";
  expect_refused("CreateModel", TestApi::model("m"), "Cannot create already existing model \"" + arn + "model/m\".");
  expect_refused("CreateEndpointConfig", TestApi::config("c"),
                 "Cannot create already existing endpoint configuration \"" + arn + "endpoint-config/c\".");
  expect_refused("CreateEndpoint", {{"EndpointName", "E"}, {"EndpointConfigName", "c"}},
                 "Cannot create already existing endpoint \"" + arn + "endpoint/e\".");
  expect_refused("DescribeEndpoint", {{"EndpointName", "E"}}, "Could not find endpoint \"" + arn + "endpoint/E\".");
  expect_refused("DescribeEndpointConfig", {{"EndpointConfigName", "x"}},
                 "Could not find endpoint configuration \"" + arn + "endpoint-config/x\".");
  expect_refused("DescribeModel", {{"ModelName", "x"}}, "Could not find model \"" + arn + "model/x\".");
  expect_refused("DescribeInferenceComponent", {{"InferenceComponentName", "x"}}, "Could not find inference component");
  expect_refused("CreateEndpoint", {{"EndpointName", "f"}, {"EndpointConfigName", "x"}}, "Could not find endpoint configuration");
  expect_refused("CreateInferenceComponent", specification({{"ModelName", "x"}}), "Could not find model");
}

TEST_F(OperationsTest, models_refuse_what_contradicts_itself) {
  expect_refused("CreateModel", {{"ModelName", "m"}}, "needs a PrimaryContainer");
  expect_refused("CreateModel", {{"ModelName", "m"}, {"PrimaryContainer", json::object()}}, "needs an Image");
  auto both = TestApi::model("m");
  both["PrimaryContainer"]["ModelDataSource"]["S3DataSource"] = {
      {"S3Uri", "s3://b/p/"}, {"S3DataType", "S3Prefix"}, {"CompressionType", "None"}};
  expect_refused("CreateModel", both, "either ModelDataUrl or ModelDataSource");
  both["PrimaryContainer"].erase("ModelDataUrl");
  both["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["CompressionType"] = "Gzip";
  expect_refused("CreateModel", both, "Gzip needs S3DataType S3Object");
  auto large = TestApi::model("m");
  for (int i = 0; i < 40; ++i) large["PrimaryContainer"]["Environment"]["K" + std::to_string(i)] = std::string(1024, 'v');
  expect_refused("CreateModel", large, "Environment has");
}

TEST_F(OperationsTest, configurations_refuse_what_contradicts_itself) {
  api.ok("CreateModel", TestApi::model("m"));
  expect_refused("CreateEndpointConfig", variant({{"InstanceType", nullptr}}), "either InstanceType or InstancePools");
  expect_refused("CreateEndpointConfig", variant({{"InstanceType", "ml.none.large"}}), "ml.none.large");
  expect_refused("CreateEndpointConfig", variant({{"ModelName", "x"}}), "Could not find model");
  expect_refused("CreateEndpointConfig", variant({{"ModelName", "m"}}),
                 "ManagedInstanceScaling is only supported for inference component endpoints.");
  expect_refused("CreateEndpointConfig", variant({{"ManagedInstanceScaling", {{"MinInstanceCount", 9}}}}), "is greater than");
  expect_refused("CreateEndpointConfig", variant({{"InitialInstanceCount", 5}}), "is not within");
  json pool{{"InstanceType", "ml.g6.2xlarge"}, {"Priority", 1}};
  expect_refused("CreateEndpointConfig", variant({{"InstanceType", nullptr}, {"InstancePools", {pool, pool}}}), "of their own");
  auto twice = TestApi::config("x");
  twice["ProductionVariants"].push_back(twice["ProductionVariants"][0]);
  expect_refused("CreateEndpointConfig", twice, "The variant name \"AllTraffic\" was non-unique within the request.");
  twice["ProductionVariants"][1] = {{"VariantName", "b"}, {"ModelName", "m"}, {"InstanceType", "ml.g6.2xlarge"}};
  expect_refused("CreateEndpointConfig", twice, "Either every variant has a ModelName, or none has");
}

TEST_F(OperationsTest, an_endpoint_is_created_with_its_own_copy_of_the_configuration) {
  api.make_endpoint();
  api.ok("DeleteEndpointConfig", {{"EndpointConfigName", "c"}});
  auto record = api.endpoint();
  EXPECT_EQ(record->status, EndpointStatus::kCreating);
  EXPECT_EQ(record->wrapped_key, "key of " + record->uid);
  ASSERT_EQ(record->variants.size(), 1u);
  EXPECT_EQ(record->variants[0].pools[0].instance_type, "ml.g6.2xlarge");
  EXPECT_EQ(record->variants[0].scaling.max, 4);
  EXPECT_NE(record->config_body.find("ml.g6.2xlarge"), std::string::npos);
  auto shown = api.ok("DescribeEndpoint", {{"EndpointName", "e"}});
  EXPECT_EQ(shown["EndpointStatus"], "Creating");
  EXPECT_EQ(shown["ProductionVariants"][0]["DesiredInstanceCount"], 1);
  EXPECT_EQ(shown["ProductionVariants"][0]["CurrentInstanceCount"], 0);
  EXPECT_EQ(shown["ProductionVariants"][0]["VariantStatus"][0]["Status"], "Creating");
}

TEST_F(OperationsTest, an_endpoint_shows_what_runs_and_why_more_does_not) {
  api.make_endpoint();
  api.change<state::Endpoint>(api.endpoint(), [](state::Endpoint& next) {
    next.status = EndpointStatus::kInService;
    next.variants[0].desired_instances = 2;
    next.variants[0].status_message = "no ml.g6.2xlarge is free";
  });
  state::Instance instance;
  instance.id = "i-1", instance.endpoint_uid = api.endpoint()->uid, instance.variant = "AllTraffic";
  instance.instance_type = "ml.g6.2xlarge", instance.state = state::InstanceState::kReady;
  api.add(instance);
  auto variant = api.ok("DescribeEndpoint", {{"EndpointName", "e"}})["ProductionVariants"][0];
  EXPECT_EQ(variant["CurrentInstanceCount"], 1);
  EXPECT_EQ(variant["DesiredInstanceCount"], 2);
  EXPECT_EQ(variant["VariantStatus"][0]["StatusMessage"], "no ml.g6.2xlarge is free");
}

TEST_F(OperationsTest, updates_wait_for_an_endpoint_in_progress_and_deletion_does_not) {
  for (auto status : {EndpointStatus::kCreating, EndpointStatus::kInService, EndpointStatus::kUpdating,
                      EndpointStatus::kRollingBack, EndpointStatus::kFailed}) {
    TestApi fresh;
    fresh.make_endpoint();
    fresh.set_endpoint_status(status);
    if (status != EndpointStatus::kInService && status != EndpointStatus::kFailed) {
      auto answer = fresh.call("UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
      EXPECT_EQ(answer.message(), "Cannot update in-progress endpoint \"arn:aws:sagemaker:us-east-1:111122223333:endpoint/e\".");
    }
    fresh.ok("DeleteEndpoint", {{"EndpointName", "e"}});
    EXPECT_EQ(fresh.endpoint()->status, EndpointStatus::kDeleting);
    fresh.ok("DeleteEndpoint", {{"EndpointName", "e"}});
  }
}

TEST_F(OperationsTest, deleting_an_endpoint_deletes_its_components_in_any_status) {
  api.make_endpoint();
  for (const auto* name : {"a", "b"}) api.ok("CreateInferenceComponent", TestApi::component(name));
  api.change<state::Component>(api.component_record("b"), [](state::Component& next) { next.status = ComponentStatus::kFailed; });
  api.ok("DeleteEndpoint", {{"EndpointName", "e"}});
  EXPECT_EQ(api.component_record("a")->status, ComponentStatus::kDeleting);
  EXPECT_EQ(api.component_record("b")->status, ComponentStatus::kDeleting);
  expect_refused("CreateInferenceComponent", TestApi::component("c"), "is being deleted");
}

TEST_F(OperationsTest, an_update_goes_to_a_configuration_of_its_own_copy) {
  api.make_endpoint();
  api.set_endpoint_status(EndpointStatus::kInService);
  api.ok("DeleteEndpointConfig", {{"EndpointConfigName", "c"}});
  auto config = TestApi::config("c2");
  config["ProductionVariants"][0]["InitialInstanceCount"] = 3;
  api.ok("CreateEndpointConfig", config);
  api.ok("UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c2"}});
  auto record = api.endpoint();
  EXPECT_EQ(record->status, EndpointStatus::kUpdating);
  EXPECT_EQ(record->config_name, "c");
  EXPECT_EQ(record->pending->at(0).desired_instances, 3);
  EXPECT_EQ(record->revision_of_spec, 2u);
  auto shown = api.ok("DescribeEndpoint", {{"EndpointName", "e"}});
  EXPECT_EQ(shown["PendingDeploymentSummary"]["EndpointConfigName"], "c2");
  EXPECT_EQ(shown["PendingDeploymentSummary"]["ProductionVariants"][0]["InstanceType"], "ml.g6.2xlarge");
}

TEST_F(OperationsTest, what_a_configuration_says_of_metrics_is_kept_shown_and_changed_by_an_update) {
  auto configured = [](const std::string& name, const json& metrics) {
    return with(TestApi::config(name), {{"MetricsConfig", metrics}});
  };
  const json coarse{
      {"EnableEnhancedMetrics", true}, {"MetricPublishFrequencyInSeconds", 300}, {"EnableDetailedObservability", false}};
  expect_refused("CreateEndpointConfig", configured("c", {{"MetricPublishFrequencyInSeconds", 20}}),
                 "MetricPublishFrequencyInSeconds 20 is none of 10, 30, 60, 120, 180, 240, 300.");
  api.make_endpoint();
  EXPECT_FALSE(api.endpoint()->metrics.enhanced);
  EXPECT_EQ(api.endpoint()->metrics.scraping, state::Scraping::kConfigured);
  EXPECT_FALSE(api.ok("DescribeEndpoint", {{"EndpointName", "e"}}).contains("MetricsConfig"));
  api.ok("CreateEndpointConfig", configured("coarse", coarse));
  EXPECT_EQ(api.ok("DescribeEndpointConfig", {{"EndpointConfigName", "coarse"}})["MetricsConfig"], coarse);
  api.ok("CreateEndpoint", {{"EndpointName", "other"}, {"EndpointConfigName", "coarse"}});
  EXPECT_EQ(api.ok("DescribeEndpoint", {{"EndpointName", "other"}})["MetricsConfig"], coarse);
  api.set_endpoint_status(EndpointStatus::kInService);
  api.ok("UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "coarse"}});
  EXPECT_TRUE(api.endpoint()->pending_metrics.enhanced);
  EXPECT_EQ(api.endpoint()->pending_metrics.publish_s, 300);
  EXPECT_EQ(api.endpoint()->pending_metrics.scraping, state::Scraping::kNone);
  EXPECT_FALSE(api.endpoint()->metrics.enhanced) << "not before the update is done";
}

TEST_F(OperationsTest, a_container_says_where_its_metrics_are) {
  auto says = [](const json& endpoint) { return json{{"MetricsEndpoints", json::array({endpoint})}}; };
  auto model = TestApi::model("own");
  auto& config = model["PrimaryContainer"]["ContainerMetricsConfig"];
  for (const auto* path : {"metrics", "/", "/a/../b", "/a b", "/a?b"}) {
    config = says({{"MetricsEndpointPath", path}});
    expect_refused("CreateModel", model, "satisfy regular expression pattern");
  }
  config = says({{"MetricsEndpointPath", "/m"}, {"MetricPublishFrequencyInSeconds", 1}});
  expect_refused("CreateModel", model, "is none of 10, 30");
  config = says({{"MetricsEndpointPath", "/server/v1.2/metrics"}, {"MetricPublishFrequencyInSeconds", 30}});
  api.make_endpoint();
  api.ok("CreateModel", model);
  EXPECT_EQ(api.ok("DescribeModel", {{"ModelName", "own"}})["PrimaryContainer"]["ContainerMetricsConfig"], config);
  auto component = TestApi::component("ic");
  component["Specification"]["ModelName"] = "own";
  api.ok("CreateInferenceComponent", component);
  EXPECT_EQ(api.component_record("ic")->specs[0].container.metrics.path, "/server/v1.2/metrics");
  EXPECT_EQ(api.component_record("ic")->specs[0].container.metrics.publish_s, 30);
  component["Specification"].erase("ModelName");
  component["Specification"]["Container"] = {{"Image", "r.test/a:1"}, {"ContainerMetricsConfig", says(json::object())}};
  component["InferenceComponentName"] = "other";
  api.ok("CreateInferenceComponent", component);
  EXPECT_EQ(api.component_record("other")->specs[0].container.metrics.path, "/metrics");
  auto shown = api.ok("DescribeInferenceComponent", {{"InferenceComponentName", "other"}});
  EXPECT_TRUE(shown["Specification"]["Container"].contains("ContainerMetricsConfig"));
}

TEST_F(OperationsTest, retained_properties_win_over_the_configuration_unless_excluded) {
  for (bool exclude : {false, true}) {
    TestApi fresh;
    fresh.make_endpoint();
    fresh.change<state::Endpoint>(fresh.endpoint(), [](state::Endpoint& next) {
      next.status = EndpointStatus::kInService;
      next.variants[0].desired_instances = 3;
      next.variants[0].desired_weight = 0.5;
    });
    json input{{"EndpointName", "e"}, {"EndpointConfigName", "c"}, {"RetainAllVariantProperties", true}};
    if (exclude) input["ExcludeRetainedVariantProperties"] = {{{"VariantPropertyType", "DesiredInstanceCount"}}};
    fresh.ok("UpdateEndpoint", input);
    EXPECT_EQ(fresh.endpoint()->pending->at(0).desired_instances, exclude ? 1 : 3);
    EXPECT_EQ(fresh.endpoint()->pending->at(0).desired_weight, 0.5);
  }
}

TEST_F(OperationsTest, an_update_keeps_the_variants_that_components_run_on) {
  api.make_endpoint();
  api.ok("CreateInferenceComponent", TestApi::component("ic"));
  api.set_endpoint_status(EndpointStatus::kInService);
  auto config = TestApi::config("c2");
  config["ProductionVariants"][0]["VariantName"] = "Other";
  api.ok("CreateEndpointConfig", config);
  expect_refused("UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c2"}}, "Delete the component first");
}

TEST_F(OperationsTest, weights_and_capacities_change_what_is_desired) {
  api.make_endpoint();
  api.set_endpoint_status(EndpointStatus::kInService);
  auto update = [](const json& desired) { return json{{"EndpointName", "e"}, {"DesiredWeightsAndCapacities", desired}}; };
  json two{{"VariantName", "AllTraffic"}, {"DesiredInstanceCount", 2}};
  expect_refused("UpdateEndpointWeightsAndCapacities", update({two, two}), "The variant name \"AllTraffic\" was non-unique");
  expect_refused("UpdateEndpointWeightsAndCapacities", update({{{"VariantName", "x"}, {"DesiredWeight", 1}}}),
                 "The variant name(s) \"x\" is/are not present within endpoint configuration \"c\".");
  expect_refused("UpdateEndpointWeightsAndCapacities", update({{{"VariantName", "AllTraffic"}}}), "needs a DesiredWeight");
  expect_refused("UpdateEndpointWeightsAndCapacities", update({{{"VariantName", "AllTraffic"}, {"DesiredInstanceCount", 9}}}),
                 "is not within");
  api.ok("UpdateEndpointWeightsAndCapacities", update(json::array({two})));
  EXPECT_EQ(api.endpoint()->variants[0].desired_instances, 2);
  EXPECT_EQ(api.endpoint()->status, EndpointStatus::kUpdating);
}

TEST_F(OperationsTest, a_component_is_created_from_a_model) {
  api.make_endpoint();
  auto input = TestApi::component("ic");
  input["Specification"]["DataCacheConfig"] = {{"EnableCaching", true}};
  input["Specification"]["SchedulingConfig"] = {{"PlacementStrategy", "BINPACK"}};
  input["Specification"]["StartupParameters"] = {{"ContainerStartupHealthCheckTimeoutInSeconds", 900}};
  input["RuntimeConfig"]["CopyCount"] = 0;
  api.ok("CreateInferenceComponent", input);
  auto record = api.component_record("ic");
  EXPECT_EQ(record->desired_copies, 0);
  EXPECT_EQ(record->endpoint_uid, api.endpoint()->uid);
  ASSERT_EQ(record->specs.size(), 1u);
  EXPECT_EQ(record->specs[0].container.image, "registry.test/lmi:v15");
  EXPECT_TRUE(record->specs[0].data_cache);
  EXPECT_EQ(record->specs[0].placement, state::Placement::kBinpack);
  EXPECT_EQ(record->specs[0].start_timeout_s, 900);
  auto shown = api.ok("DescribeInferenceComponent", {{"InferenceComponentName", "ic"}});
  EXPECT_EQ(shown["Specification"]["ModelName"], "m");
  EXPECT_TRUE(shown["Specification"]["ComputeResourceRequirements"]["NumberOfAcceleratorDevicesRequired"].is_number_float());
  EXPECT_EQ(shown["RuntimeConfig"]["CurrentCopyCount"], 0);
  EXPECT_EQ(shown["InferenceComponentStatus"], "Creating");
}

TEST_F(OperationsTest, a_components_container_shows_its_deployed_image) {
  api.make_endpoint();
  auto input = TestApi::component("ic");
  input["Specification"].erase("ModelName");
  input["Specification"]["Container"] = {{"Image", "r.test/a:1"}, {"ArtifactUrl", "s3://b/a.tar.gz"}};
  api.ok("CreateInferenceComponent", input);
  api.change<state::Component>(api.component_record("ic"), [](state::Component& next) {
    next.specs[0].container.resolved_image = "r.test/a@sha256:00";
    next.specs[0].container.resolved = 1500;
  });
  auto container = api.ok("DescribeInferenceComponent", {{"InferenceComponentName", "ic"}})["Specification"]["Container"];
  EXPECT_FALSE(container.contains("Image"));
  EXPECT_EQ(container["DeployedImage"]["ResolvedImage"], "r.test/a@sha256:00");
  EXPECT_EQ(container["DeployedImage"]["ResolutionTime"], 1.5);
}

TEST_F(OperationsTest, components_refuse_what_contradicts_itself) {
  api.make_endpoint();
  expect_refused("CreateInferenceComponent", specification({{"ModelName", nullptr}}), "either ModelName or Container");
  expect_refused("CreateInferenceComponent", specification({{"Container", {{"Image", "a"}}}}), "either ModelName or Container");
  expect_refused("CreateInferenceComponent", specification({{"ComputeResourceRequirements", nullptr}}),
                 "needs ComputeResourceRequirements");
  expect_refused("CreateInferenceComponent",
                 specification({{"ComputeResourceRequirements", {{"NumberOfAcceleratorDevicesRequired", 1.5}}}}),
                 "not a whole number");
  expect_refused("CreateInferenceComponent", specification({{"ComputeResourceRequirements", {{"MaxMemoryRequiredInMb", 200}}}}),
                 "is less than MinMemoryRequiredInMb");
  expect_refused("CreateInferenceComponent", specification({{"InstanceType", "ml.g5.xlarge"}}), "has no instances of type");
  auto both = TestApi::component("ic");
  both["Specifications"] = json::array({both["Specification"]});
  expect_refused("CreateInferenceComponent", both, "either Specification or Specifications");
  both.erase("Specification");
  both["Specifications"].push_back(both["Specifications"][0]);
  expect_refused("CreateInferenceComponent", both, "needs an InstanceType");
  auto elsewhere = TestApi::component("ic");
  elsewhere["VariantName"] = "x";
  expect_refused("CreateInferenceComponent", elsewhere, "is/are not present within endpoint configuration");
}

TEST_F(OperationsTest, what_can_never_fit_is_refused_with_figures) {
  api.make_endpoint();
  auto answer = api.call("CreateInferenceComponent",
                         specification({{"ComputeResourceRequirements", {{"NumberOfAcceleratorDevicesRequired", 8}}}}));
  EXPECT_NE(answer.message().find("can never fit"), std::string::npos) << answer.message();
  EXPECT_NE(answer.message().find("8 accelerators"), std::string::npos) << answer.message();
  EXPECT_NE(answer.message().find("ml.g6.2xlarge has 1 accelerator,"), std::string::npos) << answer.message();
}

TEST_F(OperationsTest, a_variant_with_a_model_takes_no_components) {
  api.ok("CreateModel", TestApi::model("m"));
  auto config = TestApi::config("c");
  config["ProductionVariants"][0].erase("ManagedInstanceScaling");
  config["ProductionVariants"][0]["ModelName"] = "m";
  api.ok("CreateEndpointConfig", config);
  api.ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  expect_refused("CreateInferenceComponent", TestApi::component("ic"),
                 "Invalid request provided: Inference Components are not supported in this Endpoint.");
}

TEST_F(OperationsTest, an_updated_component_has_a_new_revision_and_no_old_reason) {
  api.make_endpoint();
  api.ok("CreateInferenceComponent", TestApi::component("ic"));
  api.change<state::Component>(api.component_record("ic"), [](state::Component& next) {
    next.status = ComponentStatus::kFailed;
    next.failure_reason = "image not found";
  });
  EXPECT_EQ(api.ok("DescribeInferenceComponent", {{"InferenceComponentName", "ic"}})["FailureReason"], "image not found");
  expect_refused("UpdateInferenceComponent", {{"InferenceComponentName", "ic"}}, "needs a Specification");
  auto input = TestApi::component("ic");
  json update{{"InferenceComponentName", "ic"}, {"Specification", input["Specification"]}};
  update["DeploymentConfig"]["RollingUpdatePolicy"] = {{"MaximumBatchSize", {{"Type", "COPY_COUNT"}, {"Value", 1}}},
                                                       {"WaitIntervalInSeconds", 30}};
  api.ok("UpdateInferenceComponent", update);
  auto record = api.component_record("ic");
  EXPECT_EQ(record->status, ComponentStatus::kUpdating);
  EXPECT_EQ(record->spec_revision, 2u);
  auto shown = api.ok("DescribeInferenceComponent", {{"InferenceComponentName", "ic"}});
  EXPECT_FALSE(shown.contains("FailureReason"));
  EXPECT_EQ(shown["LastDeploymentConfig"]["RollingUpdatePolicy"]["WaitIntervalInSeconds"], 30);
}

TEST_F(OperationsTest, copies_are_asked_for_and_counted) {
  api.make_endpoint();
  api.ok("CreateInferenceComponent", TestApi::component("ic"));
  api.ok("UpdateInferenceComponentRuntimeConfig",
         {{"InferenceComponentName", "ic"}, {"DesiredRuntimeConfig", {{"CopyCount", 3}}}});
  EXPECT_EQ(api.component_record("ic")->desired_copies, 3);
  EXPECT_EQ(api.component_record("ic")->status, ComponentStatus::kCreating) << "it never served yet";
  state::Instance instance;
  instance.id = "i-1", instance.endpoint_uid = api.endpoint()->uid, instance.instance_type = "ml.g6.2xlarge";
  api.add(instance);
  for (auto phase : {state::CopyPhase::kReady, state::CopyPhase::kStarting}) {
    state::Copy copy;
    copy.id = phase == state::CopyPhase::kReady ? "c-1" : "c-2", copy.phase = phase, copy.instance_id = "i-1";
    copy.component = "ic", copy.component_uid = api.component_record("ic")->uid, copy.endpoint_uid = api.endpoint()->uid;
    api.add(copy);
  }
  auto runtime = api.ok("DescribeInferenceComponent", {{"InferenceComponentName", "ic"}})["RuntimeConfig"];
  EXPECT_EQ(runtime["DesiredCopyCount"], 3);
  EXPECT_EQ(runtime["CurrentCopyCount"], 1);
  EXPECT_EQ(runtime["PlacementStatus"][0]["InstanceType"], "ml.g6.2xlarge");
  auto instances = api.ok("Zeropull.ListInstances", {{"EndpointName", "e"}})["Instances"];
  ASSERT_EQ(instances.size(), 1u);
  EXPECT_EQ(instances[0]["Copies"].size(), 2u);
  auto logs = api.ok("Zeropull.GetLogs", {{"InferenceComponentName", "ic"}, {"CopyId", "c-1"}})["Copies"];
  ASSERT_EQ(logs.size(), 1u);
  EXPECT_EQ(logs[0]["Log"], "log of c-1");
  EXPECT_EQ(api.ok("Zeropull.DescribeTimeline", {{"EndpointName", "e"}})["Entries"].size(), 2u);
}

TEST_F(OperationsTest, a_component_is_deleted_in_every_status) {
  for (auto status :
       {ComponentStatus::kCreating, ComponentStatus::kInService, ComponentStatus::kUpdating, ComponentStatus::kFailed}) {
    TestApi fresh;
    fresh.make_endpoint();
    fresh.ok("CreateInferenceComponent", TestApi::component("ic"));
    fresh.change<state::Component>(fresh.component_record("ic"), [&](state::Component& next) { next.status = status; });
    fresh.ok("DeleteInferenceComponent", {{"InferenceComponentName", "ic"}});
    EXPECT_EQ(fresh.component_record("ic")->status, ComponentStatus::kDeleting);
    fresh.ok("DeleteInferenceComponent", {{"InferenceComponentName", "ic"}});
    auto answer = fresh.call("UpdateInferenceComponentRuntimeConfig",
                             {{"InferenceComponentName", "ic"}, {"DesiredRuntimeConfig", {{"CopyCount", 1}}}});
    EXPECT_NE(answer.message().find("DELETE_IN_PROGRESS"), std::string::npos);
  }
}

TEST_F(OperationsTest, implicit_components_are_not_shown) {
  api.make_endpoint();
  state::Component implicit;
  implicit.account = kAccount, implicit.name = "e/AllTraffic", implicit.uid = "k1", implicit.implicit = true;
  implicit.endpoint_name = "e", implicit.endpoint_uid = api.endpoint()->uid, implicit.variant = "AllTraffic";
  implicit.specs.resize(1);
  implicit.specs[0].container.image = "a:1", implicit.specs[0].container.resolved_image = "a@sha256:00";
  api.add(implicit);
  EXPECT_TRUE(api.ok("ListInferenceComponents", json::object())["InferenceComponents"].empty());
  auto variant = api.ok("DescribeEndpoint", {{"EndpointName", "e"}})["ProductionVariants"][0];
  EXPECT_EQ(variant["DeployedImages"][0]["ResolvedImage"], "a@sha256:00");
}

TEST_F(OperationsTest, tags_are_kept_listed_in_pages_and_removed) {
  api.make_endpoint();
  // ARNs may be lower-cased by clients; tags of objects that are not there are refused.
  const std::string arn = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/e";
  auto tags = json::array();
  for (int i = 10; i < 60; ++i) tags.push_back({{"Key", "k" + std::to_string(i)}, {"Value", "v"}});
  EXPECT_EQ(api.ok("AddTags", {{"ResourceArn", arn}, {"Tags", tags}})["Tags"].size(), 50u);
  expect_refused("AddTags", {{"ResourceArn", arn}, {"Tags", {{{"Key", "more"}, {"Value", "v"}}}}}, "at most 50");
  EXPECT_EQ(api.call("AddTags", {{"ResourceArn", arn}, {"Tags", {{{"Key", "more"}, {"Value", "v"}}}}}).type(),
            "ResourceLimitExceeded");
  EXPECT_EQ(api.ok("ListTags", {{"ResourceArn", arn}})["Tags"].size(), 50u);
  api.ok("DeleteTags", {{"ResourceArn", arn}, {"TagKeys", {"k10", "absent"}}});
  EXPECT_EQ(api.endpoint()->tags.size(), 49u);
  expect_refused("ListTags", {{"ResourceArn", arn + "x"}}, "Could not find");
  expect_refused("ListTags", {{"ResourceArn", "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e"}}, "Could not find");
  expect_refused("AddTags", {{"ResourceArn", arn}, {"Tags", {{{"Key", "a"}, {"Value", "1"}}, {{"Key", "a"}, {"Value", "2"}}}}},
                 "non-unique");
}

TEST_F(OperationsTest, lists_are_paged_filtered_and_sorted) {
  for (int i = 0; i < 25; ++i) {
    api.ok("CreateModel", TestApi::model(fmt::format("m{:02}", (i * 7) % 25)));
    api.clock.now += std::chrono::seconds(1);
  }
  auto names = [&](json input) {
    std::vector<std::string> all;
    while (true) {
      auto page = api.ok("ListModels", input);
      for (const auto& model : page["Models"]) all.push_back(model["ModelName"]);
      if (!page.contains("NextToken")) return all;
      EXPECT_NE(page["NextToken"], input.value("NextToken", ""));
      input["NextToken"] = page["NextToken"];
    }
  };
  auto newest_first = names(json::object());
  ASSERT_EQ(newest_first.size(), 25u);
  EXPECT_EQ(newest_first[0], "m18");
  auto by_name = names({{"SortBy", "Name"}, {"SortOrder", "Ascending"}, {"MaxResults", 7}});
  EXPECT_TRUE(std::ranges::is_sorted(by_name));
  EXPECT_EQ(by_name.size(), 25u);
  EXPECT_EQ(names({{"NameContains", "m1"}}).size(), 10u);
  EXPECT_EQ(names({{"CreationTimeAfter", 1782000009.5}, {"CreationTimeBefore", 1782000012}}).size(), 2u);
  auto page = api.ok("ListModels", {{"MaxResults", 1}});
  expect_refused("ListModels", {{"SortBy", "Name"}, {"NextToken", page["NextToken"]}}, "Invalid NextToken");
  expect_refused("ListModels", {{"NextToken", "x"}}, "Invalid NextToken");
}

TEST_F(OperationsTest, components_are_listed_by_endpoint_variant_and_status) {
  api.make_endpoint();
  for (const auto* name : {"a", "b"}) api.ok("CreateInferenceComponent", TestApi::component(name));
  api.change<state::Component>(api.component_record("b"),
                               [](state::Component& next) { next.status = ComponentStatus::kInService; });
  auto count = [&](const json& input) { return api.ok("ListInferenceComponents", input)["InferenceComponents"].size(); };
  EXPECT_EQ(count({{"EndpointNameEquals", "e"}, {"VariantNameEquals", "AllTraffic"}}), 2u);
  EXPECT_EQ(count({{"EndpointNameEquals", "x"}}), 0u);
  EXPECT_EQ(count({{"StatusEquals", "InService"}}), 1u);
  EXPECT_EQ(api.ok("ListEndpoints", {{"StatusEquals", "Creating"}})["Endpoints"].size(), 1u);
}

}  // namespace
}  // namespace zeropull::api
