"""Debian's boto3 and AWS CLI, whose CloudWatch speaks the Query protocol and reads XML."""
import json
import os
import subprocess
import time
import unittest

from service import OWN, REGION, URL, ServiceTest, unique


class Clients(ServiceTest):
    def setUp(self):
        self.name = unique("old")
        self.now = int(time.time()) // 60 * 60
        self.alarm = {"AlarmName": self.name, "MetricName": "Depth", "Namespace": self.name, "Statistic": "Maximum", "Period": 60,
                      "EvaluationPeriods": 1, "Threshold": 1.5, "ComparisonOperator": "GreaterThanThreshold",
                      "Dimensions": [{"Name": "d", "Value": "<v> & w"}], "AlarmDescription": "größer"}
        self.addCleanup(self.quietly, self.metrics.delete_alarms, AlarmNames=[self.name])

    def register(self):
        endpoint = self.make_endpoint(self.make_config(self.make_model()))
        self.wait("endpoint_in_service", endpoint)
        self.resource = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
                         "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
        self.scaling.register_scalable_target(**self.resource, MinCapacity=1, MaxCapacity=1)


class OldBoto3(Clients):
    def test_alarms(self):
        self.metrics.put_metric_alarm(**self.alarm)
        self.metrics.get_waiter("alarm_exists").wait(AlarmNames=[self.name], WaiterConfig={"Delay": 1, "MaxAttempts": 2})
        shown = self.metrics.describe_alarms(AlarmNames=[self.name])["MetricAlarms"][0]
        for member, value in self.alarm.items():
            self.assertEqual(shown[member], value, member)
        self.assertEqual(shown["OKActions"], [])
        self.assertAlmostEqual(shown["StateUpdatedTimestamp"].timestamp(), time.time(), delta=60)
        self.metrics.set_alarm_state(AlarmName=self.name, StateValue="ALARM", StateReason="test")
        self.metrics.disable_alarm_actions(AlarmNames=[self.name])
        self.assertEqual(len(self.metrics.describe_alarms_for_metric(
            Namespace=self.name, MetricName="Depth", Dimensions=self.alarm["Dimensions"])["MetricAlarms"]), 1)
        self.metrics.delete_alarms(AlarmNames=[self.name])
        with self.assertRaises(self.metrics.exceptions.ResourceNotFound):
            self.metrics.set_alarm_state(AlarmName=self.name, StateValue="OK", StateReason="")
        self.refused("arn:aws:sns", self.metrics.put_metric_alarm, code="InvalidParameterValue", **{
            **self.alarm, "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:t"]})

    def test_metrics(self):
        for at, value in ((self.now - 20, 1), (self.now - 10, 3)):
            self.metrics.put_metric_data(Namespace=self.name, MetricData=[
                {"MetricName": "Depth", "Timestamp": at, "Value": value, "Unit": "Count", "StorageResolution": 1}])
        self.metrics.put_metric_data(Namespace=self.name, MetricData=[
            {"MetricName": "Set", "Timestamp": self.now - 10, "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1,
                                                                                  "Maximum": 2}}])
        listed = self.metrics.list_metrics(Namespace=self.name)["Metrics"]
        self.assertEqual([one["MetricName"] for one in listed], ["Depth", "Set"])
        point = self.metrics.get_metric_statistics(
            Namespace=self.name, MetricName="Depth", StartTime=self.now - 60, EndTime=self.now, Period=60,
            ExtendedStatistics=["p100"])["Datapoints"][0]
        self.assertAlmostEqual(point["ExtendedStatistics"]["p100"], 3, delta=0.1)
        self.assertEqual(point["Timestamp"].timestamp(), self.now - 60)
        stat = {"Metric": {"Namespace": self.name, "MetricName": "Depth"}, "Period": 10, "Stat": "Sum"}
        pages = self.metrics.get_paginator("get_metric_data").paginate(
            StartTime=self.now - 60, EndTime=self.now, PaginationConfig={"PageSize": 1},
            MetricDataQueries=[{"Id": "m", "MetricStat": stat}])
        self.assertEqual([value for page in pages for value in page["MetricDataResults"][0]["Values"]], [3.0, 1.0])

    def test_application_auto_scaling(self):
        self.register()
        put = self.scaling.put_scaling_policy(
            PolicyName="tt", **self.resource, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 70.0, "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}})
        names = [alarm["AlarmName"] for alarm in put["Alarms"]]
        self.assertEqual([alarm["Threshold"] for alarm in self.metrics.describe_alarms(AlarmNames=names)["MetricAlarms"]], [70, 63])
        self.scaling.deregister_scalable_target(**self.resource)
        with self.assertRaises(self.scaling.exceptions.ObjectNotFoundException):
            self.scaling.deregister_scalable_target(**self.resource)


class Cli(Clients):
    def aws(self, *arguments, check=True):
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": OWN["id"], "AWS_SECRET_ACCESS_KEY": OWN["secret"],
                       "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": ""}
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", URL, "--output", "json", *arguments], env=environment,
                              capture_output=True, text=True, timeout=60, check=False)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout) if done.stdout else None
        return done

    def test_alarms_by_the_command_line(self):
        self.aws("cloudwatch", "put-metric-alarm", "--alarm-name", self.name, "--metric-name", "A", "--namespace", "Custom",
                 "--statistic", "Sum", "--period", "60", "--evaluation-periods", "1", "--threshold", "1",
                 "--comparison-operator", "GreaterThanThreshold")
        self.aws("cloudwatch", "wait", "alarm-exists", "--alarm-names", self.name)
        shown = self.aws("cloudwatch", "describe-alarms", "--alarm-name-prefix", self.name)["MetricAlarms"]
        self.assertEqual([alarm["Threshold"] for alarm in shown], [1.0])
        self.aws("cloudwatch", "delete-alarms", "--alarm-names", self.name)
        failed = self.aws("cloudwatch", "set-alarm-state", "--alarm-name", self.name, "--state-value", "OK", "--state-reason", "x",
                          check=False)
        self.assertIn("An error occurred (ResourceNotFound) when calling the SetAlarmState operation", failed.stderr)

    def test_metrics_by_the_command_line(self):
        self.aws("cloudwatch", "put-metric-data", "--namespace", self.name, "--metric-name", "A", "--value", "4", "--unit", "Count")
        listed = self.aws("cloudwatch", "list-metrics", "--namespace", self.name)["Metrics"]
        self.assertEqual(listed, [{"Namespace": self.name, "MetricName": "A", "Dimensions": []}])

    def test_scaling_by_the_command_line(self):
        self.register()
        shown = self.aws("application-autoscaling", "describe-scalable-targets", "--service-namespace", "sagemaker",
                         "--resource-ids", self.resource["ResourceId"])["ScalableTargets"]
        self.assertEqual([target["MaxCapacity"] for target in shown], [1])
        failed = self.aws("application-autoscaling", "delete-scaling-policy", "--service-namespace", "sagemaker", "--resource-id",
                          self.resource["ResourceId"], "--scalable-dimension", self.resource["ScalableDimension"],
                          "--policy-name", "none", check=False)
        self.assertIn("(ObjectNotFoundException)", failed.stderr)


if __name__ == "__main__":
    unittest.main()
