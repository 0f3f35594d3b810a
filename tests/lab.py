"""A control plane of its own for a system test: a registry with a small serving image, an S3 bucket with small models, `zeropull
serve` with provider local, all in one network namespace (bench/scaleout/datacenter.py), called by `zeropull api` as an operator
would.

    with Lab() as lab:
        lab.deploy("llm", copies=1)
        print(lab.invoke("llm", "hello"))

Needs root; ZP_BIN and ZP_TESTS name the build's programs. Everything ends with the block; leftovers() says what did not.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS.parent / "bench"))

from scaleout import datacenter  # noqa: E402
from scaleout.client import ApiError, ZeropullApi  # noqa: E402
from scaleout.control_plane import INSTANCE_TYPE, URL, ControlPlane  # noqa: E402
from scaleout.datacenter import Datacenter  # noqa: E402
from scaleout.shell import CLEAN_ENVIRONMENT, output_of  # noqa: E402

BINARY = Path(os.environ["ZP_BIN"]) / "zeropull"
PAYLOAD = Path(os.environ["ZP_TESTS"]) / "serve_payload"
ROLE = "arn:aws:iam::111122223333:role/test"
SKIPPED = 77


class Lab:
    """Context manager. `settings` are laid over the control plane's configuration; `instance_types` are more of the lab's one."""

    def __init__(self, settings: dict | None = None, link_mbit: int = 10_000, instance_types: Sequence[str] = ()) -> None:
        if os.geteuid() != 0:
            print("SKIPPED: needs root")
            sys.exit(SKIPPED)
        self.settings = settings or {}
        self.instance_types = instance_types
        self.link_mbit = link_mbit
        self.binary = BINARY  # of the control plane
        self.work = Path(tempfile.mkdtemp(prefix="zp-lab-", dir="/var/tmp"))
        self.stack = contextlib.ExitStack()
        self.callers: dict[str, ZeropullApi] = {}

    def __enter__(self) -> Lab:
        try:
            self.stack.callback(shutil.rmtree, self.work, ignore_errors=True)
            (self.work / "models").mkdir()
            (self.work / "models/weights.bin").write_bytes(os.urandom(3 << 20))
            self.center = self.stack.enter_context(Datacenter(self.work))
            self.center.serve_registry(self.work / "registry")
            self.center.serve_models(self.work / "models")
            self.push_image("serve", "1")
            self.prepare()
            self.plane = self.stack.enter_context(
                ControlPlane(self.binary, self.work / "control", self.center, self.link_mbit, self.work / "serve.log", self.settings,
                             self.instance_types))
            self.keys = self.plane.access_key()
            self.api = self.caller(self.keys)
            self.started()
            return self
        except BaseException:
            self.say_log()
            self.stack.close()
            raise

    def __exit__(self, kind, error, trace) -> None:
        if error is not None:
            self.say_log()
        self.stack.close()

    def prepare(self) -> None:
        """For a lab with more in its network: before the control plane starts."""

    def started(self) -> None:
        """For a lab with more in its network: when the control plane answers."""

    def say_log(self) -> None:
        for log in (self.work / "serve.log", *(self.work / "control/instances").glob("*/disk/log/*.log")):
            if log.exists():
                print(f"---- {log}", *log.read_text(errors="replace").splitlines()[-60:], sep="\n", file=sys.stderr)

    def caller(self, keys: dict[str, str]) -> ZeropullApi:
        return ZeropullApi(BINARY, self.center, dict(
            CLEAN_ENVIRONMENT, AWS_ENDPOINT_URL=URL, AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY=keys["secret_access_key"]))

    @contextlib.contextmanager
    def account(self, number: str):
        """Within the block every call is this account's."""
        if number not in self.callers:
            self.callers[number] = self.caller(self.plane.access_key(number))
        before, self.api = self.api, self.callers[number]
        try:
            yield
        finally:
            self.api = before

    def push_image(self, repository: str, tag: str, note: str = "") -> str:
        """The payload as an image with a tag; `note` makes it another image. The reference."""
        out = self.work / f"image-{secrets.token_hex(4)}"
        config = json.dumps({"Entrypoint": ["/payload"], "Env": ["PATH=/"]})
        output_of([sys.executable, TESTS / "make_image.py", out, "x", config, f"payload={PAYLOAD}", "+", f"note=text:{note}"])
        layout = self.work / f"{out.name}-layout"
        with tarfile.open(f"{out}.tar") as archive:
            archive.extractall(layout)
        host = f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}"
        self.center.run([sys.executable, TESTS.parent / "bench/scaleout/push.py", layout, host, repository, tag])
        return f"{host}/{repository}:{tag}"

    def image(self) -> str:
        return f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}/serve:1"

    # ---- the API ----

    def call(self, operation: str, **arguments: object) -> dict:
        return self.api.call("sagemaker", operation, arguments)

    def own(self, operation: str, **arguments: object) -> dict:
        return self.api.call("", f"Zeropull.{operation}", arguments)

    def create_config(self, name: str, instances: int = 1, instances_max: int = 2, **more: object) -> None:
        self.call("create_endpoint_config", EndpointConfigName=name, ExecutionRoleArn=ROLE, ProductionVariants=[{
            "VariantName": "all", "InstanceType": INSTANCE_TYPE, "InitialInstanceCount": instances,
            "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": instances, "MaxInstanceCount": instances_max}}], **more)

    def create_endpoint(self, name: str, instances: int = 1, instances_max: int = 2, tags: dict[str, str] | None = None,
                        **config: object) -> None:
        self.create_config(name, instances, instances_max, **config)
        self.call("create_endpoint", EndpointName=name, EndpointConfigName=name,
                  Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()])

    def create_component(self, name: str, endpoint: str, copies: int = 1, image: str | None = None, model: str = "s3://models/",
                         data_cache: bool = False, environment: dict[str, str] | None = None, source: dict | None = None,
                         **more: object) -> None:
        """`model`: a prefix, one object, or "" for none; `source` says more than a URI can. `more`: of the model's container."""
        container: dict = {"Image": image or self.image(), "Environment": environment or {}, **more}
        if source or model.endswith("/"):
            prefix = {"S3Uri": model, "S3DataType": "S3Prefix", "CompressionType": "None"}
            container["ModelDataSource"] = {"S3DataSource": source or prefix}
        elif model:
            container["ModelDataUrl"] = model
        self.call("create_model", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        self.call("create_inference_component", InferenceComponentName=name, EndpointName=endpoint, VariantName="all",
                  Specification={"ModelName": name, "DataCacheConfig": {"EnableCaching": data_cache},
                                 "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 1,
                                                                 "MinMemoryRequiredInMb": 1024}},
                  RuntimeConfig={"CopyCount": copies})

    def deploy(self, name: str, copies: int = 1, instances: int = 1, **options: object) -> None:
        """Endpoint and component of one name, both in service."""
        self.create_endpoint(name, instances)
        self.create_component(name, name, copies, **options)
        self.wait_component(name)

    def scale(self, component: str, copies: int) -> None:
        self.call("update_inference_component_runtime_config", InferenceComponentName=component,
                  DesiredRuntimeConfig={"CopyCount": copies})

    def wait_component(self, name: str, status: str = "InService", timeout_s: float = 120) -> dict:
        def done() -> dict | None:
            answer = self.call("describe_inference_component", InferenceComponentName=name)
            if answer["InferenceComponentStatus"] == "Failed" and status != "Failed":
                raise AssertionError(f"component {name} failed: {answer.get('FailureReason')}")
            runtime = answer["RuntimeConfig"]
            settled = status != "InService" or runtime["CurrentCopyCount"] == runtime["DesiredCopyCount"]
            return answer if answer["InferenceComponentStatus"] == status and settled else None

        return self.until(done, f"component {name} to be {status}", timeout_s)

    def wait_endpoint(self, name: str, timeout_s: float = 120) -> dict:
        def done() -> dict | None:
            answer = self.call("describe_endpoint", EndpointName=name)
            assert answer["EndpointStatus"] != "Failed", answer.get("FailureReason")
            return answer if answer["EndpointStatus"] == "InService" else None

        return self.until(done, f"endpoint {name} to be in service", timeout_s)

    def delete_endpoint(self, name: str, timeout_s: float = 120) -> None:
        self.call("delete_endpoint", EndpointName=name)
        self.until(lambda: self.is_gone("describe_endpoint", EndpointName=name), f"endpoint {name} to be gone", timeout_s)

    def is_gone(self, operation: str, **arguments: object) -> bool:
        try:
            self.call(operation, **arguments)
        except ApiError as error:
            return "Could not find" in str(error)
        return False

    def until(self, done, what: str, timeout_s: float = 120):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if value := done():
                return value
            time.sleep(0.1)
        raise AssertionError(f"waited {timeout_s:.0f} s for {what}")

    def invoke(self, endpoint: str, body: str = "", component: str | None = None) -> str:
        return self.api.call("sagemaker-runtime", "invoke_endpoint", {
            "EndpointName": endpoint, "InferenceComponentName": component or endpoint, "Body": body})["Body"]

    def ask(self, endpoint: str, request: str) -> str:
        """What the serving container of tests/serve_payload.c answers to a GET, asked through the router."""
        return self.invoke(endpoint, f"GET {request}").strip()

    def metrics_page(self) -> str:
        """What Prometheus would read."""
        return self.center.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"])

    def instances(self, endpoint: str) -> list[dict]:
        return self.own("ListInstances", EndpointName=endpoint)["Instances"]

    def timeline(self, endpoint: str) -> list[dict]:
        return self.own("DescribeTimeline", EndpointName=endpoint)["Entries"]

    # ---- what is left ----

    def leftovers(self) -> list[str]:
        """Processes, mounts, loop devices, cgroups, links, rules and folders of instances: empty when no instance lives. Links
        and rules of the instances' own network namespaces end with these; a namespace that lives on shows as a process."""
        return [*self.left_on_disk(), *self.left_in_kernel(), *self.left_in_network()]

    def wait_clean(self, timeout_s: float = 30) -> list[str]:
        """What was there last before nothing was."""
        deadline = time.monotonic() + timeout_s
        last: list[str] = []
        while left := self.leftovers():
            if time.monotonic() > deadline:
                raise AssertionError("\n".join([f"left after {timeout_s:.0f} s:", *left]))
            last = left
            time.sleep(0.1)
        return last

    def left_on_disk(self) -> list[str]:
        """Of instances, and of endpoints, which are to be gone too."""
        root = self.work / "control"
        found = [path for name in ("instances", "volumes", "store", "store/_unfinished") for path in root.glob(f"{name}/*")]
        return [f"on disk: {path}" for path in found if path.name != "_unfinished"]

    def left_in_kernel(self) -> list[str]:
        root = str(self.work / "control/instances")
        left = [f"loop: {line}" for line in output_of(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"]).splitlines()
                if str(self.work) in line]
        mine = self.instances_seen()
        cgroups = [path for pattern in ("zeropull-i-*", "*/zeropull-i-*") for path in Path("/sys/fs/cgroup").glob(pattern)]
        left += [f"cgroup: {path}" for path in cgroups if path.name.removeprefix("zeropull-") in mine]
        outside = {os.stat("/proc/self/ns/net").st_ino, self.center_network()}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                mounts = process.joinpath("mountinfo").read_text()
                if root not in mounts:
                    continue
                elsewhere = os.stat(process / "ns/net").st_ino not in outside
                left.append(f"process: {command[:200]}" if elsewhere else f"mount seen by process: {command[:200]}")
        return left

    def instances_seen(self) -> set[str]:
        """Ids of this control plane's instances, by its log: on this machine others may have theirs."""
        return set(re.findall(r"\bi-[0-9a-f]{16}\b", (self.work / "serve.log").read_text(errors="replace")))

    def left_in_network(self) -> list[str]:
        """The server's own bridge and table stay while it serves."""
        links = json.loads(self.center.run(["ip", "-json", "link", "show"]))
        left = [f"link: {link['ifname']}" for link in links if link["ifname"] not in ("lo", "zpbr0")]
        tables = json.loads(self.center.run(["nft", "--json", "list", "tables"]))["nftables"]
        names = [entry["table"]["name"] for entry in tables if "table" in entry]
        left += [f"table: {name}" for name in names if name != "zeropull-zpbr0"]
        spaces = json.loads(self.center.run(["ip", "-json", "netns", "list-id"]) or "[]")
        return left + [f"network namespace: {space}" for space in spaces]

    def center_network(self) -> int:
        return os.stat(f"/proc/{self.center.holder.pid}/ns/net").st_ino


def environment() -> str | None:
    """The Python that has what api_suite/requirements.txt pins; None where the package index cannot be reached."""
    command = ["bash", TESTS / "api_suite/environment.sh"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    return f"{done.stdout.strip()}/bin/python" if done.returncode == 0 else None


def run_cases(cases: list, lab: Lab) -> int:
    """Runs functions of one argument in order; the exit code."""
    for case in cases:
        begin = time.monotonic()
        print(f"{case.__name__} ... ", end="", flush=True)
        case(lab)
        print(f"ok ({time.monotonic() - begin:.1f} s)", flush=True)
    return 0
