"""Every member of every operation, from botocore's own model: it has a case here that the server accepts and, where the operation creates
something, gives back by Describe; or the server refuses it by name."""
import unittest

import botocore.exceptions
from members import documented, paths, refused_members, with_member
from service import ServiceTest, unique

# In an order in which each finds what it asks for.
OPERATIONS = """CreateModel DescribeModel ListModels CreateEndpointConfig DescribeEndpointConfig ListEndpointConfigs CreateEndpoint
DescribeEndpoint ListEndpoints UpdateEndpoint UpdateEndpointWeightsAndCapacities CreateInferenceComponent DescribeInferenceComponent
ListInferenceComponents UpdateInferenceComponent UpdateInferenceComponentRuntimeConfig AddTags ListTags DeleteTags
DeleteInferenceComponent DeleteEndpoint DeleteEndpointConfig DeleteModel""".split()
TAGS = [{"Key": "team", "Value": "ml"}]
TIMES = {"CreationTimeBefore": 2000000000, "CreationTimeAfter": 1}
MODIFIED = {"LastModifiedTimeBefore": 2000000000, "LastModifiedTimeAfter": 1}
PAGE = {"SortOrder": "Ascending", "MaxResults": 1, "NameContains": "e"}
# Echoed differently than given, or not at all.
NOT_ECHOED = {"Tags", "RuntimeConfig"}


class Members(ServiceTest):
    def setUp(self):
        # Two of each, so that lists have a second page.
        self.model = [self.make_model(), self.make_model()][1]
        self.config = [self.make_config(), self.make_config()][1]
        self.endpoint = [self.make_endpoint(self.config), self.make_endpoint(self.config)][1]
        self.wait("endpoint_in_service", self.endpoint)
        self.resources = {"NumberOfCpuCoresRequired": 0.5, "NumberOfAcceleratorDevicesRequired": 1.0, "MinMemoryRequiredInMb": 128,
                          "MaxMemoryRequiredInMb": 256}
        for self.component in (unique("component"), unique("component")):
            self.api.create_inference_component(InferenceComponentName=self.component, EndpointName=self.endpoint,
                                                Specification=self.specification(), RuntimeConfig={"CopyCount": 0})
        self.arn = self.api.describe_model(ModelName=self.model)["ModelArn"]

    def specification(self, **changes):
        return {"ModelName": self.model, "ComputeResourceRequirements": dict(self.resources), **changes}

    def source(self, **changes):
        return {"S3DataSource": {"S3Uri": "s3://bucket/prefix/", "S3DataType": "S3Prefix", "CompressionType": "None", **changes}}

    def requests(self, operation):
        """What the server is to accept: together they have every member that is implemented."""
        specification = self.specification(
            InstanceType="ml.g6.2xlarge", DataCacheConfig={"EnableCaching": True},
            StartupParameters={"ModelDataDownloadTimeoutInSeconds": 60, "ContainerStartupHealthCheckTimeoutInSeconds": 3600},
            SchedulingConfig={"PlacementStrategy": "BINPACK"})
        scraped = {"MetricsEndpoints": [{"MetricsEndpointPath": "/server/metrics", "MetricPublishFrequencyInSeconds": 30}]}
        container = {"Container": {"Image": "r.test/a:1", "ArtifactUrl": "s3://b/a.tar.gz", "Environment": {"A": "1"},
                                   "ContainerMetricsConfig": scraped},
                     "ComputeResourceRequirements": dict(self.resources)}
        both = [specification, {**container, **{k: v for k, v in specification.items() if k != "ModelName"}}]
        variant = {
            "VariantName": "a", "InstanceType": "ml.g6.2xlarge", "InitialInstanceCount": 1, "InitialVariantWeight": 0.5,
            "VariantInstanceProvisionTimeoutInSeconds": 300, "ModelDataDownloadTimeoutInSeconds": 60,
            "ContainerStartupHealthCheckTimeoutInSeconds": 60, "RoutingConfig": {"RoutingStrategy": "RANDOM"}}
        scaled = {**variant, "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3}}
        pools = {**variant, "ModelName": self.model, "InstancePools": [
            {"InstanceType": "ml.g6.2xlarge", "Priority": 2, "ModelNameOverride": self.model},
            {"InstanceType": "ml.g5.2xlarge", "Priority": 1}]}
        del pools["InstanceType"]
        role = "arn:aws:iam::111122223333:role/inference"
        token = lambda call, **arguments: call(MaxResults=1, SortOrder="Ascending", **arguments).get("NextToken")
        listing = lambda call, **more: [{**PAGE, **TIMES, "SortBy": "Name", **more}] + [
            {"SortBy": "Name", "SortOrder": "Ascending", "NextToken": given} for given in [token(call, SortBy="Name")] if given]
        name = unique("case")
        return {
            "CreateModel": [
                {"ModelName": name, "ExecutionRoleArn": role, "EnableNetworkIsolation": True, "Tags": TAGS, "PrimaryContainer": {
                    "Image": "r.test/a:1", "Mode": "SingleModel", "Environment": {"A": "1"}, "ModelDataSource": self.source(),
                    "ContainerMetricsConfig": scraped}},
                {"ModelName": name + "b", "PrimaryContainer": {"Image": "a", "ModelDataUrl": "s3://bucket/m.tar.gz"}},
                {"ModelName": name + "c", "PrimaryContainer": {
                    "Image": "a", "ModelDataSource": self.source(S3DataType="S3Object", CompressionType="Gzip")}}],
            "CreateEndpointConfig": [
                {"EndpointConfigName": name, "ProductionVariants": [scaled], "ExecutionRoleArn": role, "EnableNetworkIsolation": True,
                 "Tags": TAGS, "MetricsConfig": {
                     "EnableEnhancedMetrics": True, "EnableDetailedObservability": True, "MetricPublishFrequencyInSeconds": 10}},
                {"EndpointConfigName": name + "b", "ProductionVariants": [pools]}],
            "CreateEndpoint": [{"EndpointName": name, "EndpointConfigName": self.config, "Tags": TAGS}],
            "UpdateEndpoint": [{"EndpointName": self.endpoint, "EndpointConfigName": self.config, "RetainAllVariantProperties": True,
                                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}]}],
            "UpdateEndpointWeightsAndCapacities": [{"EndpointName": self.endpoint, "DesiredWeightsAndCapacities": [
                {"VariantName": "AllTraffic", "DesiredWeight": 1.5, "DesiredInstanceCount": 0}]}],
            "CreateInferenceComponent": [
                {"InferenceComponentName": name, "EndpointName": self.endpoint, "VariantName": "AllTraffic", "Tags": TAGS,
                 "Specification": specification, "RuntimeConfig": {"CopyCount": 0}},
                {"InferenceComponentName": name + "b", "EndpointName": self.endpoint, "Specification": container,
                 "RuntimeConfig": {"CopyCount": 0}},
                {"InferenceComponentName": name + "c", "EndpointName": self.endpoint, "Specifications": both[:1],
                 "RuntimeConfig": {"CopyCount": 0}},
                {"InferenceComponentName": name + "d", "EndpointName": self.endpoint, "Specifications": both[1:],
                 "RuntimeConfig": {"CopyCount": 0}}],
            "UpdateInferenceComponent": [
                {"InferenceComponentName": self.component, "Specification": specification, "RuntimeConfig": {"CopyCount": 0},
                 "DeploymentConfig": {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                                                              "WaitIntervalInSeconds": 0}}},
                {"InferenceComponentName": self.component, "Specification": container},
                {"InferenceComponentName": self.component, "Specifications": both[:1]},
                {"InferenceComponentName": self.component, "Specifications": both[1:]}],
            "UpdateInferenceComponentRuntimeConfig": [
                {"InferenceComponentName": self.component, "DesiredRuntimeConfig": {"CopyCount": 0}}],
            "ListModels": lambda: listing(self.api.list_models),
            "ListEndpointConfigs": lambda: listing(self.api.list_endpoint_configs),
            "ListEndpoints": lambda: listing(self.api.list_endpoints, StatusEquals="InService", **MODIFIED),
            "ListInferenceComponents": lambda: listing(
                self.api.list_inference_components, StatusEquals="InService", EndpointNameEquals=self.endpoint,
                VariantNameEquals="AllTraffic", **MODIFIED),
            "AddTags": [{"ResourceArn": self.arn, "Tags": TAGS}],
            "ListTags": [{"ResourceArn": self.arn, "MaxResults": 50, "NextToken": "dGVhbQ=="}],
            "DeleteTags": [{"ResourceArn": self.arn, "TagKeys": ["team"]}],
            "DescribeModel": [{"ModelName": self.model}],
            "DescribeEndpointConfig": [{"EndpointConfigName": self.config}],
            "DescribeEndpoint": [{"EndpointName": self.endpoint}],
            "DescribeInferenceComponent": [{"InferenceComponentName": self.component}],
            "DeleteModel": [{"ModelName": self.model}],
            "DeleteEndpointConfig": [{"EndpointConfigName": self.config}],
            "DeleteInferenceComponent": [{"InferenceComponentName": self.component}],
            "DeleteEndpoint": [{"EndpointName": self.endpoint}],
        }[operation]

    def call(self, operation, request):
        method = botocore.xform_name(operation)
        return getattr(self.api, method)(**request)

    def expect_echo(self, operation, request):
        kind = operation.removeprefix("Create")
        if not operation.startswith("Create") or kind == "Endpoint":
            return
        shown = self.call("Describe" + kind, {kind + "Name": request[kind + "Name"]})
        for name, value in request.items():
            if name in NOT_ECHOED:
                continue
            self.assert_within(value, shown[name], f"{operation}.{name}")

    def assert_within(self, given, shown, where):
        if isinstance(given, dict):
            for name, value in given.items():
                if name == "Image" and "Container" in where and "DeployedImage" in shown:
                    self.assertEqual(shown["DeployedImage"]["SpecifiedImage"], value, where)
                else:
                    self.assert_within(value, shown[name], f"{where}.{name}")
        elif isinstance(given, list):
            self.assertEqual(len(given), len(shown), where)
            for one, other in zip(given, shown):
                self.assert_within(one, other, where + "[]")
        else:
            self.assertEqual(given, shown, where)

    def remove(self, operation, request):
        if operation.startswith("Create"):
            kind = operation.removeprefix("Create")
            self.call("Delete" + kind, {kind + "Name": request[kind + "Name"]})

    def expect_enums_known(self, operation, requests):
        """Each value of an enumeration is accepted, or refused by name."""
        def walk(shape, at, request):
            if shape.type_name == "list":
                return walk(shape.member, at + "[]", request)
            if shape.type_name == "structure":
                for name, member in shape.members.items():
                    path = f"{at}.{name}".lstrip(".")
                    if path in paths(request):
                        walk(member, path, request)
            elif shape.type_name == "string" and shape.enum and not at.endswith("InstanceType"):
                for value in shape.enum:
                    self.expect_value_known(operation, with_member(request, at, value), value)

        walk(self.api.meta.service_model.operation_model(operation).input_shape, "", requests[0])

    def expect_value_known(self, operation, request, value):
        if operation.startswith("Create"):  # what was made before may still be on its way out
            request[operation.removeprefix("Create") + "Name"] = unique("value")
        elif not operation.startswith("List"):
            return
        try:
            self.call(operation, request)
            self.remove(operation, request)
        except botocore.exceptions.ClientError as error:
            message = error.response["Error"]["Message"]
            contradiction = "Gzip needs S3DataType S3Object" in message or "Invalid NextToken" in message
            self.assertTrue(contradiction or f"with value {value} is not supported by Zeropull: " in message, message)

    def test_members(self):
        refused = set()
        for operation in OPERATIONS:
            with self.subTest(operation):
                given = self.requests(operation)
                requests = given() if callable(given) else given
                if not operation.startswith("Delete"):
                    self.expect_enums_known(operation, requests)
                refused |= refused_members(self, self.api, operation, requests)
                for request in requests:
                    if operation.startswith("Update"):
                        self.wait("endpoint_in_service", self.endpoint)
                    self.call(operation, request)
                    self.expect_echo(operation, request)
                    self.remove(operation, request)
        self.assertEqual(refused, documented())


if __name__ == "__main__":
    unittest.main()
