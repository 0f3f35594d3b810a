#!/usr/bin/env python3
"""An endpoint that grows by itself, against real instances: demand is seen in seconds and explained, a server that is killed in the
middle of a decision loses and repeats nothing, and a request that waits wakes what was scaled to zero."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from lab import Lab, run_cases
from scalable import PER_COPY, Scalable, check_chain
from scaleout.client import ApiError
from scaleout.shell import DemoError

SERVICE_MS = 500


class Load:
    """Context manager: so many callers, each with one request after another."""

    def __init__(self, lab: Lab, callers: int) -> None:
        self.lab, self.over, self.failed = lab, threading.Event(), 0
        self.threads = [threading.Thread(target=self.call) for _ in range(callers)]

    def call(self) -> None:
        while not self.over.is_set():
            try:
                self.lab.invoke("llm", f"sleep {SERVICE_MS}")
            except (ApiError, DemoError):
                self.failed += 1
                self.over.wait(0.1)

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


def llm(lab: Lab) -> Scalable:
    return Scalable(lab, "llm")


def target(lab: Lab) -> dict:
    return llm(lab).now()


def settled(lab: Lab) -> dict | None:
    return llm(lab).settled()


def a_fourfold_load_is_followed_within_seconds(lab: Lab) -> None:
    llm(lab).register(MinCapacity=1, MaxCapacity=4)
    llm(lab).track(2.0, PER_COPY)
    with Load(lab, 1):
        time.sleep(3)
        assert target(lab)["DesiredCapacity"] == 1, "one caller is what one copy is there for"
        with Load(lab, 7) as load:
            begin = time.monotonic()
            lab.until(lambda: target(lab)["DesiredCapacity"] > 1, "more copies to be ordered", 10)
            lab.until(lambda: target(lab)["ReadyCapacity"] > 1, "more copies to serve", 20)
            print(f"{time.monotonic() - begin:.1f} s, ", end="")
            lab.until(lambda: settled(lab), "the activities to end", 30)
        assert load.failed == 0


def each_decision_is_explained(lab: Lab) -> None:
    now = target(lab)
    assert now["Mode"] == "own" and {alarm["AlarmName"][:15] for alarm in now["Alarms"]} == {"TargetTracking-"}, now
    check_chain(now["Activities"], 1, now["DesiredCapacity"])
    first = now["Activities"][-1]
    assert first["Status"] in ("Successful", "Overridden") and first["Detector"] == "own", first
    for words in ("predicted", "the copy count goes from 1 to", "; pending "):
        assert words in first["Explanation"], first
    told = llm(lab).call("describe_scaling_activities")["ScalingActivities"]
    assert told[-1]["Description"] == f"Setting desired copy count to {first['To']}.", told
    command = lab.center.inside([lab.api.binary, "scaling", "llm"])
    text = subprocess.run(command, env=lab.api.environment, capture_output=True, text=True, check=True).stdout
    assert "seen by our own detector" in text and first["Explanation"] in text, text
    detected = [entry for entry in lab.timeline("llm") if entry["Phases"] and entry["Phases"][0]["Name"] == "detect"]
    assert detected, lab.timeline("llm")
    detect = detected[0]["Phases"][0]
    assert 0 <= detect["EndTime"] - detect["BeginTime"] < 10, detect


def metrics_have_their_documented_names(lab: Lab) -> None:
    dimensions = [{"Name": "InferenceComponentName", "Value": "llm"}]
    for metric, statistic in (("ConcurrentRequestsPerCopy", "Maximum"), ("Invocations", "Sum"), ("ModelLatency", "Average")):
        answer = lab.api.call("cloudwatch", "get_metric_statistics", {
            "Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions, "Period": 10,
            "StartTime": time.time() - 60, "EndTime": time.time() + 10, "Statistics": [statistic]})
        assert max(point[statistic] for point in answer["Datapoints"]) > 1, answer
    page = lab.metrics_page()
    assert 'zeropull_requests_total{' in page and 'component="llm"' in page, page[:2000]


def a_server_killed_in_the_middle_of_a_decision_goes_on(lab: Lab) -> None:
    lab.scale("llm", 1)
    lab.until(lambda: settled(lab), "one copy to be left", 30)
    with Load(lab, 8):
        ordered = lab.until(lambda: (now := target(lab))["DesiredCapacity"] > 1 and now, "more copies to be ordered", 20)
        lab.plane.kill()
        lab.plane.start()
    after = lab.until(lambda: settled(lab), "the activities to end", 30)
    assert after["DesiredCapacity"] >= ordered["DesiredCapacity"], after
    check_chain([one for one in after["Activities"] if one["StartTime"] >= ordered["Activities"][0]["StartTime"]], 1,
                after["DesiredCapacity"])
    assert [policy["PolicyName"] for policy in after["Policies"]] == ["tt"], after
    assert len(after["Alarms"]) == 2, after


def a_request_that_waits_wakes_what_is_at_zero(lab: Lab) -> None:
    llm(lab).register(MinCapacity=0)
    lab.scale("llm", 0)
    lab.until(lambda: settled(lab), "no copy to be left", 30)
    begin = time.monotonic()
    assert "held" in lab.invoke("llm", "held")
    print(f"{time.monotonic() - begin:.1f} s, ", end="")
    newest = target(lab)["Activities"][0]
    assert (newest["From"], newest["To"]) == (0, 1) and "there is no copy" in newest["Explanation"], newest


CASES = [
    a_fourfold_load_is_followed_within_seconds,
    each_decision_is_explained,
    metrics_have_their_documented_names,
    a_server_killed_in_the_middle_of_a_decision_goes_on,
    a_request_that_waits_wakes_what_is_at_zero,
]


def main() -> int:
    with Lab() as lab:
        lab.deploy("llm")
        code = run_cases(CASES, lab)
        lab.delete_endpoint("llm")
        lab.wait_clean()
    return code


if __name__ == "__main__":
    sys.exit(main())
