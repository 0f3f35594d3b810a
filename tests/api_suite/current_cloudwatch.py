"""CloudWatch through a current boto3 (JSON 1.0): alarms, metrics, waiters, pages, exception classes."""
import time
import unittest

from service import FOREIGN, OWN, REGION, ServiceTest, client, unique


class Alarms(ServiceTest):
    def setUp(self):
        self.prefix = unique("alarm")

    def put(self, name, **changes):
        given = {"MetricName": "Depth", "Namespace": "Custom", "Statistic": "Maximum", "Period": 10, "EvaluationPeriods": 3,
                 "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold", **changes}
        self.metrics.put_metric_alarm(AlarmName=name, **given)
        self.addCleanup(self.quietly, self.metrics.delete_alarms, AlarmNames=[name])
        return given

    def test_an_alarm_from_its_creation_to_its_end(self):
        given = self.put(self.prefix, AlarmDescription="<deep> & wide", Tags=[{"Key": "a", "Value": "b"}])
        self.metrics.get_waiter("alarm_exists").wait(AlarmNames=[self.prefix], WaiterConfig={"Delay": 1, "MaxAttempts": 2})
        shown = self.metrics.describe_alarms(AlarmNames=[self.prefix])["MetricAlarms"][0]
        for name in given.keys() - {"Tags"}:
            self.assertEqual(shown[name], given[name], name)
        self.assertEqual(shown["AlarmArn"], f"arn:aws:cloudwatch:{REGION}:{OWN['account']}:alarm:{self.prefix}")
        self.assertAlmostEqual(shown["StateUpdatedTimestamp"].timestamp(), time.time(), delta=60)
        self.metrics.disable_alarm_actions(AlarmNames=[self.prefix])
        self.assertFalse(self.metrics.describe_alarms(AlarmNames=[self.prefix])["MetricAlarms"][0]["ActionsEnabled"])
        self.metrics.enable_alarm_actions(AlarmNames=[self.prefix])
        self.metrics.set_alarm_state(AlarmName=self.prefix, StateValue="ALARM", StateReason="test")
        self.assertEqual(self.metrics.list_tags_for_resource(ResourceARN=shown["AlarmArn"])["Tags"], [{"Key": "a", "Value": "b"}])
        self.metrics.delete_alarms(AlarmNames=[self.prefix])
        with self.assertRaises(self.metrics.exceptions.ResourceNotFound):
            self.metrics.set_alarm_state(AlarmName=self.prefix, StateValue="OK", StateReason="test")
        with self.assertRaises(self.metrics.exceptions.ResourceNotFound):
            self.metrics.delete_alarms(AlarmNames=[self.prefix])

    def test_pages(self):
        names = [f"{self.prefix}-{i}" for i in range(5)]
        for name in names:
            self.put(name)
        pages = self.metrics.get_paginator("describe_alarms").paginate(AlarmNamePrefix=self.prefix, PaginationConfig={"PageSize": 2})
        self.assertEqual([alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]], names)
        with self.assertRaises(self.metrics.exceptions.InvalidNextToken):
            self.metrics.describe_alarms(NextToken="x")

    def test_errors_have_their_classes(self):
        for changes, wanted in (({"Period": 15}, "InvalidParameterValueException"),
                                ({"DatapointsToAlarm": 4}, "InvalidParameterValueException"),
                                ({"AlarmActions": ["arn:aws:sns:us-east-1:111122223333:t"]}, "InvalidParameterValueException"),
                                ({"ExtendedStatistic": "p90"}, "InvalidParameterCombinationException")):
            with self.assertRaises(getattr(self.metrics.exceptions, wanted)):
                self.put(self.prefix, **changes)
        self.put(self.prefix)
        with self.assertRaises(self.metrics.exceptions.InvalidFormatFault):
            self.metrics.set_alarm_state(AlarmName=self.prefix, StateValue="OK", StateReason="", StateReasonData="{")

    def test_metric_math(self):
        metric = {"Metric": {"Namespace": "Custom", "MetricName": "A"}, "Period": 60, "Stat": "Sum"}
        self.metrics.put_metric_alarm(
            AlarmName=self.prefix, EvaluationPeriods=1, Threshold=0.5, ComparisonOperator="LessThanThreshold", Metrics=[
                {"Id": "m", "MetricStat": metric, "ReturnData": False}, {"Id": "e", "Expression": "FILL(m, REPEAT) / 2"}])
        self.addCleanup(self.quietly, self.metrics.delete_alarms, AlarmNames=[self.prefix])
        shown = self.metrics.describe_alarms_for_metric(Namespace="Custom", MetricName="A")["MetricAlarms"]
        self.assertIn(self.prefix, [alarm["AlarmName"] for alarm in shown])


class Metrics(ServiceTest):
    def setUp(self):
        self.namespace = unique("Custom")
        self.now = int(time.time()) // 60 * 60

    def put(self, metric, values, dimensions=()):
        """One value each 10 s, the last one ten seconds before the minute's begin."""
        at = [self.now - 10 * (len(values) - i) for i in range(len(values))]
        self.metrics.put_metric_data(Namespace=self.namespace, MetricData=[
            {"MetricName": metric, "Timestamp": time, "Value": value, "Unit": "Count", "StorageResolution": 1,
             "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions]} for time, value in zip(at, values)])

    def test_what_is_put_is_listed_and_read(self):
        self.put("Depth", [1, 2, 3], [("d", "v")])
        listed = self.metrics.list_metrics(Namespace=self.namespace)["Metrics"]
        self.assertEqual(listed, [{"Namespace": self.namespace, "MetricName": "Depth", "Dimensions": [{"Name": "d", "Value": "v"}]}])
        read = self.metrics.get_metric_statistics(
            Namespace=self.namespace, MetricName="Depth", Dimensions=[{"Name": "d", "Value": "v"}], StartTime=self.now - 60,
            EndTime=self.now, Period=60, Statistics=["Sum", "Average", "SampleCount", "Minimum", "Maximum"])
        point = read["Datapoints"][0]
        self.assertEqual((point["Sum"], point["Average"], point["SampleCount"], point["Minimum"], point["Maximum"], point["Unit"]),
                         (6, 2, 3, 1, 3, "Count"))
        self.assertEqual(point["Timestamp"].timestamp(), self.now - 60)

    def test_metric_data_in_pages(self):
        self.put("A", [1, 2, 3])
        stat = {"Metric": {"Namespace": self.namespace, "MetricName": "A"}, "Period": 10, "Stat": "Maximum"}
        queries = [{"Id": "m", "MetricStat": stat}, {"Id": "e", "Expression": "m * 10"}]
        pages = self.metrics.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=self.now - 60, EndTime=self.now, ScanBy="TimestampAscending",
            PaginationConfig={"PageSize": 2})
        values = {}
        for page in pages:
            for result in page["MetricDataResults"]:
                values.setdefault(result["Id"], []).extend(result["Values"])
        self.assertEqual(values, {"m": [1, 2, 3], "e": [10, 20, 30]})

    def test_search(self):
        for copy in ("c-1", "c-2"):
            self.put("Load", [4], [("ContainerId", copy)])
        found = self.metrics.get_metric_data(StartTime=self.now - 60, EndTime=self.now, MetricDataQueries=[
            {"Id": "e", "Expression": f"SUM(SEARCH('{{{self.namespace},ContainerId}} MetricName=\"Load\"', 'Sum', 60))"}])
        self.assertEqual(found["MetricDataResults"][0]["Values"], [8.0])

    def test_large_data_comes_compressed(self):
        data = [{"MetricName": f"metric-{i:03}-{'x' * 60}", "Value": i} for i in range(400)]
        self.metrics.put_metric_data(Namespace=self.namespace, MetricData=data)
        self.assertEqual(len(self.metrics.list_metrics(Namespace=self.namespace)["Metrics"]), 400)
        pages = self.metrics.get_paginator("list_metrics").paginate(Namespace=self.namespace)
        self.assertEqual(sum(len(page["Metrics"]) for page in pages), 400)

    def test_errors(self):
        for name in ("AWS/SageMaker", "/aws/sagemaker/Endpoints", "Zeropull"):
            with self.assertRaises(self.metrics.exceptions.InvalidParameterValueException):
                self.metrics.put_metric_data(Namespace=name, MetricData=[{"MetricName": "A", "Value": 1}])
        with self.assertRaises(self.metrics.exceptions.InvalidParameterCombinationException):
            self.metrics.get_metric_statistics(Namespace="Custom", MetricName="A", StartTime=1, EndTime=2, Period=60)

    def test_other_accounts_see_nothing(self):
        self.put("A", [1])
        self.assertEqual(client(FOREIGN, "cloudwatch").list_metrics(Namespace=self.namespace)["Metrics"], [])


if __name__ == "__main__":
    unittest.main()
