"""One endpoint with one component, through the public API alone: what the runs of endpoint_runs.py and growth_runs.py share."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from scaleout import datacenter, wire
from scaleout.client import ApiError, Client
from scaleout.control_plane import INSTANCE_TYPE, ControlPlane
from scaleout.shell import DemoError, output_of

ROLE = "arn:aws:iam::111122223333:role/demo"
PHASES = ("provision", "image", "model", "start", "healthy")


def sha256_of(path: Path) -> str:
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


class Endpoint:
    """From creation to deletion. Its tags choose what is cached, as an operator would; its component has its name."""

    def __init__(self, name: str, tags: dict[str, str], client: Client, plane: ControlPlane, model: Path) -> None:
        self.name, self.tags, self.client, self.plane, self.model = name, tags, client, plane, model
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
                         Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()])
        self.wait("describe_endpoint", "EndpointStatus", EndpointName=self.name)

    def create_component(self, accelerators: int, data_cache: bool) -> None:
        specification = {"ModelName": self.name, "DataCacheConfig": {"EnableCaching": data_cache},
                         "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": accelerators,
                                                         "MinMemoryRequiredInMb": 1024}}
        self.client.sagemaker("create_inference_component", InferenceComponentName=self.name, EndpointName=self.name,
                              VariantName="all", Specification=specification, RuntimeConfig={"CopyCount": 1})

    def wait_component(self) -> None:
        self.wait("describe_inference_component", "InferenceComponentStatus", InferenceComponentName=self.name)

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

    def wait(self, operation: str, member: str, timeout_s: float = 300, **arguments: object) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.client.sagemaker(operation, **arguments)
            if answer[member] == "InService":
                return
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

    def newest_copy(self) -> tuple[dict, dict[str, dict]]:
        """The timeline's entry of the copy that was placed last, and its phases by name with those of its instance, if that is new."""
        entries = self.client.zeropull("DescribeTimeline", EndpointName=self.name)["Entries"]
        copies = sorted((entry for entry in entries if entry["Kind"] == "copy"), key=lambda entry: entry["BeginTime"])
        copy = copies[-1]
        phases = {phase["Name"]: phase for phase in copy["Phases"]}
        if not any(other["InstanceId"] == copy["InstanceId"] for other in copies[:-1]):
            for entry in entries:
                if entry["Kind"] == "instance" and entry["Id"] == copy["InstanceId"]:
                    phases.update({phase["Name"]: phase for phase in entry["Phases"]})
        return copy, phases

    def check_answer(self, body: dict, weights_sha256: str) -> None:
        if body["mean"] != 2.0 or body["weights_sha256"] != weights_sha256:
            raise DemoError(f"a copy gave a wrong answer: {body}")

    def wait_for_cache(self, holder: str) -> None:
        """Until "store" or "volume" has what the next copy shall start from, as after the first minutes of an endpoint's life."""
        kinds = {"image"} if "zeropull:model-cache" in self.tags else {"image", "model"}
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            caches = self.client.zeropull("DescribeCaches", EndpointName=self.name)["Artifacts"]
            if kinds <= {artifact["Kind"] for artifact in caches if artifact["In" + holder.capitalize()]}:
                return
            time.sleep(0.2)
        raise DemoError(f"the {holder} did not hold {kinds} after three minutes")

    def model_alone(self) -> float:
        """Seconds of the model's download on the newest instance's link with nothing beside it."""
        pid = list(self.counters.values())[-1]
        begin = time.monotonic()
        output_of(["nsenter", f"--net=/proc/{pid}/ns/net", "curl", "-sS", "--fail", "--output", "/dev/null",
                   datacenter.model_url(self.model.name)], timeout_s=300)
        return round(time.monotonic() - begin, 3)
