// Inputs of Application Auto Scaling's operations (botocore 1.43.67).
#include "control/api/metric_shapes.h"
#include "control/scaler/limits.h"

namespace zeropull::api {

namespace {

constexpr Value kNamespaces[] = {{"sagemaker"}};
constexpr Shape kServiceNamespace = enum_shape(kNamespaces);
constexpr Value kDimensionValues[] = {
    {"sagemaker:variant:DesiredInstanceCount"},
    {"sagemaker:inference-component:DesiredCopyCount"},
    {"sagemaker:variant:DesiredProvisionedConcurrency", "variants run on instances, not serverless"},
};
constexpr Shape kScalableDimension = enum_shape(kDimensionValues);
constexpr Shape kResourceId = string_shape(1, 1600);
constexpr Shape kResourceIds = list_shape(kResourceId, {}, 50);
constexpr Shape kCapacity = integer_shape(0, scaler::kCapacityMax);
constexpr Shape kToken = string_shape({}, 8192);
constexpr Shape kPage = integer_shape(1, 50);
constexpr Shape kTagMap = map_shape(kTagKey, kTagValue, 50);

// What names a resource, in front of an operation's other members.
constexpr Member kNamespaceMember = required_member("ServiceNamespace", kServiceNamespace);
constexpr Member kResourceMember = required_member("ResourceId", kResourceId);
constexpr Member kDimensionMember = required_member("ScalableDimension", kScalableDimension);
// Filters of the Describe operations, and their pages.
constexpr Member kResourceFilter = optional_member("ResourceId", kResourceId);
constexpr Member kDimensionFilter = optional_member("ScalableDimension", kScalableDimension);
constexpr Member kPageMember = optional_member("MaxResults", kPage);
constexpr Member kTokenMember = optional_member("NextToken", kToken);

constexpr Member kSuspendedMembers[] = {
    optional_member("DynamicScalingInSuspended", kBoolean),
    optional_member("DynamicScalingOutSuspended", kBoolean),
    optional_member("ScheduledScalingSuspended", kBoolean),
};
constexpr Shape kSuspendedState = structure_shape(kSuspendedMembers);
constexpr Shape kAnyRole = string_shape(1, 1600);
constexpr Member kRegisterMembers[] = {
    kNamespaceMember,
    kResourceMember,
    kDimensionMember,
    optional_member("MinCapacity", kCapacity),
    optional_member("MaxCapacity", kCapacity),
    optional_member("RoleARN", kAnyRole),
    optional_member("SuspendedState", kSuspendedState),
    optional_member("Tags", kTagMap),
};
constexpr Shape kRegister = structure_shape(kRegisterMembers);
constexpr Member kDescribeTargetsMembers[] = {
    kNamespaceMember, optional_member("ResourceIds", kResourceIds), kDimensionFilter, kPageMember, kTokenMember,
};
constexpr Shape kDescribeTargets = structure_shape(kDescribeTargetsMembers);
constexpr Member kDeregisterMembers[] = {kNamespaceMember, kResourceMember, kDimensionMember};
constexpr Shape kDeregister = structure_shape(kDeregisterMembers);

constexpr std::string_view kOthersMetric = "it is not a metric of SageMaker";
constexpr Value kPredefinedTypes[] = {
    {"SageMakerVariantInvocationsPerInstance"},
    {"SageMakerInferenceComponentInvocationsPerCopy"},
    {"SageMakerVariantConcurrentRequestsPerModelHighResolution"},
    {"SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"},
    {"SageMakerVariantProvisionedConcurrencyUtilization", "it measures serverless variants, and variants run on instances"},
    {"DynamoDBReadCapacityUtilization", kOthersMetric},
    {"DynamoDBWriteCapacityUtilization", kOthersMetric},
    {"ALBRequestCountPerTarget", kOthersMetric},
    {"RDSReaderAverageCPUUtilization", kOthersMetric},
    {"RDSReaderAverageDatabaseConnections", kOthersMetric},
    {"EC2SpotFleetRequestAverageCPUUtilization", kOthersMetric},
    {"EC2SpotFleetRequestAverageNetworkIn", kOthersMetric},
    {"EC2SpotFleetRequestAverageNetworkOut", kOthersMetric},
    {"ECSServiceAverageCPUUtilization", kOthersMetric},
    {"ECSServiceAverageMemoryUtilization", kOthersMetric},
    {"AppStreamAverageCapacityUtilization", kOthersMetric},
    {"ComprehendInferenceUtilization", kOthersMetric},
    {"LambdaProvisionedConcurrencyUtilization", kOthersMetric},
    {"CassandraReadCapacityUtilization", kOthersMetric},
    {"CassandraWriteCapacityUtilization", kOthersMetric},
    {"KafkaBrokerStorageUtilization", kOthersMetric},
    {"ElastiCacheEngineCPUUtilization", kOthersMetric},
    {"ElastiCacheDatabaseMemoryUsagePercentage", kOthersMetric},
    {"ElastiCachePrimaryEngineCPUUtilization", kOthersMetric},
    {"ElastiCacheReplicaEngineCPUUtilization", kOthersMetric},
    {"ElastiCacheDatabaseMemoryUsageCountedForEvictPercentage", kOthersMetric},
    {"NeptuneReaderAverageCPUUtilization", kOthersMetric},
    {"ElastiCacheDatabaseCapacityUsageCountedForEvictPercentage", kOthersMetric},
    {"WorkSpacesAverageUserSessionsCapacityUtilization", kOthersMetric},
    {"ECSServiceAverageCPUUtilizationHighResolution", kOthersMetric},
    {"ECSServiceAverageMemoryUtilizationHighResolution", kOthersMetric},
};
constexpr Shape kPredefinedType = enum_shape(kPredefinedTypes);
constexpr Member kPredefinedMembers[] = {
    required_member("PredefinedMetricType", kPredefinedType),
    refused_member("ResourceLabel", "it names a load balancer's target group, of which SageMaker has none"),
};
constexpr Shape kPredefined = structure_shape(kPredefinedMembers);

constexpr Member kMetricStatMembers[] = {required_member("Metric", kMetric), required_member("Stat", kStat),
                                         refused_member("Unit", kNoUnitHere)};
constexpr Shape kMetricStat = structure_shape(kMetricStatMembers);
constexpr Member kQueryMembers[] = {
    optional_member("Expression", kExpression), required_member("Id", kQueryId),         optional_member("Label", kLabel),
    optional_member("MetricStat", kMetricStat), optional_member("ReturnData", kBoolean),
};
constexpr Shape kQuery = structure_shape(kQueryMembers);
constexpr Shape kQueries = list_shape(kQuery, 1, 20);
constexpr Member kCustomizedMembers[] = {
    optional_member("MetricName", kMetricName),
    optional_member("Namespace", kNamespace),
    optional_member("Dimensions", kDimensions),
    optional_member("Statistic", kStatistic),
    optional_member("Unit", kUnit),
    optional_member("Metrics", kQueries),
};
constexpr Shape kCustomized = structure_shape(kCustomizedMembers);
constexpr Shape kCooldown = integer_shape(0, 604800);
constexpr Member kTrackingMembers[] = {
    required_member("TargetValue", kMetricValue),
    optional_member("PredefinedMetricSpecification", kPredefined),
    optional_member("CustomizedMetricSpecification", kCustomized),
    optional_member("ScaleOutCooldown", kCooldown),
    optional_member("ScaleInCooldown", kCooldown),
    optional_member("DisableScaleIn", kBoolean),
};
constexpr Shape kTracking = structure_shape(kTrackingMembers);

constexpr Value kAdjustments[] = {{"ChangeInCapacity"}, {"PercentChangeInCapacity"}, {"ExactCapacity"}};
constexpr Shape kAdjustment = enum_shape(kAdjustments);
constexpr Shape kScalingAdjustment = integer_shape(-scaler::kCapacityMax, scaler::kCapacityMax);
constexpr Member kStepMembers[] = {
    optional_member("MetricIntervalLowerBound", kMetricValue),
    optional_member("MetricIntervalUpperBound", kMetricValue),
    required_member("ScalingAdjustment", kScalingAdjustment),
};
constexpr Shape kStep = structure_shape(kStepMembers);
constexpr Shape kSteps = list_shape(kStep, {}, static_cast<double>(scaler::kStepsMax));
constexpr Shape kMagnitude = integer_shape(0, scaler::kCapacityMax);
constexpr Value kAggregations[] = {{"Average"}, {"Minimum"}, {"Maximum"}};
constexpr Shape kAggregation = enum_shape(kAggregations);
constexpr Member kStepScalingMembers[] = {
    optional_member("AdjustmentType", kAdjustment),         optional_member("StepAdjustments", kSteps),
    optional_member("MinAdjustmentMagnitude", kMagnitude),  optional_member("Cooldown", kCooldown),
    optional_member("MetricAggregationType", kAggregation),
};
constexpr Shape kStepScaling = structure_shape(kStepScalingMembers);

constexpr std::string_view kNoForecasts = "load is not forecast; target tracking with our own detector sees it in seconds";
constexpr Value kPolicyTypes[] = {{"TargetTrackingScaling"}, {"StepScaling"}, {"PredictiveScaling", kNoForecasts}};
constexpr Shape kPolicyType = enum_shape(kPolicyTypes);
constexpr Shape kPolicyName = string_shape(1, 256, "[\\x20-\\x7e]+");
constexpr Member kPutPolicyMembers[] = {
    required_member("PolicyName", kPolicyName),
    kNamespaceMember,
    kResourceMember,
    kDimensionMember,
    optional_member("PolicyType", kPolicyType),
    optional_member("StepScalingPolicyConfiguration", kStepScaling),
    optional_member("TargetTrackingScalingPolicyConfiguration", kTracking),
    refused_member("PredictiveScalingPolicyConfiguration", kNoForecasts),
};
constexpr Shape kPutPolicy = structure_shape(kPutPolicyMembers);
constexpr Shape kAnyName = string_shape(1, 1600);
constexpr Shape kAnyNames = list_shape(kAnyName, {}, 50);
constexpr Shape kPolicyPage = integer_shape(1, 10);
constexpr Member kDescribePoliciesMembers[] = {
    optional_member("PolicyNames", kAnyNames),  kNamespaceMember, kResourceFilter, kDimensionFilter,
    optional_member("MaxResults", kPolicyPage), kTokenMember,
};
constexpr Shape kDescribePolicies = structure_shape(kDescribePoliciesMembers);
constexpr Member kDeletePolicyMembers[] = {required_member("PolicyName", kAnyName), kNamespaceMember, kResourceMember,
                                           kDimensionMember};
constexpr Shape kDeletePolicy = structure_shape(kDeletePolicyMembers);

constexpr Member kDescribeActivitiesMembers[] = {
    kNamespaceMember, kResourceFilter, kDimensionFilter,
    kPageMember,      kTokenMember,    optional_member("IncludeNotScaledActivities", kBoolean),
};
constexpr Shape kDescribeActivities = structure_shape(kDescribeActivitiesMembers);

constexpr Shape kScheduleText = string_shape(1, static_cast<double>(scaler::kScheduleTextMax));
constexpr Shape kTimezone = string_shape(1, 1600);
constexpr Shape kActionName = string_shape(
    1, 256, "[^\\x{00}-\\x{20}\\x{7f}-\\x{9f}:/|]([^\\x{00}-\\x{1f}\\x{7f}-\\x{9f}:/|]*[^\\x{00}-\\x{20}\\x{7f}-\\x{9f}:/|])?");
constexpr Member kTargetActionMembers[] = {optional_member("MinCapacity", kCapacity), optional_member("MaxCapacity", kCapacity)};
constexpr Shape kTargetAction = structure_shape(kTargetActionMembers);
constexpr Member kPutActionMembers[] = {
    kNamespaceMember,
    optional_member("Schedule", kScheduleText),
    optional_member("Timezone", kTimezone),
    required_member("ScheduledActionName", kActionName),
    kResourceMember,
    kDimensionMember,
    optional_member("StartTime", kTimestamp),
    optional_member("EndTime", kTimestamp),
    optional_member("ScalableTargetAction", kTargetAction),
};
constexpr Shape kPutAction = structure_shape(kPutActionMembers);
constexpr Member kDescribeActionsMembers[] = {
    optional_member("ScheduledActionNames", kAnyNames),
    kNamespaceMember,
    kResourceFilter,
    kDimensionFilter,
    kPageMember,
    kTokenMember,
};
constexpr Shape kDescribeActions = structure_shape(kDescribeActionsMembers);
constexpr Member kDeleteActionMembers[] = {kNamespaceMember, required_member("ScheduledActionName", kAnyName), kResourceMember,
                                           kDimensionMember};
constexpr Shape kDeleteAction = structure_shape(kDeleteActionMembers);

constexpr Shape kTargetArn = string_shape(1, 1011, "arn:.+:application-autoscaling:.+:[0-9]+:scalable-target\\/[a-zA-Z0-9-]+");
constexpr Member kTagMembers2[] = {required_member("ResourceARN", kTargetArn), required_member("Tags", kTagMap)};
constexpr Shape kTagResource = structure_shape(kTagMembers2);
constexpr Shape kTagKeys = list_shape(kTagKey, {}, 200);
constexpr Member kUntagMembers[] = {required_member("ResourceARN", kTargetArn), required_member("TagKeys", kTagKeys)};
constexpr Shape kUntagResource = structure_shape(kUntagMembers);
constexpr Member kListTagsMembers[] = {required_member("ResourceARN", kTargetArn)};
constexpr Shape kListTags = structure_shape(kListTagsMembers);

constexpr Input kInputs[] = {
    {"application-autoscaling:RegisterScalableTarget", &kRegister},
    {"application-autoscaling:DescribeScalableTargets", &kDescribeTargets},
    {"application-autoscaling:DeregisterScalableTarget", &kDeregister},
    {"application-autoscaling:PutScalingPolicy", &kPutPolicy},
    {"application-autoscaling:DescribeScalingPolicies", &kDescribePolicies},
    {"application-autoscaling:DeleteScalingPolicy", &kDeletePolicy},
    {"application-autoscaling:DescribeScalingActivities", &kDescribeActivities},
    {"application-autoscaling:PutScheduledAction", &kPutAction},
    {"application-autoscaling:DescribeScheduledActions", &kDescribeActions},
    {"application-autoscaling:DeleteScheduledAction", &kDeleteAction},
    {"application-autoscaling:TagResource", &kTagResource},
    {"application-autoscaling:UntagResource", &kUntagResource},
    {"application-autoscaling:ListTagsForResource", &kListTags},
};

}  // namespace

std::span<const Input> autoscaling_inputs() { return kInputs; }

}  // namespace zeropull::api
