// Inputs of the operations on endpoint configurations and endpoints.
#include "control/api/shapes.h"

namespace zeropull::api {

namespace {

constexpr Shape kPriority = integer_shape(1, 5);
constexpr Member kPoolMembers[] = {
    required_member("InstanceType", kInstanceType),
    optional_member("ModelNameOverride", kModelName),
    required_member("Priority", kPriority),
};
constexpr Shape kPool = structure_shape(kPoolMembers);
constexpr Shape kPools = list_shape(kPool, 1, 5);

constexpr Value kScalingStatuses[] = {{"ENABLED"}, {"DISABLED"}};
constexpr Shape kScalingStatus = enum_shape(kScalingStatuses);
constexpr Shape kScalingMin = integer_shape(0);
constexpr Shape kScalingMax = integer_shape(1);
constexpr Member kScalingMembers[] = {
    optional_member("Status", kScalingStatus),
    optional_member("MinInstanceCount", kScalingMin),
    optional_member("MaxInstanceCount", kScalingMax),
    refused_member("ScaleInPolicy", "idle instances are released after the time that the server is configured with"),
};
constexpr Shape kScaling = structure_shape(kScalingMembers);

constexpr Value kRoutingStrategies[] = {{"LEAST_OUTSTANDING_REQUESTS"}, {"RANDOM"}};
constexpr Shape kRoutingStrategy = enum_shape(kRoutingStrategies);
constexpr Member kRoutingMembers[] = {required_member("RoutingStrategy", kRoutingStrategy)};
constexpr Shape kRouting = structure_shape(kRoutingMembers);

constexpr Shape kInitialCount = integer_shape(1);
constexpr Shape kWeight = float_shape(0);
constexpr Shape kProvisionTimeoutS = integer_shape(300, 3600);
constexpr Member kVariantMembers[] = {
    required_member("VariantName", kVariantName),
    optional_member("ModelName", kModelName),
    optional_member("InitialInstanceCount", kInitialCount),
    optional_member("InstanceType", kInstanceType),
    optional_member("InstancePools", kPools),
    optional_member("VariantInstanceProvisionTimeoutInSeconds", kProvisionTimeoutS),
    optional_member("InitialVariantWeight", kWeight),
    refused_member("AcceleratorType", "elastic inference accelerators do not exist here; choose an InstanceType that has them"),
    refused_member("CoreDumpConfig", "core dumps are not collected"),
    refused_member("ServerlessConfig", "variants run on instances; give InstanceType, or scale to zero by inference components"),
    refused_member("VolumeSizeInGB", "the size of an instance's disk belongs to its type"),
    optional_member("ModelDataDownloadTimeoutInSeconds", kTimeoutS),
    optional_member("ContainerStartupHealthCheckTimeoutInSeconds", kTimeoutS),
    refused_member("EnableSSMAccess", "there is no Systems Manager"),
    optional_member("ManagedInstanceScaling", kScaling),
    optional_member("RoutingConfig", kRouting),
    refused_member("InferenceAmiVersion", "the provider decides what an instance runs"),
    refused_member("CapacityReservationConfig", "there are no capacity reservations"),
};
constexpr Shape kVariant = structure_shape(kVariantMembers);
constexpr Shape kVariants = list_shape(kVariant, 1, 10);

constexpr Member kMetricsMembers[] = {
    optional_member("EnableEnhancedMetrics", kBoolean),
    optional_member("EnableDetailedObservability", kBoolean),
    optional_member("MetricPublishFrequencyInSeconds", kPublishS),
};
constexpr Shape kMetrics = structure_shape(kMetricsMembers);

constexpr Member kCreateConfigMembers[] = {
    required_member("EndpointConfigName", kEndpointConfigName),
    required_member("ProductionVariants", kVariants),
    refused_member("DataCaptureConfig", "requests and responses are not captured"),
    optional_member("Tags", kTagList),
    refused_member("KmsKeyId", "each endpoint's artifacts are encrypted under a key of its own"),
    refused_member("AsyncInferenceConfig", "asynchronous invocations are not served"),
    refused_member("ExplainerConfig", "explanations are not computed"),
    refused_member("ShadowProductionVariants", "shadow variants are not served"),
    optional_member("ExecutionRoleArn", kRoleArn),
    refused_member("VpcConfig", "there are no virtual private clouds; the operator decides what copies reach"),
    optional_member("EnableNetworkIsolation", kBoolean),
    optional_member("MetricsConfig", kMetrics),
};
constexpr Shape kCreateConfig = structure_shape(kCreateConfigMembers);
constexpr Member kConfigNameMembers[] = {required_member("EndpointConfigName", kEndpointConfigName)};
constexpr Shape kByConfigName = structure_shape(kConfigNameMembers);

constexpr Value kConfigSortKeys[] = {{"Name"}, {"CreationTime"}};
constexpr Shape kConfigSortKey = enum_shape(kConfigSortKeys);
constexpr Member kListConfigsMembers[] = {
    optional_member("SortBy", kConfigSortKey),        optional_member("SortOrder", kSortOrder),
    optional_member("NextToken", kNextToken),         optional_member("MaxResults", kPageSize),
    optional_member("NameContains", kNameContains),   optional_member("CreationTimeBefore", kTimestamp),
    optional_member("CreationTimeAfter", kTimestamp),
};
constexpr Shape kListConfigs = structure_shape(kListConfigsMembers);

constexpr std::string_view kOneKindOfUpdate =
    "an update brings up the new instances, shifts all traffic and releases the old ones";
constexpr Member kCreateEndpointMembers[] = {
    required_member("EndpointName", kEndpointName),
    required_member("EndpointConfigName", kEndpointConfigName),
    refused_member("DeploymentConfig", kOneKindOfUpdate),
    optional_member("Tags", kTagList),
};
constexpr Shape kCreateEndpoint = structure_shape(kCreateEndpointMembers);
constexpr Member kEndpointNameMembers[] = {required_member("EndpointName", kEndpointName)};
constexpr Shape kByEndpointName = structure_shape(kEndpointNameMembers);

constexpr Value kEndpointSortKeys[] = {{"Name"}, {"CreationTime"}, {"Status"}};
constexpr Shape kEndpointSortKey = enum_shape(kEndpointSortKeys);
constexpr Value kEndpointStatuses[] = {{"OutOfService"}, {"Creating"}, {"Updating"}, {"SystemUpdating"},      {"RollingBack"},
                                       {"InService"},    {"Deleting"}, {"Failed"},   {"UpdateRollbackFailed"}};
constexpr Shape kEndpointStatus = enum_shape(kEndpointStatuses);
constexpr Member kListEndpointsMembers[] = {
    optional_member("SortBy", kEndpointSortKey),
    optional_member("SortOrder", kSortOrder),
    optional_member("NextToken", kNextToken),
    optional_member("MaxResults", kPageSize),
    optional_member("NameContains", kNameContains),
    optional_member("CreationTimeBefore", kTimestamp),
    optional_member("CreationTimeAfter", kTimestamp),
    optional_member("LastModifiedTimeBefore", kTimestamp),
    optional_member("LastModifiedTimeAfter", kTimestamp),
    optional_member("StatusEquals", kEndpointStatus),
};
constexpr Shape kListEndpoints = structure_shape(kListEndpointsMembers);

constexpr Value kProperties[] = {{"DesiredInstanceCount"}, {"DesiredWeight"}, {"DataCaptureConfig", "requests are not captured"}};
constexpr Shape kPropertyType = enum_shape(kProperties);
constexpr Member kPropertyMembers[] = {required_member("VariantPropertyType", kPropertyType)};
constexpr Shape kProperty = structure_shape(kPropertyMembers);
constexpr Shape kPropertyList = list_shape(kProperty, {}, 3);
constexpr Member kUpdateEndpointMembers[] = {
    required_member("EndpointName", kEndpointName),          required_member("EndpointConfigName", kEndpointConfigName),
    optional_member("RetainAllVariantProperties", kBoolean), optional_member("ExcludeRetainedVariantProperties", kPropertyList),
    refused_member("DeploymentConfig", kOneKindOfUpdate),    refused_member("RetainDeploymentConfig", kOneKindOfUpdate),
};
constexpr Shape kUpdateEndpoint = structure_shape(kUpdateEndpointMembers);

constexpr Shape kInstanceCount = integer_shape(0);
constexpr Member kDesiredMembers[] = {
    required_member("VariantName", kVariantName),
    optional_member("DesiredWeight", kWeight),
    optional_member("DesiredInstanceCount", kInstanceCount),
    refused_member("ServerlessUpdateConfig", "variants run on instances"),
};
constexpr Shape kDesired = structure_shape(kDesiredMembers);
constexpr Shape kDesiredList = list_shape(kDesired, 1, 10);
constexpr Member kUpdateWeightsMembers[] = {required_member("EndpointName", kEndpointName),
                                            required_member("DesiredWeightsAndCapacities", kDesiredList)};
constexpr Shape kUpdateWeights = structure_shape(kUpdateWeightsMembers);

constexpr Input kEndpointInputs[] = {
    {"CreateEndpointConfig", &kCreateConfig},
    {"DescribeEndpointConfig", &kByConfigName},
    {"ListEndpointConfigs", &kListConfigs},
    {"DeleteEndpointConfig", &kByConfigName},
    {"CreateEndpoint", &kCreateEndpoint},
    {"DescribeEndpoint", &kByEndpointName},
    {"ListEndpoints", &kListEndpoints},
    {"UpdateEndpoint", &kUpdateEndpoint},
    {"UpdateEndpointWeightsAndCapacities", &kUpdateWeights},
    {"DeleteEndpoint", &kByEndpointName},
};

}  // namespace

std::span<const Input> endpoint_inputs() { return kEndpointInputs; }

}  // namespace zeropull::api
