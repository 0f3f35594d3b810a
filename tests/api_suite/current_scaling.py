"""Application Auto Scaling through a current boto3: what is registered, put and described, errors, pages, foreign accounts."""
import time
import unittest

from service import FOREIGN, OWN, REGION, ServiceTest, client, unique

HIGH_RESOLUTION = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"


def of_component(name):
    return {"ServiceNamespace": "sagemaker", "ResourceId": f"inference-component/{name}",
            "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}


def of_variant(endpoint):
    return {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


def tracking(metric, target=5.0):
    return {"TargetValue": target, "PredefinedMetricSpecification": {"PredefinedMetricType": metric}}


class Scaling(ServiceTest):
    def setUp(self):
        self.endpoint = self.make_endpoint()
        self.wait("endpoint_in_service", self.endpoint)
        self.component = self.make_component(self.endpoint)
        self.resource = of_component(self.component)

    def register(self, resource=None, low=0, high=4):
        made = self.scaling.register_scalable_target(**(resource or self.resource), MinCapacity=low, MaxCapacity=high)
        return made["ScalableTargetARN"]

    def put_tracking(self, name="tt", resource=None, metric=HIGH_RESOLUTION):
        return self.scaling.put_scaling_policy(PolicyName=name, **(resource or self.resource), PolicyType="TargetTrackingScaling",
                                               TargetTrackingScalingPolicyConfiguration=tracking(metric))

    def put_step(self, name="step"):
        return self.scaling.put_scaling_policy(
            PolicyName=name, **self.resource, PolicyType="StepScaling", StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity", "MetricAggregationType": "Maximum", "Cooldown": 60,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]})

    def test_targets(self):
        arn = self.register()
        shown = self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[self.resource["ResourceId"]])
        target = shown["ScalableTargets"][0]
        self.assertEqual((target["ScalableTargetARN"], target["MinCapacity"], target["MaxCapacity"]), (arn, 0, 4))
        self.assertAlmostEqual(target["CreationTime"].timestamp(), time.time(), delta=60)
        self.scaling.tag_resource(ResourceARN=arn, Tags={"team": "ml", "x": "y"})
        self.scaling.untag_resource(ResourceARN=arn, TagKeys=["x"])
        self.assertEqual(self.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"], {"team": "ml"})
        self.scaling.deregister_scalable_target(**self.resource)
        with self.assertRaises(self.scaling.exceptions.ObjectNotFoundException):
            self.scaling.deregister_scalable_target(**self.resource)
        with self.assertRaises(self.scaling.exceptions.ResourceNotFoundException):
            self.scaling.list_tags_for_resource(ResourceARN=arn)

    def test_target_tracking_by_each_predefined_metric(self):
        self.register()
        self.register(of_variant(self.endpoint), 0, 2)
        for resource, metric in ((of_variant(self.endpoint), "SageMakerVariantInvocationsPerInstance"),
                                 (self.resource, "SageMakerInferenceComponentInvocationsPerCopy"),
                                 (of_variant(self.endpoint), "SageMakerVariantConcurrentRequestsPerModelHighResolution"),
                                 (self.resource, HIGH_RESOLUTION)):
            put = self.put_tracking(metric, resource, metric)
            names = [alarm["AlarmName"] for alarm in put["Alarms"]]
            self.assertTrue(names[0].startswith(f"TargetTracking-{resource['ResourceId']}-AlarmHigh-"), names)
            self.assertTrue(names[1].startswith(f"TargetTracking-{resource['ResourceId']}-AlarmLow-"), names)
            high, low = self.metrics.describe_alarms(AlarmNames=names)["MetricAlarms"]
            self.assertEqual((high["EvaluationPeriods"], high["Threshold"], high["ComparisonOperator"]),
                             (3, 5.0, "GreaterThanThreshold"))
            self.assertEqual((low["EvaluationPeriods"] * low["Period"], low["Threshold"]), (900, 4.5))
            self.assertEqual(high["Period"], 10 if "HighResolution" in metric else 60)
        self.refused("is not supported by Zeropull", self.put_tracking,
                     metric="SageMakerVariantProvisionedConcurrencyUtilization")
        pages = self.scaling.get_paginator("describe_scaling_policies").paginate(
            ServiceNamespace="sagemaker", ResourceId=self.resource["ResourceId"], PaginationConfig={"PageSize": 1})
        policies = [policy for page in pages for policy in page["ScalingPolicies"]]
        self.assertEqual(len(policies), 2)
        self.assertEqual({len(policy["Alarms"]) for policy in policies}, {2})
        self.scaling.delete_scaling_policy(PolicyName=HIGH_RESOLUTION, **self.resource)
        self.assertEqual(self.metrics.describe_alarms(AlarmNames=names)["MetricAlarms"], [])

    def test_scale_from_zero_as_aws_documents_it(self):
        self.refused("No scalable target registered for service namespace: sagemaker", self.put_step,
                     code="ObjectNotFoundException")
        self.register()
        self.put_tracking()
        arn = self.put_step()["PolicyARN"]
        name = unique("wake")
        self.metrics.put_metric_alarm(
            AlarmName=name, AlarmActions=[arn], MetricName="NoCapacityInvocationFailures", Namespace="AWS/SageMaker",
            Statistic="Maximum", Dimensions=[{"Name": "InferenceComponentName", "Value": self.component}], Period=30,
            EvaluationPeriods=1, DatapointsToAlarm=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="missing")
        self.addCleanup(self.quietly, self.metrics.delete_alarms, AlarmNames=[name])
        shown = self.scaling.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["step"], **{
            "ResourceId": self.resource["ResourceId"]})["ScalingPolicies"][0]
        self.assertEqual([alarm["AlarmName"] for alarm in shown["Alarms"]], [name])
        self.scaling.delete_scaling_policy(PolicyName="step", **self.resource)
        self.assertEqual(self.metrics.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmActions"], [])

    def test_scheduled_actions(self):
        self.register()
        given = {"Schedule": "cron(0 7 ? * MON-FRI *)", "Timezone": "Europe/Berlin",
                 "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 8}}
        for name in ("morning", "noon"):
            self.scaling.put_scheduled_action(ScheduledActionName=name, **self.resource, **given)
        pages = self.scaling.get_paginator("describe_scheduled_actions").paginate(
            ServiceNamespace="sagemaker", ResourceId=self.resource["ResourceId"], PaginationConfig={"PageSize": 1})
        actions = [action for page in pages for action in page["ScheduledActions"]]
        self.assertEqual([action["ScheduledActionName"] for action in actions], ["morning", "noon"])
        self.assertEqual({key: actions[0][key] for key in given}, given)
        self.refused("", self.scaling.put_scheduled_action, ScheduledActionName="x", **self.resource, **{
            **given, "Schedule": "cron(0 7 * * MON-FRI *)"})
        self.scaling.delete_scheduled_action(ScheduledActionName="noon", **self.resource)
        with self.assertRaises(self.scaling.exceptions.ObjectNotFoundException):
            self.scaling.delete_scheduled_action(ScheduledActionName="noon", **self.resource)

    def test_new_bounds_move_the_capacity(self):
        self.wait_component()
        self.register(low=1)
        shown = self.api.describe_inference_component(InferenceComponentName=self.component)
        self.assertEqual(shown["RuntimeConfig"]["DesiredCopyCount"], 1)
        activities = self.scaling.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.resource["ResourceId"], IncludeNotScaledActivities=True)
        self.assertEqual(activities["ScalingActivities"][-1]["Description"], "Setting desired copy count to 1.")
        with self.assertRaises(self.scaling.exceptions.InvalidNextTokenException):
            self.scaling.describe_scaling_activities(ServiceNamespace="sagemaker", NextToken="x")

    def wait_component(self):
        for _ in range(300):
            if self.api.describe_inference_component(InferenceComponentName=self.component)["InferenceComponentStatus"] == "InService":
                return
            time.sleep(0.1)
        raise AssertionError(f"{self.component} does not come into service")

    def test_what_scales_goes_with_its_endpoint(self):
        self.register()
        names = [alarm["AlarmName"] for alarm in self.put_tracking()["Alarms"]]
        self.api.delete_endpoint(EndpointName=self.endpoint)
        self.assertEqual(self.metrics.describe_alarms(AlarmNames=names)["MetricAlarms"], [])
        self.assertEqual(self.scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[self.resource["ResourceId"]])["ScalableTargets"], [])

    def test_other_accounts_see_nothing(self):
        self.register()
        self.put_tracking()
        foreign = client(FOREIGN, "application-autoscaling")
        self.assertEqual(foreign.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"], [])
        self.assertEqual(foreign.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"], [])
        with self.assertRaises(foreign.exceptions.ObjectNotFoundException):
            foreign.deregister_scalable_target(**self.resource)

    def test_the_arns_are_the_accounts(self):
        self.assertTrue(self.register().startswith(
            f"arn:aws:application-autoscaling:{REGION}:{OWN['account']}:scalable-target/"))


if __name__ == "__main__":
    unittest.main()
