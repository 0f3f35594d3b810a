"""Every operation through a current boto3: answers, errors, waiters, pages, foreign accounts."""
import time
import unittest

from service import FOREIGN, IMAGE, OWN, ServiceTest, arn, client, unique


class Operations(ServiceTest):
    def wait_component(self, name):
        for _ in range(60):
            shown = self.api.describe_inference_component(InferenceComponentName=name)
            if shown["InferenceComponentStatus"] not in ("Creating", "Updating"):
                return shown
            time.sleep(0.2)
        raise AssertionError(f"{name} stays {shown['InferenceComponentStatus']}")

    def test_models(self):
        name = self.make_model(Tags=[{"Key": "team", "Value": "ml"}])
        shown = self.api.describe_model(ModelName=name)
        self.assertEqual(shown["ModelArn"], arn("model", name))
        self.assertEqual(shown["PrimaryContainer"]["Image"], IMAGE)
        self.assertFalse(shown["EnableNetworkIsolation"])
        self.assertAlmostEqual(shown["CreationTime"].timestamp(), time.time(), delta=60)
        self.assertEqual(len(shown["ResponseMetadata"]["RequestId"]), 36)
        self.refused("Cannot create already existing model", self.api.create_model, ModelName=name, PrimaryContainer={"Image": "a"})
        self.api.delete_model(ModelName=name)
        self.refused(f'Could not find model "{arn("model", name)}".', self.api.describe_model, ModelName=name)
        self.refused("Could not find model", self.api.delete_model, ModelName=name)

    def test_endpoint_configs(self):
        name = self.make_config()
        shown = self.api.describe_endpoint_config(EndpointConfigName=name)
        self.assertEqual(shown["ProductionVariants"][0]["InitialVariantWeight"], 1.0)
        self.api.delete_endpoint_config(EndpointConfigName=name)
        self.refused("Could not find endpoint configuration", self.api.describe_endpoint_config, EndpointConfigName=name)
        self.refused("Could not find endpoint configuration", self.api.delete_endpoint_config, EndpointConfigName=name)

    def test_an_endpoint_from_its_creation_to_its_end(self):
        config = self.make_config()
        name = self.make_endpoint(config)
        self.refused("Cannot create already existing endpoint", self.api.create_endpoint, EndpointName=name.upper(),
                     EndpointConfigName=config)
        self.wait("endpoint_in_service", name)
        shown = self.api.describe_endpoint(EndpointName=name)
        self.assertEqual(shown["EndpointArn"], arn("endpoint", name))
        self.assertEqual(shown["EndpointConfigName"], config)
        self.assertEqual(shown["ProductionVariants"][0]["DesiredInstanceCount"], 0)
        # The configuration may go first, as Terraform does.
        self.api.delete_endpoint_config(EndpointConfigName=config)
        other = self.make_config(RoutingConfig={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"})
        self.api.update_endpoint(EndpointName=name, EndpointConfigName=other, RetainAllVariantProperties=True)
        self.wait("endpoint_in_service", name)
        shown = self.api.describe_endpoint(EndpointName=name)
        self.assertEqual(shown["EndpointConfigName"], other)
        self.assertEqual(shown["ProductionVariants"][0]["RoutingConfig"]["RoutingStrategy"], "LEAST_OUTSTANDING_REQUESTS")
        self.api.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 0.5}])
        self.wait("endpoint_in_service", name)
        self.assertEqual(self.api.describe_endpoint(EndpointName=name)["ProductionVariants"][0]["DesiredWeight"], 0.5)
        self.api.delete_endpoint(EndpointName=name)
        self.wait("endpoint_deleted", name)
        self.refused(f'Could not find endpoint "{arn("endpoint", name)}".', self.api.describe_endpoint, EndpointName=name)
        self.make_endpoint(other, name)

    def test_errors_of_endpoints(self):
        name = self.make_endpoint()
        self.wait("endpoint_in_service", name)
        self.refused("Could not find endpoint configuration", self.api.create_endpoint, EndpointName=unique("endpoint"),
                     EndpointConfigName="absent")
        self.refused("Could not find endpoint configuration", self.api.update_endpoint, EndpointName=name, EndpointConfigName="absent")
        self.refused("Could not find endpoint", self.api.update_endpoint, EndpointName="absent", EndpointConfigName="absent")
        self.refused("Could not find endpoint", self.api.delete_endpoint, EndpointName="absent")
        weights = self.api.update_endpoint_weights_and_capacities
        variant = {"VariantName": "AllTraffic", "DesiredWeight": 1}
        self.refused('The variant name "AllTraffic" was non-unique within the request.', weights, EndpointName=name,
                     DesiredWeightsAndCapacities=[variant, variant])
        self.refused('The variant name(s) "x" is/are not present within endpoint configuration', weights, EndpointName=name,
                     DesiredWeightsAndCapacities=[{"VariantName": "x", "DesiredWeight": 1}])

    def test_a_component_from_its_creation_to_its_end(self):
        endpoint = self.make_endpoint()
        name = self.make_component(endpoint)
        self.assertEqual(self.wait_component(name)["InferenceComponentStatus"], "InService")
        shown = self.api.describe_inference_component(InferenceComponentName=name)
        self.assertEqual(shown["RuntimeConfig"]["DesiredCopyCount"], 0)
        self.assertEqual(shown["EndpointArn"], arn("endpoint", endpoint))
        model = self.make_model()
        self.api.update_inference_component(InferenceComponentName=name, Specification={
            "ModelName": model, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 2048}})
        shown = self.wait_component(name)
        self.assertEqual(shown["Specification"]["ModelName"], model)
        self.api.update_inference_component_runtime_config(InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": 0})
        self.wait_component(name)
        listed = self.api.list_inference_components(EndpointNameEquals=endpoint, VariantNameEquals="AllTraffic")
        self.assertEqual([one["InferenceComponentName"] for one in listed["InferenceComponents"]], [name])
        self.api.delete_inference_component(InferenceComponentName=name)
        for _ in range(60):
            if not self.api.list_inference_components(NameContains=name)["InferenceComponents"]:
                break
            time.sleep(0.2)
        self.refused("Could not find inference component", self.api.describe_inference_component, InferenceComponentName=name)

    def test_errors_of_components(self):
        endpoint = self.make_endpoint()
        name = self.make_component(endpoint)
        self.refused("Cannot create already existing inference component", self.api.create_inference_component,
                     InferenceComponentName=name, EndpointName=endpoint)
        self.refused("Could not find endpoint", self.api.create_inference_component, InferenceComponentName=unique("c"),
                     EndpointName="absent")
        self.refused("needs a Specification", self.api.update_inference_component, InferenceComponentName=name)
        self.refused("can never fit", self.api.update_inference_component, InferenceComponentName=name, Specification={
            "ModelName": self.make_model(), "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 100,
                                                                          "MinMemoryRequiredInMb": 128}})
        for call in (self.api.describe_inference_component, self.api.delete_inference_component):
            self.refused("Could not find inference component", call, InferenceComponentName="absent")

    def test_deleting_an_endpoint_leaves_no_component(self):
        endpoint = self.make_endpoint()
        names = [self.make_component(endpoint) for _ in range(3)]
        self.api.delete_endpoint(EndpointName=endpoint)
        self.wait("endpoint_deleted", endpoint)
        for name in names:
            self.refused("Could not find inference component", self.api.describe_inference_component, InferenceComponentName=name)

    def test_a_variant_with_a_model_takes_no_component(self):
        endpoint = self.make_endpoint(self.make_config(self.make_model()))
        self.refused("Invalid request provided: Inference Components are not supported in this Endpoint.",
                     self.api.create_inference_component, InferenceComponentName=unique("c"), EndpointName=endpoint,
                     Specification={"ModelName": self.make_model(),
                                    "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}})

    def test_tags(self):
        endpoint = self.make_endpoint(Tags=[{"Key": "zeropull:image-cache", "Value": "off"}])
        resource = arn("endpoint", endpoint)
        self.assertEqual(self.api.list_tags(ResourceArn=resource)["Tags"], [{"Key": "zeropull:image-cache", "Value": "off"}])
        added = self.api.add_tags(ResourceArn=resource, Tags=[{"Key": f"k{i:02}", "Value": "v"} for i in range(49)])
        self.assertEqual(len(added["Tags"]), 50)
        self.refused("at most 50", self.api.add_tags, "ResourceLimitExceeded", ResourceArn=resource,
                     Tags=[{"Key": "more", "Value": "v"}])
        pages = self.api.get_paginator("list_tags").paginate(ResourceArn=resource)
        self.assertEqual(sum(len(page["Tags"]) for page in pages), 50)
        self.api.delete_tags(ResourceArn=resource, TagKeys=["zeropull:image-cache"])
        self.assertEqual(len(self.api.list_tags(ResourceArn=resource)["Tags"]), 49)
        for kind, name in (("model", self.make_model()), ("endpoint-config", self.make_config()),
                           ("inference-component", self.make_component(endpoint))):
            self.api.add_tags(ResourceArn=arn(kind, name), Tags=[{"Key": "a", "Value": "b"}])
            self.assertEqual(self.api.list_tags(ResourceArn=arn(kind, name))["Tags"], [{"Key": "a", "Value": "b"}])

    def test_pages(self):
        prefix = unique("page")
        names = [self.make_model(f"{prefix}-{i:02}") for i in range(12)]
        paginate = self.api.get_paginator("list_models").paginate
        pages = list(paginate(NameContains=prefix, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 5}))
        self.assertEqual([len(page["Models"]) for page in pages], [5, 5, 2])
        self.assertEqual([model["ModelName"] for page in pages for model in page["Models"]], names)
        newest_first = [model["ModelName"] for page in paginate(NameContains=prefix) for model in page["Models"]]
        self.assertEqual(sorted(newest_first), names)
        self.refused("Invalid NextToken", self.api.list_models, NextToken="bm9wZQ==")
        for operation, member in (("list_endpoints", "Endpoints"), ("list_endpoint_configs", "EndpointConfigs"),
                                  ("list_inference_components", "InferenceComponents")):
            for page in self.api.get_paginator(operation).paginate(NameContains="nothing-has-this-name"):
                self.assertEqual(page[member], [])

    def test_filters_by_time_and_status(self):
        name = self.make_endpoint()
        self.wait("endpoint_in_service", name)
        shown = self.api.describe_endpoint(EndpointName=name)
        listed = lambda **filters: [one["EndpointName"] for one in self.api.list_endpoints(NameContains=name, **filters)["Endpoints"]]
        self.assertEqual(listed(StatusEquals="InService"), [name])
        self.assertEqual(listed(StatusEquals="Failed"), [])
        self.assertEqual(listed(CreationTimeAfter=int(shown["CreationTime"].timestamp()) - 1), [name])
        self.assertEqual(listed(CreationTimeBefore=int(shown["CreationTime"].timestamp()) - 1), [])
        self.assertEqual(listed(LastModifiedTimeAfter=int(shown["LastModifiedTime"].timestamp()) + 2), [])

    def test_a_foreign_account_finds_nothing(self):
        foreign = client(FOREIGN)
        endpoint = self.make_endpoint()
        component = self.make_component(endpoint)
        for call, arguments in (
            (foreign.describe_endpoint, {"EndpointName": endpoint}),
            (foreign.delete_endpoint, {"EndpointName": endpoint}),
            (foreign.describe_inference_component, {"InferenceComponentName": component}),
            (foreign.delete_inference_component, {"InferenceComponentName": component}),
            (foreign.list_tags, {"ResourceArn": arn("endpoint", endpoint)}),
        ):
            self.refused("Could not find", call, **arguments)
        self.assertEqual(foreign.list_endpoints(NameContains=endpoint)["Endpoints"], [])
        self.assertNotEqual(OWN["account"], FOREIGN["account"])


if __name__ == "__main__":
    unittest.main()
