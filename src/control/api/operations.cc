#include "control/api/operations.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "control/api/autoscaling/operations.h"
#include "control/api/cloudwatch/operations.h"

namespace zeropull::api {

namespace {

struct Entry {
  std::string_view name;
  Operation run;
};

constexpr std::array kEntries{
    Entry{"CreateModel", create_model},
    Entry{"DescribeModel", describe_model},
    Entry{"ListModels", list_models},
    Entry{"DeleteModel", delete_model},
    Entry{"CreateEndpointConfig", create_endpoint_config},
    Entry{"DescribeEndpointConfig", describe_endpoint_config},
    Entry{"ListEndpointConfigs", list_endpoint_configs},
    Entry{"DeleteEndpointConfig", delete_endpoint_config},
    Entry{"CreateEndpoint", create_endpoint},
    Entry{"DescribeEndpoint", describe_endpoint},
    Entry{"ListEndpoints", list_endpoints},
    Entry{"UpdateEndpoint", update_endpoint},
    Entry{"UpdateEndpointWeightsAndCapacities", update_endpoint_weights_and_capacities},
    Entry{"DeleteEndpoint", delete_endpoint},
    Entry{"CreateInferenceComponent", create_component},
    Entry{"DescribeInferenceComponent", describe_component},
    Entry{"ListInferenceComponents", list_components},
    Entry{"UpdateInferenceComponent", update_component},
    Entry{"UpdateInferenceComponentRuntimeConfig", update_component_runtime_config},
    Entry{"DeleteInferenceComponent", delete_component},
    Entry{"AddTags", add_tags},
    Entry{"ListTags", list_tags},
    Entry{"DeleteTags", delete_tags},
    Entry{"application-autoscaling:RegisterScalableTarget", autoscaling::register_target},
    Entry{"application-autoscaling:DescribeScalableTargets", autoscaling::describe_targets},
    Entry{"application-autoscaling:DeregisterScalableTarget", autoscaling::deregister_target},
    Entry{"application-autoscaling:PutScalingPolicy", autoscaling::put_policy},
    Entry{"application-autoscaling:DescribeScalingPolicies", autoscaling::describe_policies},
    Entry{"application-autoscaling:DeleteScalingPolicy", autoscaling::delete_policy},
    Entry{"application-autoscaling:DescribeScalingActivities", autoscaling::describe_activities},
    Entry{"application-autoscaling:PutScheduledAction", autoscaling::put_scheduled_action},
    Entry{"application-autoscaling:DescribeScheduledActions", autoscaling::describe_scheduled_actions},
    Entry{"application-autoscaling:DeleteScheduledAction", autoscaling::delete_scheduled_action},
    Entry{"application-autoscaling:TagResource", autoscaling::tag_target},
    Entry{"application-autoscaling:UntagResource", autoscaling::untag_target},
    Entry{"application-autoscaling:ListTagsForResource", autoscaling::list_target_tags},
    Entry{"cloudwatch:PutMetricData", cloudwatch::put_metric_data},
    Entry{"cloudwatch:GetMetricData", cloudwatch::get_metric_data},
    Entry{"cloudwatch:GetMetricStatistics", cloudwatch::get_metric_statistics},
    Entry{"cloudwatch:ListMetrics", cloudwatch::list_metrics},
    Entry{"cloudwatch:PutMetricAlarm", cloudwatch::put_metric_alarm},
    Entry{"cloudwatch:DescribeAlarms", cloudwatch::describe_alarms},
    Entry{"cloudwatch:DescribeAlarmsForMetric", cloudwatch::describe_alarms_for_metric},
    Entry{"cloudwatch:DeleteAlarms", cloudwatch::delete_alarms},
    Entry{"cloudwatch:SetAlarmState", cloudwatch::set_alarm_state},
    Entry{"cloudwatch:EnableAlarmActions", cloudwatch::enable_alarm_actions},
    Entry{"cloudwatch:DisableAlarmActions", cloudwatch::disable_alarm_actions},
    Entry{"cloudwatch:TagResource", cloudwatch::tag_alarm},
    Entry{"cloudwatch:UntagResource", cloudwatch::untag_alarm},
    Entry{"cloudwatch:ListTagsForResource", cloudwatch::list_alarm_tags},
    Entry{"Zeropull.ListInstances", list_instances},
    Entry{"Zeropull.DescribeTimeline", describe_timeline},
    Entry{"Zeropull.DescribeCaches", describe_caches},
    Entry{"Zeropull.GetLogs", get_logs},
    Entry{"Zeropull.DescribeScaling", describe_scaling},
};

}  // namespace

Operation find_operation(std::string_view name) {
  const auto* found = std::ranges::find(kEntries, name, &Entry::name);
  return found == kEntries.end() ? nullptr : found->run;
}

}  // namespace zeropull::api
