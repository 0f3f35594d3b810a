#!/usr/bin/env python3
"""The life of an endpoint against a real registry, a real bucket, real instances: `zeropull serve` from creation to deletion."""

from __future__ import annotations

import sys
import time

from lab import Lab, run_cases
from scaleout.client import ApiError


def phases(entry: dict) -> dict[str, dict]:
    return {phase["Name"]: phase for phase in entry["Phases"]}


def newest_copy(lab: Lab, endpoint: str) -> dict:
    copies = [entry for entry in lab.timeline(endpoint) if entry["Kind"] == "copy"]
    return max(copies, key=lambda entry: entry["BeginTime"])


def the_first_copy_comes_from_registry_and_bucket(lab: Lab) -> None:
    lab.create_endpoint("llm")
    lab.create_component("llm", "llm", data_cache=True)
    assert "held" in lab.invoke("llm", "held"), "a request that comes before the first copy waits for it"
    lab.wait_component("llm")
    first = phases(newest_copy(lab, "llm"))
    assert first["image"]["Source"] == "registry" and first["image"]["Bytes"] > 0, first
    assert first["model"]["Source"] == "origin" and first["model"]["Bytes"] >= 3 << 20, first


def a_second_copy_on_the_instance_moves_no_byte(lab: Lab) -> None:
    lab.scale("llm", 2)
    lab.wait_component("llm")
    second = phases(newest_copy(lab, "llm"))
    assert second["image"]["Source"] == "cache" and second["image"]["Bytes"] == 0, second
    assert second["model"]["Source"] == "cache" and second["model"]["Bytes"] == 0, second
    assert len(lab.instances("llm")) == 1


def a_third_copy_starts_on_a_new_instance_from_the_volume(lab: Lab) -> None:
    def on_volume() -> bool:
        artifacts = lab.own("DescribeCaches", EndpointName="llm")["Artifacts"]
        return {"image", "model"} <= {artifact["Kind"] for artifact in artifacts if artifact["InVolume"]}

    lab.until(on_volume, "image and model to be complete on the endpoint's volume")
    lab.scale("llm", 3)
    lab.wait_component("llm")
    third = phases(newest_copy(lab, "llm"))
    assert third["image"]["Source"] == "volume" and third["image"]["Bytes"] == 0, third
    assert third["model"]["Source"] == "volume" and third["model"]["Bytes"] == 0, third
    assert len(lab.instances("llm")) == 2
    hosts = set()
    lab.until(lambda: hosts.add(lab.invoke("llm", "x").splitlines()[0]) or len(hosts) == 3, "each copy to answer", 30)


def the_server_killed_and_back_goes_on(lab: Lab) -> None:
    copies = {entry["Id"] for entry in lab.timeline("llm") if entry["Kind"] == "copy"}
    lab.plane.kill()
    lab.plane.start()
    assert "again" in lab.invoke("llm", "again")
    lab.wait_component("llm")
    assert {entry["Id"] for entry in lab.timeline("llm") if entry["Kind"] == "copy"} == copies, "no copy was started again"


def scale_in_releases_the_idle_instance(lab: Lab) -> None:
    lab.scale("llm", 1)
    lab.wait_component("llm")
    lab.until(lambda: len(lab.instances("llm")) == 1, "the idle instance to be released")
    assert "one" in lab.invoke("llm", "one")


def a_tag_pushed_again_changes_nothing_until_an_update(lab: Lab) -> None:
    specification = {"Container": {"Image": lab.image()}, "ComputeResourceRequirements": {
        "NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024}}

    def deployed() -> str:
        answer = lab.wait_component("tagged")
        return answer["Specification"]["Container"]["DeployedImage"]["ResolvedImage"]

    lab.call("create_inference_component", InferenceComponentName="tagged", EndpointName="llm", VariantName="all",
             Specification=specification, RuntimeConfig={"CopyCount": 1})
    before = deployed()
    lab.push_image("serve", "1", note="another image under the same tag")
    lab.scale("tagged", 2)
    assert deployed() == before
    lab.call("update_inference_component", InferenceComponentName="tagged", Specification=specification)
    updated = lab.until(lambda: deployed() != before and deployed(), "the update to resolve the tag again", 60)
    assert "@sha256:" in updated and "new" in lab.invoke("llm", "new", component="tagged")
    lab.call("delete_inference_component", InferenceComponentName="tagged")
    lab.until(lambda: lab.is_gone("describe_inference_component", InferenceComponentName="tagged"), "the component to be gone")


def failures_say_their_reason_at_once(lab: Lab) -> None:
    for name, options, words in (
            ("absent", {"image": lab.image().replace("serve:1", "serve:none")}, "manifest unknown"),
            ("crashing", {"environment": {"CRASH": "7"}}, "7"),
    ):
        begin = time.monotonic()
        lab.create_component(name, "llm", model="", **options)
        failed = lab.wait_component(name, "Failed", timeout_s=60)
        assert words in failed["FailureReason"].lower(), failed
        assert time.monotonic() - begin < 45, "said after a health-check time-out"
        lab.call("delete_inference_component", InferenceComponentName=name)
        lab.until(lambda: lab.is_gone("describe_inference_component", InferenceComponentName=name), f"{name} to be gone")


def what_can_never_fit_is_said(lab: Lab) -> None:
    lab.call("create_model", ModelName="huge", ExecutionRoleArn="arn:aws:iam::111122223333:role/test",
             PrimaryContainer={"Image": lab.image()})
    try:
        lab.call("create_inference_component", InferenceComponentName="huge", EndpointName="llm", VariantName="all",
                 Specification={"ModelName": "huge", "ComputeResourceRequirements": {
                     "NumberOfAcceleratorDevicesRequired": 9, "MinMemoryRequiredInMb": 1024}}, RuntimeConfig={"CopyCount": 1})
    except ApiError as error:
        assert "9" in str(error), error
        return
    failed = lab.wait_component("huge", "Failed", timeout_s=30)
    assert "9" in failed["FailureReason"] and "2" in failed["FailureReason"], failed
    lab.call("delete_inference_component", InferenceComponentName="huge")


def an_endpoint_in_creation_can_be_deleted(lab: Lab) -> None:
    lab.create_endpoint("brief")
    lab.create_component("brief", "brief")
    lab.delete_endpoint("brief")
    assert lab.is_gone("describe_inference_component", InferenceComponentName="brief")


def a_deleted_endpoint_leaves_nothing(lab: Lab) -> None:
    lab.delete_endpoint("llm")
    lab.wait_clean(timeout_s=5)


def main() -> int:
    with Lab() as lab:
        return run_cases([
            the_first_copy_comes_from_registry_and_bucket,
            a_second_copy_on_the_instance_moves_no_byte,
            a_third_copy_starts_on_a_new_instance_from_the_volume,
            the_server_killed_and_back_goes_on,
            scale_in_releases_the_idle_instance,
            a_tag_pushed_again_changes_nothing_until_an_update,
            failures_say_their_reason_at_once,
            what_can_never_fit_is_said,
            an_endpoint_in_creation_can_be_deleted,
            a_deleted_endpoint_leaves_nothing,
        ], lab)


if __name__ == "__main__":
    sys.exit(main())
