#!/usr/bin/env python3
"""Scale to zero and back, against real instances: with MinCapacity 0 and one policy a component and a variant with a model go to zero
by themselves, and a request that waits wakes them; AWS's four pieces do it unchanged where the tag asks for AWS's detector."""

from __future__ import annotations

import sys
import time

from lab import ROLE, Lab, run_cases
from scalable import COPIES, INSTANCES, PER_COPY, PER_MODEL, Scalable, check_chain
from scaleout.control_plane import INSTANCE_TYPE

WINDOW_S = 30  # the shortest
SHORT_WINDOW = {"zeropull:scale-in-window-seconds": str(WINDOW_S)}


def create_model_endpoint(lab: Lab, name: str, tags: dict[str, str]) -> None:
    lab.call("create_model", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": lab.image()})
    lab.call("create_endpoint_config", EndpointConfigName=name, ProductionVariants=[{
        "VariantName": "all", "ModelName": name, "InstanceType": INSTANCE_TYPE, "InitialInstanceCount": 1}])
    lab.call("create_endpoint", EndpointName=name, EndpointConfigName=name,
             Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def ask_model(lab: Lab, name: str, body: str) -> str:
    return lab.api.call("sagemaker-runtime", "invoke_endpoint", {"EndpointName": name, "Body": body})["Body"]


def goes_to_zero_and_back(scalable: Scalable, ask) -> None:
    begin = time.monotonic()
    ask("before")
    zero = scalable.lab.until(lambda: scalable.at(0), f"{scalable.endpoint} to be at zero", 90)
    quiet = time.monotonic() - begin
    assert quiet >= WINDOW_S, f"at zero {quiet:.1f} s after a request"
    down = zero["Activities"][0]
    assert (down["From"], down["To"], down["Detector"]) == (1, 0, "own") and f"last {WINDOW_S} s" in down["Explanation"], down
    begin = time.monotonic()
    assert "held" in ask("held")
    print(f"down after {quiet:.0f} s, back in {time.monotonic() - begin:.1f} s, ", end="")
    up = scalable.lab.until(lambda: scalable.at(1), "one to be back", 30)["Activities"][0]
    assert (up["From"], up["To"]) == (0, 1) and "1 request waits and there is no copy" in up["Explanation"], up
    check_chain(scalable.now()["Activities"], 1, 1)


def a_component_goes_to_zero_and_a_held_request_wakes_it(lab: Lab) -> None:
    lab.create_endpoint("component", tags=SHORT_WINDOW)
    lab.create_component("component", "component")
    lab.wait_component("component")
    scalable = Scalable(lab, "component", COPIES)
    scalable.register(MinCapacity=0, MaxCapacity=2)
    scalable.track(2.0, PER_COPY)
    goes_to_zero_and_back(scalable, lambda body: lab.invoke("component", body))


def a_variant_with_a_model_goes_to_zero_and_a_held_request_wakes_it(lab: Lab) -> None:
    create_model_endpoint(lab, "model", SHORT_WINDOW)
    lab.wait_endpoint("model")
    scalable = Scalable(lab, "model", INSTANCES)
    scalable.register(MinCapacity=0, MaxCapacity=2)
    scalable.track(2.0, PER_MODEL)
    goes_to_zero_and_back(scalable, lambda body: ask_model(lab, "model", body))


def the_four_pieces_of_aws_wake_it_unchanged(lab: Lab) -> None:
    """A target with MinCapacity 0, target tracking, a step policy for the first copy, and the alarm that invokes it."""
    lab.create_endpoint("recipe", tags={"zeropull:detector": "aws"})
    lab.create_component("recipe", "recipe")
    lab.wait_component("recipe")
    scalable = Scalable(lab, "recipe", COPIES)
    scalable.register(MinCapacity=0, MaxCapacity=2)
    scalable.track(2.0, PER_COPY)
    step = scalable.call("put_scaling_policy", PolicyName="from-zero", PolicyType="StepScaling", StepScalingPolicyConfiguration={
        "AdjustmentType": "ChangeInCapacity", "MetricAggregationType": "Maximum", "Cooldown": 60,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]})
    lab.api.call("cloudwatch", "put_metric_alarm", {
        "AlarmName": "recipe-from-zero", "AlarmActions": [step["PolicyARN"]], "MetricName": "NoCapacityInvocationFailures",
        "Namespace": "AWS/SageMaker", "Statistic": "Maximum", "Dimensions": [{"Name": "InferenceComponentName", "Value": "recipe"}],
        "Period": 30, "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "missing"})
    lab.scale("recipe", 0)
    lab.until(lambda: scalable.at(0), "no copy to be left", 30)
    begin = time.monotonic()
    assert "held" in lab.invoke("recipe", "held")
    print(f"back in {time.monotonic() - begin:.1f} s, ", end="")
    now = lab.until(lambda: scalable.at(1), "one copy to be back", 30)
    (up,) = (one for one in now["Activities"] if "NotScaled" not in one)
    assert (up["From"], up["To"], up["Detector"], up["PolicyName"]) == (0, 1, "aws", "from-zero"), up
    assert up["Cause"] == "monitor alarm recipe-from-zero in state ALARM triggered policy from-zero", up
    assert now["Mode"] == "aws", now


CASES = [
    a_component_goes_to_zero_and_a_held_request_wakes_it,
    a_variant_with_a_model_goes_to_zero_and_a_held_request_wakes_it,
    the_four_pieces_of_aws_wake_it_unchanged,
]


def main() -> int:
    with Lab() as lab:
        code = run_cases(CASES, lab)
        for endpoint in ("component", "model", "recipe"):
            lab.delete_endpoint(endpoint)
        lab.wait_clean()
    return code


if __name__ == "__main__":
    sys.exit(main())
