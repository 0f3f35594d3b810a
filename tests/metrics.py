#!/usr/bin/env python3
"""What an endpoint's and a container's configuration say of metrics, against real containers: enhanced metrics by copy, containers'
own metrics as series and on the operator's page, a container that answers nonsense, and an update that ends it."""

from __future__ import annotations

import re
import sys
import time

from lab import Lab, run_cases

INVOCATIONS = 6
SCRAPED = {"MetricsEndpoints": [{"MetricsEndpointPath": "/metrics", "MetricPublishFrequencyInSeconds": 10}]}


def listed(lab: Lab, name_space: str, metric: str, *dimensions: str) -> list[dict[str, str]]:
    """The dimensions of the series that have these, and so many."""
    answer = lab.api.call("cloudwatch", "list_metrics", {
        "Namespace": name_space, "MetricName": metric, "Dimensions": [{"Name": name} for name in dimensions]})
    found = [{one["Name"]: one["Value"] for one in metric["Dimensions"]} for metric in answer["Metrics"]]
    return [one for one in found if len(one) == len(dimensions)]


def total(lab: Lab, name_space: str, metric: str, dimensions: dict[str, str], period: int = 10) -> float:
    answer = lab.api.call("cloudwatch", "get_metric_statistics", {
        "Namespace": name_space, "MetricName": metric, "Period": period, "Statistics": ["Sum"],
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "StartTime": time.time() - 120, "EndTime": time.time() + period})
    return sum(point["Sum"] for point in answer["Datapoints"])


def scrapes(page: str, component: str, outcome: str) -> int:
    lines = [line for line in page.splitlines()
             if line.startswith("zeropull_scrapes_total{") and f'component="{component}"' in line and f'"{outcome}"' in line]
    return sum(int(line.split()[-1]) for line in lines)


def a_containers_metrics_are_series_and_on_the_page(lab: Lab) -> None:
    lab.create_endpoint("llm", MetricsConfig={"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10})
    lab.create_component("llm", "llm", ContainerMetricsConfig=SCRAPED)
    lab.wait_component("llm")
    lab.until(lambda: scrapes(lab.metrics_page(), "llm", "answered") > 0, "the first scrape", 20)
    for _ in range(INVOCATIONS):
        lab.invoke("llm", "count me")
    names = ("EndpointName", "VariantName", "InferenceComponentName", "InstanceId", "ContainerId", "kind")
    (dimensions,) = lab.until(lambda: listed(lab, "Zeropull/Containers", "payload_invocations_total", *names), "the series", 30)
    lab.until(lambda: total(lab, "Zeropull/Containers", "payload_invocations_total", dimensions) == INVOCATIONS, "the increase", 30)
    assert dimensions["kind"] == "any" and dimensions["EndpointName"] == dimensions["InferenceComponentName"] == "llm", dimensions
    page = lab.metrics_page()
    (line,) = re.findall(r"^payload_invocations_total\{(.*)\} (\d+)$", page, re.MULTILINE)
    assert int(line[1]) == INVOCATIONS, line
    for label in ('endpoint="llm"', 'component="llm"', f'container="{dimensions["ContainerId"]}"', 'kind="any"'):
        assert label in line[0], (label, line)
    assert "# TYPE payload_invocations_total counter" in page and "# HELP payload_invocations_total Invocations." in page


def enhanced_metrics_are_of_each_copy(lab: Lab) -> None:
    names = ("EndpointName", "VariantName", "InferenceComponentName", "InstanceId", "ContainerId")
    for name_space, metric in (("AWS/SageMaker", "Invocations"), ("AWS/SageMaker", "ConcurrentRequestsPerCopy"),
                               ("/aws/sagemaker/InferenceComponents", "MemoryUtilizationNormalized")):
        (dimensions,) = lab.until(lambda n=name_space, m=metric: listed(lab, n, m, *names), f"{metric} of the copy", 30)
        assert dimensions["InferenceComponentName"] == "llm" and dimensions["ContainerId"].startswith("c-"), dimensions
    (copy,) = listed(lab, "AWS/SageMaker", "Invocations", *names)
    lab.until(lambda: total(lab, "AWS/SageMaker", "Invocations", copy) == INVOCATIONS, "all invocations to be told", 30)
    assert lab.until(lambda: listed(lab, "/aws/sagemaker/Endpoints", "CPUUtilization", "EndpointName", "VariantName", "InstanceId"),
                     "the use of the instance", 30)
    assert total(lab, "AWS/SageMaker", "Invocations", {"InferenceComponentName": "llm"}) == INVOCATIONS


def a_container_that_answers_nonsense_harms_nobody(lab: Lab) -> None:
    lab.create_component("bad", "llm", environment={"METRICS": "<html>nonsense</html>"}, ContainerMetricsConfig=SCRAPED)
    lab.wait_component("bad")
    lab.until(lambda: scrapes(lab.metrics_page(), "bad", "failed") > 1, "two scrapes to fail", 40)
    assert "served" in lab.invoke("llm", "served", component="bad")
    assert total(lab, "Zeropull", "ScrapesFailed", {"InferenceComponentName": "bad"}) > 1
    log = (lab.work / "serve.log").read_text(errors="replace")
    assert log.count("is a sample that can be kept") == 1, "said once"
    assert scrapes(lab.metrics_page(), "bad", "answered") == 0 < scrapes(lab.metrics_page(), "llm", "answered")


def an_update_ends_it(lab: Lab) -> None:
    lab.create_config("silent", MetricsConfig={"EnableDetailedObservability": False})
    lab.call("update_endpoint", EndpointName="llm", EndpointConfigName="silent")
    shown = lab.wait_endpoint("llm")
    assert shown["MetricsConfig"] == {"EnableDetailedObservability": False}, shown
    lab.until(lambda: "payload_" not in lab.metrics_page(), "nobody to be scraped", 20)
    assert "served" in lab.invoke("llm", "served")


def main() -> int:
    with Lab() as lab:
        code = run_cases([
            a_containers_metrics_are_series_and_on_the_page,
            enhanced_metrics_are_of_each_copy,
            a_container_that_answers_nonsense_harms_nobody,
            an_update_ends_it,
        ], lab)
        lab.delete_endpoint("llm")
        lab.wait_clean()
    return code


if __name__ == "__main__":
    sys.exit(main())
