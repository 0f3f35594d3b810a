"""An endpoint that serves, through the public API alone: its first copy on its first instance, a second copy beside it, a third copy on a
new instance, each answered by a real request. Phases come from the API's timeline, bytes from counters in the instances."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scaleout import datacenter, wire
from scaleout.client import ApiError, Client
from scaleout.control_plane import INSTANCE_TYPE, ControlPlane
from scaleout.measure import drop_page_cache
from scaleout.shell import DemoError, output_of

ROLE = "arn:aws:iam::111122223333:role/demo"
PHASES = ("provision", "image", "model", "start", "healthy")


@dataclass(frozen=True)
class EndpointRun:
    """One endpoint. Tags choose what is cached, as an operator would."""

    name: str
    meaning: str
    tags: dict[str, str]
    data_cache: bool
    waits_for: str = ""  # what must hold the image before the third copy: "store", "volume", "" for neither


ALL = (
    EndpointRun("endpoint-no-cache", "caches off: each new instance pulls, each copy downloads",
                {"zeropull:image-cache": "off", "zeropull:model-cache": "off"}, data_cache=False),
    EndpointRun("endpoint-image-cache", "image from the cache volume, model from its origin, as AWS caches today",
                {"zeropull:model-cache": "off"}, data_cache=True, waits_for="volume"),
    EndpointRun("image-cache-store", "no volume: the image from the endpoint's store over the link",
                {"zeropull:model-cache": "off", "zeropull:cache-volume": "off"}, data_cache=True, waits_for="store"),
    EndpointRun("endpoint-everything", "image and model complete on the cache volume", {}, data_cache=True, waits_for="volume"),
)


@dataclass
class CopyMeasured:
    """One copy's start. Seconds are lengths of phases, which may overlap; None where there was no such phase."""

    copy: int
    new_instance: bool
    phases: dict[str, float | None]
    sources: dict[str, str]
    image_bytes: int
    model_bytes: int
    wire_bytes: dict[str, int]
    end_to_end_s: float  # from the call that asked for the copy to its first answer
    requests_failed: int = 0

    def entry(self) -> dict:
        return {"copy": self.copy, "new_instance": self.new_instance, **{f"{name}_s": self.phases.get(name) for name in PHASES},
                "image_source": self.sources.get("image"), "model_source": self.sources.get("model"),
                "image_bytes": self.image_bytes, "model_bytes": self.model_bytes,
                "wire_bytes": self.wire_bytes, "end_to_end_s": round(self.end_to_end_s, 3)}


@dataclass
class EndpointMeasured:
    name: str
    copies: list[CopyMeasured] = field(default_factory=list)
    model_alone_s: float | None = None

    def entry(self) -> dict:
        third = self.copies[2] if len(self.copies) > 2 else None
        entry: dict = {"name": self.name, "model_alone_s": self.model_alone_s, "copies": [copy.entry() for copy in self.copies]}
        for name in ("provision", "image", "model", "start", "healthy"):
            entry[f"{name}_s"] = third.phases.get(name) if third else None
        entry["end_to_end_s"] = round(third.end_to_end_s, 3) if third else None
        return entry


class Endpoint:
    """One endpoint with one component, from creation to deletion."""

    def __init__(self, run: EndpointRun, client: Client, plane: ControlPlane, model: Path, model_sha256: str) -> None:
        self.run, self.client, self.plane = run, client, plane
        self.model, self.model_sha256 = model, model_sha256
        self.name = run.name
        self.hosts: set[str] = set()
        self.counters: dict[str, int] = {}  # instance id -> its first process, once its counters are there

    def create(self) -> None:
        client = self.client
        client.sagemaker("create_model", ModelName=self.name, ExecutionRoleArn=ROLE, PrimaryContainer={
            "Image": datacenter.image_reference(),
            "ModelDataSource": {"S3DataSource": {"S3Uri": datacenter.model_s3_uri(self.model.name), "S3DataType": "S3Object",
                                                 "CompressionType": "None"}}})
        client.sagemaker("create_endpoint_config", EndpointConfigName=self.name, ExecutionRoleArn=ROLE, ProductionVariants=[{
            "VariantName": "all", "InstanceType": INSTANCE_TYPE, "InitialInstanceCount": 1,
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
            "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2}}])
        client.sagemaker("create_endpoint", EndpointName=self.name, EndpointConfigName=self.name,
                         Tags=[{"Key": key, "Value": value} for key, value in self.run.tags.items()])
        self.wait("describe_endpoint", "EndpointStatus", EndpointName=self.name)

    def delete(self) -> None:
        self.client.sagemaker("delete_endpoint", EndpointName=self.name)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                self.client.sagemaker("describe_endpoint", EndpointName=self.name)
            except ApiError:
                return
            time.sleep(0.2)
        raise DemoError(f"endpoint {self.name} is not gone after two minutes")

    def wait(self, operation: str, member: str, timeout_s: float = 300, **arguments: object) -> dict:
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.client.sagemaker(operation, **arguments)
            if answer[member] == "InService":
                return answer
            if answer[member] == "Failed":
                raise DemoError(f"{arguments}: {answer.get('FailureReason')}")
            if time.monotonic() > deadline:
                raise DemoError(f"{arguments}: still {answer[member]} after {timeout_s:.0f} s")
            time.sleep(0.1)

    def instances(self) -> list[dict]:
        return self.client.zeropull("ListInstances", EndpointName=self.name)["Instances"]

    def install_counters(self) -> None:
        for instance in self.instances():
            if instance["InstanceId"] not in self.counters and (pid := self.plane.first_process(instance["InstanceId"])):
                wire.install(pid, datacenter.SOURCES)
                self.counters[instance["InstanceId"]] = pid

    def received(self) -> dict[str, int]:
        """Bytes by source, of all instances of the endpoint."""
        total = dict.fromkeys(datacenter.SOURCES, 0)
        for pid in self.counters.values():
            for source, count in wire.read(pid).items():
                total[source] += count
        return total

    def add_copy(self, number: int) -> CopyMeasured:
        drop_page_cache()
        self.install_counters()
        known = set(self.counters)
        before = self.received()
        begin = time.monotonic()
        if number == 1:
            specification = {"ModelName": self.name, "DataCacheConfig": {"EnableCaching": self.run.data_cache},
                             "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024}}
            self.client.sagemaker("create_inference_component", InferenceComponentName=self.name, EndpointName=self.name,
                                  VariantName="all", Specification=specification, RuntimeConfig={"CopyCount": 1})
        else:
            self.client.sagemaker("update_inference_component_runtime_config", InferenceComponentName=self.name,
                                  DesiredRuntimeConfig={"CopyCount": number})
        self.await_answer()
        end_to_end_s = time.monotonic() - begin
        self.wait("describe_inference_component", "InferenceComponentStatus", InferenceComponentName=self.name)
        return self.measured(number, known, before, end_to_end_s)

    def await_answer(self) -> None:
        """Asks until a copy answers that has not answered before; every answer must be right."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            self.install_counters()
            answer = self.client.invoke(EndpointName=self.name, InferenceComponentName=self.name, ContentType="application/json",
                                        Body=json.dumps({"inputs": [1.0, 2.0, 3.0]}))
            body = json.loads(answer["Body"])
            if body["mean"] != 2.0 or body["weights_sha256"] != self.model_sha256:
                raise DemoError(f"a copy gave a wrong answer: {body}")
            if body["host"] not in self.hosts:
                self.hosts.add(body["host"])
                return
            time.sleep(0.02)
        raise DemoError("no new copy answered within five minutes")

    def measured(self, number: int, known: set[str], before: dict[str, int], end_to_end_s: float) -> CopyMeasured:
        entries = self.client.zeropull("DescribeTimeline", EndpointName=self.name)["Entries"]
        copies = sorted((entry for entry in entries if entry["Kind"] == "copy"), key=lambda entry: entry["BeginTime"])
        copy = copies[-1]
        phases = {phase["Name"]: phase for phase in copy["Phases"]}
        new_instance = copy["InstanceId"] not in known
        if new_instance:
            for entry in entries:
                if entry["Kind"] == "instance" and entry["Id"] == copy["InstanceId"]:
                    phases.update({phase["Name"]: phase for phase in entry["Phases"]})
        after = self.received()
        return CopyMeasured(
            number, new_instance,
            {name: round(phase["EndTime"] - phase["BeginTime"], 3) for name, phase in phases.items()},
            {name: phase["Source"] for name, phase in phases.items() if phase.get("Source")},
            phases.get("image", {}).get("Bytes", 0), phases.get("model", {}).get("Bytes", 0),
            {source: after[source] - before[source] for source in after}, end_to_end_s)

    def wait_for_cache(self) -> None:
        """Until what the third copy shall start from is complete, as after the first minutes of an endpoint's life."""
        if not self.run.waits_for:
            return
        kinds = {"image"} if "zeropull:model-cache" in self.run.tags else {"image", "model"}
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            caches = self.client.zeropull("DescribeCaches", EndpointName=self.name)["Artifacts"]
            if kinds <= {artifact["Kind"] for artifact in caches if artifact["In" + self.run.waits_for.capitalize()]}:
                return
            time.sleep(0.2)
        raise DemoError(f"the {self.run.waits_for} did not hold {kinds} after three minutes")

    def model_alone(self) -> float:
        """Seconds of the same download on the newest instance's link with nothing beside it."""
        pid = list(self.counters.values())[-1]
        begin = time.monotonic()
        output_of(["nsenter", f"--net=/proc/{pid}/ns/net", "curl", "-sS", "--fail", "--output", "/dev/null",
                   datacenter.model_url(self.model.name)], timeout_s=300)
        return round(time.monotonic() - begin, 3)


def sha256_of(path: Path) -> str:
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def measure_endpoint(run: EndpointRun, client: Client, plane: ControlPlane, model: Path, model_sha256: str,
                     say: Callable[[str], None]) -> EndpointMeasured:
    result = EndpointMeasured(run.name)
    endpoint = Endpoint(run, client, plane, model, model_sha256)
    try:
        endpoint.create()
        for number in (1, 2, 3):
            if number == 3:
                endpoint.wait_for_cache()
            copy = endpoint.add_copy(number)
            result.copies.append(copy)
            say(f"    copy {number}{' on a new instance' if copy.new_instance else ''}: " + describe(copy))
        result.model_alone_s = endpoint.model_alone()
    finally:
        endpoint.delete()
    return result


def describe(copy: CopyMeasured) -> str:
    def one(name: str) -> str:
        text = f"{name} {copy.phases[name]:.2f} s"
        return text + (f" from {copy.sources[name]}" if name in copy.sources else "")

    return ", ".join(one(name) for name in PHASES if copy.phases.get(name) is not None) + f"; answered after {copy.end_to_end_s:.2f} s"


def table(results: list[EndpointMeasured]) -> str:
    rows = [("run", "copy", "on", "provision", "image", "model", "start", "healthy", "image bytes", "model bytes", "answered")]
    for result in results:
        for copy in result.copies:
            cells = ["-" if copy.phases.get(name) is None else f"{copy.phases[name]:.2f} s" for name in PHASES]
            rows.append((result.name, str(copy.copy), "new" if copy.new_instance else "same", *cells,
                         f"{copy.image_bytes / 1e6:.1f} MB", f"{copy.model_bytes / 1e6:.1f} MB", f"{copy.end_to_end_s:.2f} s"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows)
