"""Every member of every operation of Application Auto Scaling and CloudWatch that the server has, from botocore's own models: a case here
has it and the server accepts it, or the server refuses it by name. See current_members.py for SageMaker's."""
import time
import unittest

import botocore
from current_scaling import of_component
from members import documented, refused_members, sample
from service import OWN, ServiceTest, unique

NOW = int(time.time()) // 60 * 60
METRIC = {"Namespace": "Custom", "MetricName": "A", "Dimensions": [{"Name": "d", "Value": "v"}]}


class Members(ServiceTest):
    def check(self, client, operation, requests, code):
        """Every other member is refused, and each request accepted; the names of those refused."""
        refused = refused_members(self, client, operation, requests, code)
        call = getattr(client, botocore.xform_name(operation))
        for request in requests:
            call(**request)
        return refused

    def test_application_auto_scaling(self):
        endpoint = self.make_endpoint()
        self.wait("endpoint_in_service", endpoint)
        resource = of_component(self.make_component(endpoint))
        other = of_component(self.make_component(endpoint))
        namespace = {"ServiceNamespace": "sagemaker"}
        math = [{"Id": "m", "MetricStat": {"Metric": METRIC, "Stat": "Sum"}, "ReturnData": False},
                {"Id": "e", "Expression": "m * 2", "Label": "twice"}]
        tracking = {"TargetValue": 5.0, "ScaleOutCooldown": 60, "ScaleInCooldown": 300, "DisableScaleIn": True}
        policies = [{"PolicyName": name, **resource, "PolicyType": "TargetTrackingScaling",
                     "TargetTrackingScalingPolicyConfiguration": {**tracking, **metric}} for name, metric in (
            ("a", {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"}}),
            ("b", {"CustomizedMetricSpecification": {**METRIC, "Statistic": "Average", "Unit": "Count"}}),
            ("c", {"CustomizedMetricSpecification": {"Metrics": math}}))]
        policies.append({"PolicyName": "d", **resource, "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {
            "AdjustmentType": "PercentChangeInCapacity", "MinAdjustmentMagnitude": 1, "Cooldown": 60,
            "MetricAggregationType": "Maximum", "StepAdjustments": [
                {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 2.0, "ScalingAdjustment": 10},
                {"MetricIntervalLowerBound": 2.0, "ScalingAdjustment": 50}]}})
        action = {**resource, "ScheduledActionName": "morning", "Schedule": "rate(1 hour)", "Timezone": "Europe/Berlin",
                  "StartTime": NOW, "EndTime": NOW + 7200, "ScalableTargetAction": {"MinCapacity": 0, "MaxCapacity": 1}}
        self.scaling.register_scalable_target(**other, MinCapacity=0, MaxCapacity=1)
        self.addCleanup(self.quietly, self.scaling.deregister_scalable_target, **other)
        self.addCleanup(self.quietly, self.scaling.deregister_scalable_target, **resource)
        token = lambda call, **given: call(**namespace, MaxResults=1, **given).get("NextToken")
        cases = [
            ("RegisterScalableTarget", [
                {**resource, "MinCapacity": 0, "MaxCapacity": 1, "RoleARN": "arn:aws:iam::111122223333:role/r", "Tags": {"a": "b"},
                 "SuspendedState": {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False,
                                    "ScheduledScalingSuspended": False}}]),
            ("PutScalingPolicy", policies),
            ("PutScheduledAction", [action])]
        refused = set()
        for operation, requests in cases:
            with self.subTest(operation):
                refused |= self.check(self.scaling, operation, requests, "ValidationException")
        arn = self.scaling.describe_scalable_targets(**namespace, ResourceIds=[resource["ResourceId"]])["ScalableTargets"][0][
            "ScalableTargetARN"]
        filters = {**namespace, "ResourceId": resource["ResourceId"], "ScalableDimension": resource["ScalableDimension"]}
        for operation, requests in (
                ("DescribeScalableTargets", [
                    {**namespace, "ResourceIds": [resource["ResourceId"]], "ScalableDimension": resource["ScalableDimension"],
                     "MaxResults": 50},
                    {**namespace, "NextToken": token(self.scaling.describe_scalable_targets)}]),
                ("DescribeScalingPolicies", [
                    {**filters, "PolicyNames": ["a"], "MaxResults": 10},
                    {**namespace, "NextToken": token(self.scaling.describe_scaling_policies)}]),
                ("DescribeScheduledActions", [{**filters, "ScheduledActionNames": ["morning"], "MaxResults": 50}]),
                ("DescribeScalingActivities", [{**filters, "IncludeNotScaledActivities": True, "MaxResults": 50}]),
                ("TagResource", [{"ResourceARN": arn, "Tags": {"c": "d"}}]),
                ("UntagResource", [{"ResourceARN": arn, "TagKeys": ["c"]}]),
                ("ListTagsForResource", [{"ResourceARN": arn}]),
                ("DeleteScheduledAction", [{**resource, "ScheduledActionName": "morning"}]),
                ("DeleteScalingPolicy", [{**resource, "PolicyName": "a"}]),
                ("DeregisterScalableTarget", [resource])):
            with self.subTest(operation):
                if operation in ("DescribeScheduledActions", "DescribeScalingActivities"):  # one page; a bad token is known as one
                    with self.assertRaises(self.scaling.exceptions.InvalidNextTokenException):
                        getattr(self.scaling, botocore.xform_name(operation))(**namespace, NextToken="x")
                    shape = self.scaling.meta.service_model.operation_model(operation).input_shape
                    self.assertEqual(set(shape.members) - set(requests[0]), {"NextToken"})
                    getattr(self.scaling, botocore.xform_name(operation))(**requests[0])
                    continue
                refused |= self.check(self.scaling, operation, requests, "ValidationException")
        self.assertEqual(refused, documented("application-autoscaling"))

    def test_cloudwatch(self):
        alarm = unique("alarm")
        namespace = unique("Custom")
        metric = {**METRIC, "Namespace": namespace}
        self.addCleanup(self.quietly, self.metrics.delete_alarms, AlarmNames=[alarm])
        self.addCleanup(self.quietly, self.metrics.delete_alarms, AlarmNames=[alarm + "b"])
        self.addCleanup(self.quietly, self.metrics.delete_alarms, AlarmNames=[alarm + "c"])
        account = OWN["account"]
        action = f"arn:aws:autoscaling:us-east-1:{account}:scalingPolicy:1:resource/sagemaker/inference-component/x:policyName/p"
        common = {"EvaluationPeriods": 2, "DatapointsToAlarm": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
                  "TreatMissingData": "ignore", "AlarmDescription": "x", "ActionsEnabled": True, "OKActions": [action],
                  "AlarmActions": [action], "InsufficientDataActions": [action]}
        stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
        span = {"StartTime": NOW - 600, "EndTime": NOW}
        self.metrics.put_metric_data(Namespace=namespace, MetricData=[
            {"MetricName": "A", "Dimensions": METRIC["Dimensions"], "Timestamp": NOW - time_ago, "Value": 1} for time_ago in (60, 120)])
        query = [{"Id": "m", "MetricStat": stat, "Label": "x", "ReturnData": True}]
        data_token = self.metrics.get_metric_data(**span, MetricDataQueries=query, MaxDatapoints=1)["NextToken"]
        datum = {"MetricName": "A", "Dimensions": METRIC["Dimensions"], "Timestamp": NOW, "Unit": "Count", "StorageResolution": 1}
        math = [{"Id": "m", "MetricStat": stat, "ReturnData": False},
                {"Id": "e", "Expression": "m * 2", "Label": "twice", "Period": 60}]
        seen = set()
        arn = f"arn:aws:cloudwatch:us-east-1:{account}:alarm:{alarm}"
        cases = [
            ("PutMetricData", [
                {"Namespace": namespace, "MetricData": [{**datum, "Value": 1.0}]},
                {"Namespace": namespace, "MetricData": [{**datum, "Values": [1.0, 2.0], "Counts": [1.0, 2.0]}]},
                {"Namespace": namespace, "MetricData": [{**datum, "StatisticValues": {
                    "SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}}]}]),
            ("GetMetricData", [
                {**span, "MetricDataQueries": query, "ScanBy": "TimestampAscending", "MaxDatapoints": 1, "NextToken": data_token},
                {**span, "MetricDataQueries": math[1:] + math[:1]}]),
            ("GetMetricStatistics", [{**span, **metric, "Period": 60, "Statistics": ["Sum"], "Unit": "Count"},
                                     {**span, **metric, "Period": 60, "ExtendedStatistics": ["p90"]}]),
            ("PutMetricAlarm", [
                {"AlarmName": alarm, **common, **metric, "Statistic": "Sum", "Period": 60, "Unit": "Count",
                 "Tags": [{"Key": "a", "Value": "b"}]},
                {"AlarmName": alarm + "b", **common, **metric, "ExtendedStatistic": "p90", "Period": 60,
                 "EvaluateLowSampleCountPercentile": "evaluate"},
                {"AlarmName": alarm + "c", **common, "Metrics": math}])]
        for operation, requests in cases:
            with self.subTest(operation):
                seen |= self.check(self.metrics, operation, requests, "InvalidParameterValue")
        page = self.metrics.describe_alarms(AlarmNamePrefix=alarm, MaxRecords=1)["NextToken"]
        # A server with fewer than 500 metrics has no second page of them.
        list_shape = self.metrics.meta.service_model.operation_model("ListMetrics").input_shape
        self.assertIn("NextToken", list_shape.members)
        with self.assertRaises(self.metrics.exceptions.InvalidNextToken):
            self.metrics.list_metrics(NextToken="x")
        rest = [
            ("DescribeAlarms", [
                {"AlarmNames": [alarm], "AlarmTypes": ["MetricAlarm"], "StateValue": "OK", "ActionPrefix": "arn", "MaxRecords": 1},
                {"AlarmNamePrefix": alarm, "NextToken": page}]),
            ("DescribeAlarmsForMetric", [{**metric, "Statistic": "Sum", "Period": 60, "Unit": "Count"},
                                         {**metric, "ExtendedStatistic": "p90"}]),
            ("SetAlarmState", [{"AlarmName": alarm, "StateValue": "OK", "StateReason": "x", "StateReasonData": "{}"}]),
            ("DisableAlarmActions", [{"AlarmNames": [alarm]}]),
            ("EnableAlarmActions", [{"AlarmNames": [alarm]}]),
            ("TagResource", [{"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "b"}]}]),
            ("UntagResource", [{"ResourceARN": arn, "TagKeys": ["a"]}]),
            ("ListTagsForResource", [{"ResourceARN": arn}]),
            ("DeleteAlarms", [{"AlarmNames": [alarm]}])]
        for operation, requests in rest:
            with self.subTest(operation):
                seen |= self.check(self.metrics, operation, requests, "InvalidParameterValue")
        listing = {"Namespace": namespace, "MetricName": "A", "Dimensions": [{"Name": "d", "Value": "v"}], "RecentlyActive": "PT3H"}
        for name in set(list_shape.members) - {*listing, "NextToken"}:
            self.refused(f"Member {name} is not supported by Zeropull: ", self.metrics.list_metrics, code="InvalidParameterValue",
                         **listing, **{name: sample(list_shape.members[name])})
            seen.add(f"ListMetrics {name}")
        self.assertEqual(len(self.metrics.list_metrics(**listing)["Metrics"]), 1)
        self.assertEqual(seen, documented("cloudwatch"))


if __name__ == "__main__":
    unittest.main()
