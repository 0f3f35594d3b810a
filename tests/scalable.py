"""A scalable target of a lab's endpoint, as callers and operators see it."""

from __future__ import annotations

from lab import Lab

COPIES = "sagemaker:inference-component:DesiredCopyCount"
INSTANCES = "sagemaker:variant:DesiredInstanceCount"
PER_COPY = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
PER_MODEL = "SageMakerVariantConcurrentRequestsPerModelHighResolution"


class Scalable:
    """The copies of the component that has its endpoint's name, or the instances of that endpoint's variant "all"."""

    def __init__(self, lab: Lab, endpoint: str, dimension: str = COPIES) -> None:
        self.lab, self.endpoint = lab, endpoint
        resource = f"inference-component/{endpoint}" if dimension == COPIES else f"endpoint/{endpoint}/variant/all"
        self.what = {"ServiceNamespace": "sagemaker", "ResourceId": resource, "ScalableDimension": dimension}

    def call(self, operation: str, **arguments: object) -> dict:
        return self.lab.api.call("application-autoscaling", operation, {**self.what, **arguments})

    def register(self, **bounds: int) -> None:
        self.call("register_scalable_target", **bounds)

    def track(self, value: float, metric: str) -> None:
        self.call("put_scaling_policy", PolicyName="tt", PolicyType="TargetTrackingScaling",
                  TargetTrackingScalingPolicyConfiguration={
                      "TargetValue": value, "PredefinedMetricSpecification": {"PredefinedMetricType": metric}})

    def now(self) -> dict:
        (only,) = (target for target in self.lab.own("DescribeScaling", EndpointName=self.endpoint)["Targets"]
                   if target["ResourceId"] == self.what["ResourceId"])
        return only

    def settled(self) -> dict | None:
        now = self.now()
        over = all(one["Status"] != "InProgress" for one in now["Activities"])
        return now if over and now["ReadyCapacity"] == now["DesiredCapacity"] else None

    def at(self, capacity: int) -> dict | None:
        now = self.settled()
        return now if now and now["DesiredCapacity"] == capacity else None


def check_chain(activities: list[dict], begin: int, end: int) -> None:
    """`activities` newest first: each change goes on from where the one before ended."""
    at = begin
    for activity in reversed(activities):
        if "NotScaled" in activity:
            continue
        assert activity["From"] == at, activities
        at = activity["To"]
    assert at == end, (at, end, activities)
