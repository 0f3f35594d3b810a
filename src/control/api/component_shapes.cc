// Inputs of the operations on inference components, and of Zeropull's own operations.
#include "control/api/shapes.h"

namespace zeropull::api {

namespace {

constexpr Member kContainerMembers[] = {
    optional_member("Image", kImage),
    optional_member("ArtifactUrl", kModelUrl),
    optional_member("Environment", kEnvironment),
    optional_member("ContainerMetricsConfig", kContainerMetrics),
};
constexpr Shape kContainer = structure_shape(kContainerMembers);

constexpr Member kStartupMembers[] = {
    optional_member("ModelDataDownloadTimeoutInSeconds", kTimeoutS),
    optional_member("ContainerStartupHealthCheckTimeoutInSeconds", kTimeoutS),
};
constexpr Shape kStartup = structure_shape(kStartupMembers);

constexpr Shape kCpuCores = float_shape(0.25);
constexpr Shape kAccelerators = float_shape(1);
constexpr Shape kMemoryMb = integer_shape(128);
constexpr Member kResourceMembers[] = {
    optional_member("NumberOfCpuCoresRequired", kCpuCores),
    optional_member("NumberOfAcceleratorDevicesRequired", kAccelerators),
    required_member("MinMemoryRequiredInMb", kMemoryMb),
    optional_member("MaxMemoryRequiredInMb", kMemoryMb),
};
constexpr Shape kResources = structure_shape(kResourceMembers);

constexpr Member kDataCacheMembers[] = {required_member("EnableCaching", kBoolean)};
constexpr Shape kDataCache = structure_shape(kDataCacheMembers);

constexpr Value kPlacements[] = {{"SPREAD"}, {"BINPACK"}};
constexpr Shape kPlacement = enum_shape(kPlacements);
constexpr Member kSchedulingMembers[] = {
    required_member("PlacementStrategy", kPlacement),
    refused_member("AvailabilityZoneBalance", "there are no availability zones"),
};
constexpr Shape kScheduling = structure_shape(kSchedulingMembers);

constexpr Member kSpecificationMembers[] = {
    optional_member("InstanceType", kInstanceType),
    optional_member("ModelName", kModelName),
    optional_member("Container", kContainer),
    optional_member("StartupParameters", kStartup),
    optional_member("ComputeResourceRequirements", kResources),
    refused_member("BaseInferenceComponentName", "adapters are not loaded into another component; give a Container or ModelName"),
    optional_member("DataCacheConfig", kDataCache),
    optional_member("SchedulingConfig", kScheduling),
};
constexpr Shape kSpecification = structure_shape(kSpecificationMembers);
constexpr Shape kSpecifications = list_shape(kSpecification, 1, 5);

constexpr Shape kCopyCount = integer_shape(0);
constexpr Member kRuntimeMembers[] = {required_member("CopyCount", kCopyCount)};
constexpr Shape kRuntime = structure_shape(kRuntimeMembers);

constexpr Member kCreateMembers[] = {
    required_member("InferenceComponentName", kComponentName),
    required_member("EndpointName", kEndpointName),
    optional_member("VariantName", kVariantName),
    optional_member("Specification", kSpecification),
    optional_member("Specifications", kSpecifications),
    optional_member("RuntimeConfig", kRuntime),
    optional_member("Tags", kTagList),
};
constexpr Shape kCreate = structure_shape(kCreateMembers);

constexpr Member kNameMembers[] = {required_member("InferenceComponentName", kComponentName)};
constexpr Shape kByName = structure_shape(kNameMembers);

constexpr Value kSortKeys[] = {{"Name"}, {"CreationTime"}, {"Status"}};
constexpr Shape kSortKey = enum_shape(kSortKeys);
constexpr Value kStatuses[] = {{"InService"}, {"Creating"}, {"Updating"}, {"Failed"}, {"Deleting"}};
constexpr Shape kStatus = enum_shape(kStatuses);
constexpr Member kListMembers[] = {
    optional_member("SortBy", kSortKey),
    optional_member("SortOrder", kSortOrder),
    optional_member("NextToken", kNextToken),
    optional_member("MaxResults", kPageSize),
    optional_member("NameContains", kNameContains),
    optional_member("CreationTimeBefore", kTimestamp),
    optional_member("CreationTimeAfter", kTimestamp),
    optional_member("LastModifiedTimeBefore", kTimestamp),
    optional_member("LastModifiedTimeAfter", kTimestamp),
    optional_member("StatusEquals", kStatus),
    optional_member("EndpointNameEquals", kEndpointName),
    optional_member("VariantNameEquals", kVariantName),
};
constexpr Shape kList = structure_shape(kListMembers);

constexpr Value kBatchTypes[] = {{"COPY_COUNT"}, {"CAPACITY_PERCENT"}};
constexpr Shape kBatchType = enum_shape(kBatchTypes);
constexpr Shape kBatchValue = integer_shape(1);
constexpr Member kBatchMembers[] = {required_member("Type", kBatchType), required_member("Value", kBatchValue)};
constexpr Shape kBatch = structure_shape(kBatchMembers);
constexpr Shape kWaitS = integer_shape(0, 3600);
constexpr Member kRollingMembers[] = {
    required_member("MaximumBatchSize", kBatch),
    required_member("WaitIntervalInSeconds", kWaitS),
    refused_member("MaximumExecutionTimeoutInSeconds", "an update ends when its copies are ready, or one of them has failed"),
    refused_member("RollbackMaximumBatchSize", "a failed update keeps the copies that serve; there is nothing to roll back"),
};
constexpr Shape kRolling = structure_shape(kRollingMembers);
constexpr Member kDeploymentMembers[] = {
    required_member("RollingUpdatePolicy", kRolling),
    refused_member("AutoRollbackConfiguration", "there are no alarms to watch"),
};
constexpr Shape kDeployment = structure_shape(kDeploymentMembers);
constexpr Member kUpdateMembers[] = {
    required_member("InferenceComponentName", kComponentName), optional_member("Specification", kSpecification),
    optional_member("Specifications", kSpecifications),        optional_member("RuntimeConfig", kRuntime),
    optional_member("DeploymentConfig", kDeployment),
};
constexpr Shape kUpdate = structure_shape(kUpdateMembers);

constexpr Member kUpdateRuntimeMembers[] = {required_member("InferenceComponentName", kComponentName),
                                            required_member("DesiredRuntimeConfig", kRuntime)};
constexpr Shape kUpdateRuntime = structure_shape(kUpdateRuntimeMembers);

constexpr Input kComponentInputs[] = {
    {"CreateInferenceComponent", &kCreate}, {"DescribeInferenceComponent", &kByName},
    {"ListInferenceComponents", &kList},    {"UpdateInferenceComponent", &kUpdate},
    {"DeleteInferenceComponent", &kByName}, {"UpdateInferenceComponentRuntimeConfig", &kUpdateRuntime},
};

constexpr Member kInstancesMembers[] = {
    optional_member("EndpointName", kEndpointName),
    optional_member("NextToken", kNextToken),
    optional_member("MaxResults", kPageSize),
};
constexpr Shape kInstances = structure_shape(kInstancesMembers);
constexpr Member kTimelineMembers[] = {required_member("EndpointName", kEndpointName)};
constexpr Shape kTimeline = structure_shape(kTimelineMembers);
constexpr Shape kActivitiesShown = integer_shape(1, 200);
constexpr Member kScalingMembers[] = {
    required_member("EndpointName", kEndpointName),
    optional_member("MaxResults", kActivitiesShown),
};
constexpr Shape kScaling = structure_shape(kScalingMembers);
constexpr Shape kCopyId = string_shape(1, 63, "c-[0-9a-f]+");
constexpr Shape kLogBytes = integer_shape(1, 262144);
constexpr Member kLogsMembers[] = {
    optional_member("InferenceComponentName", kComponentName),
    optional_member("EndpointName", kEndpointName),
    optional_member("VariantName", kVariantName),
    optional_member("CopyId", kCopyId),
    optional_member("BytesMax", kLogBytes),
};
constexpr Shape kLogs = structure_shape(kLogsMembers);

constexpr Input kOwnInputs[] = {
    {"Zeropull.ListInstances", &kInstances}, {"Zeropull.DescribeTimeline", &kTimeline},
    {"Zeropull.DescribeCaches", &kTimeline}, {"Zeropull.GetLogs", &kLogs},
    {"Zeropull.DescribeScaling", &kScaling},
};

}  // namespace

std::span<const Input> component_inputs() { return kComponentInputs; }
std::span<const Input> own_inputs() { return kOwnInputs; }

}  // namespace zeropull::api
