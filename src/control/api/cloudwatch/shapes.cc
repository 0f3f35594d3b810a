// Inputs of CloudWatch's operations (botocore 1.43.67).
#include "control/api/metric_shapes.h"

namespace zeropull::api {

namespace {

constexpr Shape kPeriod = integer_shape(1, 86400);
constexpr Shape kToken = string_shape({}, 8192);

constexpr Member kStatisticSetMembers[] = {
    required_member("SampleCount", kMetricValue),
    required_member("Sum", kMetricValue),
    required_member("Minimum", kMetricValue),
    required_member("Maximum", kMetricValue),
};
constexpr Shape kStatisticSet = structure_shape(kStatisticSetMembers);
constexpr Shape kMetricValues = list_shape(kMetricValue, {}, 150);
constexpr Shape kResolution = integer_shape(1, 60);
constexpr Member kDatumMembers[] = {
    required_member("MetricName", kMetricName),        optional_member("Dimensions", kDimensions),
    optional_member("Timestamp", kTimestamp),          optional_member("Value", kMetricValue),
    optional_member("StatisticValues", kStatisticSet), optional_member("Values", kMetricValues),
    optional_member("Counts", kMetricValues),          optional_member("Unit", kUnit),
    optional_member("StorageResolution", kResolution),
};
constexpr Shape kDatum = structure_shape(kDatumMembers);
constexpr Shape kData = list_shape(kDatum, {}, 1000);
constexpr std::string_view kNoEntities = "metrics are not tied to entities; use MetricData";
constexpr Member kPutMetricDataMembers[] = {
    required_member("Namespace", kNamespace),
    optional_member("MetricData", kData),
    refused_member("EntityMetricData", kNoEntities),
    refused_member("StrictEntityValidation", kNoEntities),
};
constexpr Shape kPutMetricData = structure_shape(kPutMetricDataMembers);

constexpr std::string_view kOwnAccountAlone = "an account sees its own metrics alone";
constexpr Member kMetricStatMembers[] = {required_member("Metric", kMetric), required_member("Period", kPeriod),
                                         required_member("Stat", kStat), refused_member("Unit", kNoUnitHere)};
constexpr Shape kMetricStat = structure_shape(kMetricStatMembers);
constexpr Member kQueryMembers[] = {
    required_member("Id", kQueryId),
    optional_member("MetricStat", kMetricStat),
    optional_member("Expression", kExpression),
    optional_member("Label", kLabel),
    optional_member("ReturnData", kBoolean),
    optional_member("Period", kPeriod),
    refused_member("AccountId", kOwnAccountAlone),
};
constexpr Shape kQuery = structure_shape(kQueryMembers);
constexpr Shape kQueries = list_shape(kQuery, {}, 500);
constexpr Value kScanOrders[] = {{"TimestampDescending"}, {"TimestampAscending"}};
constexpr Shape kScanOrder = enum_shape(kScanOrders);
constexpr Shape kDatapointsMax = integer_shape(1, 100800);
constexpr Member kGetMetricDataMembers[] = {
    required_member("MetricDataQueries", kQueries),
    required_member("StartTime", kTimestamp),
    required_member("EndTime", kTimestamp),
    optional_member("NextToken", kToken),
    optional_member("ScanBy", kScanOrder),
    optional_member("MaxDatapoints", kDatapointsMax),
    refused_member("LabelOptions", "labels have no times in them"),
};
constexpr Shape kGetMetricData = structure_shape(kGetMetricDataMembers);

constexpr Shape kStatisticList = list_shape(kStatistic, 1, 5);
constexpr Shape kExtendedStatistics = list_shape(kStat, 1, 10);
constexpr Member kGetStatisticsMembers[] = {
    required_member("Namespace", kNamespace),
    required_member("MetricName", kMetricName),
    optional_member("Dimensions", kDimensions),
    required_member("StartTime", kTimestamp),
    required_member("EndTime", kTimestamp),
    required_member("Period", kPeriod),
    optional_member("Statistics", kStatisticList),
    optional_member("ExtendedStatistics", kExtendedStatistics),
    optional_member("Unit", kUnit),
};
constexpr Shape kGetStatistics = structure_shape(kGetStatisticsMembers);

constexpr Member kFilterMembers[] = {required_member("Name", kDimensionName), optional_member("Value", kDimensionValue)};
constexpr Shape kFilter = structure_shape(kFilterMembers);
constexpr Shape kFilters = list_shape(kFilter, {}, 10);
constexpr Value kRecents[] = {{"PT3H"}};
constexpr Shape kRecent = enum_shape(kRecents);
constexpr Member kListMetricsMembers[] = {
    optional_member("Namespace", kNamespace),          optional_member("MetricName", kMetricName),
    optional_member("Dimensions", kFilters),           optional_member("NextToken", kToken),
    optional_member("RecentlyActive", kRecent),        refused_member("IncludeLinkedAccounts", kOwnAccountAlone),
    refused_member("OwningAccount", kOwnAccountAlone),
};
constexpr Shape kListMetrics = structure_shape(kListMetricsMembers);

constexpr Shape kAlarmName = string_shape(1, 255, "[^\\x{00}-\\x{1f}\\x{7f}]+");
constexpr Shape kAlarmNames = list_shape(kAlarmName, {}, 100);
constexpr Shape kDescription = string_shape({}, 1024);
constexpr Shape kAction = string_shape(1, 1024);
constexpr Shape kActions = list_shape(kAction, {}, 5);
constexpr Shape kCount = integer_shape(1, 86400);
constexpr std::string_view kNoAnomalies = "anomalies are not detected by a band; give a Threshold";
constexpr Value kComparisons[] = {
    {"GreaterThanThreshold"},
    {"GreaterThanOrEqualToThreshold"},
    {"LessThanThreshold"},
    {"LessThanOrEqualToThreshold"},
    {"LessThanLowerOrGreaterThanUpperThreshold", kNoAnomalies},
    {"LessThanLowerThreshold", kNoAnomalies},
    {"GreaterThanUpperThreshold", kNoAnomalies},
};
constexpr Shape kComparison = enum_shape(kComparisons);
constexpr Value kMissings[] = {{"missing"}, {"breaching"}, {"notBreaching"}, {"ignore"}};
constexpr Shape kMissing = enum_shape(kMissings);
constexpr Value kLowCounts[] = {{"evaluate"}, {"ignore", "percentiles of few samples are evaluated"}};
constexpr Shape kLowCount = enum_shape(kLowCounts);
constexpr Shape kAlarmQueries = list_shape(kQuery, {}, 20);
constexpr std::string_view kNoPromQl = "alarms watch metrics and metric math; give MetricName or Metrics";
constexpr Member kPutAlarmMembers[] = {
    required_member("AlarmName", kAlarmName),
    optional_member("AlarmDescription", kDescription),
    optional_member("ActionsEnabled", kBoolean),
    optional_member("OKActions", kActions),
    optional_member("AlarmActions", kActions),
    optional_member("InsufficientDataActions", kActions),
    optional_member("MetricName", kMetricName),
    optional_member("Namespace", kNamespace),
    optional_member("Statistic", kStatistic),
    optional_member("ExtendedStatistic", kStat),
    optional_member("Dimensions", kDimensions),
    optional_member("Period", kPeriod),
    optional_member("Unit", kUnit),
    optional_member("EvaluationPeriods", kCount),
    optional_member("DatapointsToAlarm", kCount),
    optional_member("Threshold", kMetricValue),
    optional_member("ComparisonOperator", kComparison),
    optional_member("TreatMissingData", kMissing),
    optional_member("EvaluateLowSampleCountPercentile", kLowCount),
    optional_member("Metrics", kAlarmQueries),
    optional_member("Tags", kTagList),
    refused_member("ThresholdMetricId", kNoAnomalies),
    refused_member("EvaluationWindow", "periods follow one another without a gap"),
    refused_member("EvaluationCriteria", kNoPromQl),
    refused_member("EvaluationInterval", kNoPromQl),
};
constexpr Shape kPutAlarm = structure_shape(kPutAlarmMembers);

constexpr std::string_view kNoComposites = "there are no composite alarms";
constexpr Value kAlarmTypeValues[] = {{"MetricAlarm"}, {"CompositeAlarm"}, {"LogAlarm"}};
constexpr Shape kAlarmType = enum_shape(kAlarmTypeValues);
constexpr Shape kAlarmTypes = list_shape(kAlarmType, {}, 3);
constexpr Value kStates[] = {{"OK"}, {"ALARM"}, {"INSUFFICIENT_DATA"}};
constexpr Shape kState = enum_shape(kStates);
constexpr Member kDescribeAlarmsMembers[] = {
    optional_member("AlarmNames", kAlarmNames),
    optional_member("AlarmNamePrefix", kAlarmName),
    optional_member("AlarmTypes", kAlarmTypes),
    refused_member("ChildrenOfAlarmName", kNoComposites),
    refused_member("ParentsOfAlarmName", kNoComposites),
    optional_member("StateValue", kState),
    optional_member("ActionPrefix", kAction),
    optional_member("MaxRecords", kPageSize),
    optional_member("NextToken", kToken),
};
constexpr Shape kDescribeAlarms = structure_shape(kDescribeAlarmsMembers);
constexpr Member kAlarmsForMetricMembers[] = {
    required_member("MetricName", kMetricName),
    required_member("Namespace", kNamespace),
    optional_member("Statistic", kStatistic),
    optional_member("ExtendedStatistic", kStat),
    optional_member("Dimensions", kDimensions),
    optional_member("Period", kPeriod),
    optional_member("Unit", kUnit),
};
constexpr Shape kAlarmsForMetric = structure_shape(kAlarmsForMetricMembers);
constexpr Member kNamedMembers[] = {required_member("AlarmNames", kAlarmNames)};
constexpr Shape kNamed = structure_shape(kNamedMembers);
constexpr Shape kReason = string_shape({}, 1023);
constexpr Shape kReasonData = string_shape({}, 4000);
constexpr Member kSetStateMembers[] = {
    required_member("AlarmName", kAlarmName),
    required_member("StateValue", kState),
    required_member("StateReason", kReason),
    optional_member("StateReasonData", kReasonData),
};
constexpr Shape kSetState = structure_shape(kSetStateMembers);

constexpr Shape kAlarmArn = string_shape(1, 1024);
constexpr Member kTagResourceMembers[] = {required_member("ResourceARN", kAlarmArn), required_member("Tags", kTagList)};
constexpr Shape kTagResource = structure_shape(kTagResourceMembers);
constexpr Shape kTagKeys = list_shape(kTagKey, {}, 50);
constexpr Member kUntagResourceMembers[] = {required_member("ResourceARN", kAlarmArn), required_member("TagKeys", kTagKeys)};
constexpr Shape kUntagResource = structure_shape(kUntagResourceMembers);
constexpr Member kListTagsMembers[] = {required_member("ResourceARN", kAlarmArn)};
constexpr Shape kListTags = structure_shape(kListTagsMembers);

constexpr Input kInputs[] = {
    {"cloudwatch:PutMetricData", &kPutMetricData},
    {"cloudwatch:GetMetricData", &kGetMetricData},
    {"cloudwatch:GetMetricStatistics", &kGetStatistics},
    {"cloudwatch:ListMetrics", &kListMetrics},
    {"cloudwatch:PutMetricAlarm", &kPutAlarm},
    {"cloudwatch:DescribeAlarms", &kDescribeAlarms},
    {"cloudwatch:DescribeAlarmsForMetric", &kAlarmsForMetric},
    {"cloudwatch:DeleteAlarms", &kNamed},
    {"cloudwatch:SetAlarmState", &kSetState},
    {"cloudwatch:EnableAlarmActions", &kNamed},
    {"cloudwatch:DisableAlarmActions", &kNamed},
    {"cloudwatch:TagResource", &kTagResource},
    {"cloudwatch:UntagResource", &kUntagResource},
    {"cloudwatch:ListTagsForResource", &kListTags},
};

}  // namespace

std::span<const Input> cloudwatch_inputs() { return kInputs; }

}  // namespace zeropull::api
