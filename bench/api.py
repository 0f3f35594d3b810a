"""Question: how long does an API call take with 1,000 instances and 10,000 components, as callers see it?

`zeropull serve` with provider static, its state on this disk, and 1,000 simulated agents (simulated_agents.cc) that have joined
over mutual TLS and keep their streams. Through the public listener, signed: 100 endpoints of 10 instances and 10,000 components of one
copy are made and come into service; then several callers at once, each a process with a connection of its own, ask and change,
while the agents report. No rival: the limit is what it is compared with.
Limit: 50 ms at the 99th percentile of every operation. The server's memory is told.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import multiprocessing
import resource
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import harness
from harness import Check, Outcome
from scaleout.shell import DIE_WITH_PARENT, DemoError, say, step, tail, wait_until

AGENTS = harness.PROGRAMS / "simulated_agents"
PORT, AGENTS_PORT, STORE_PORT = 18080, 17444, 17443
TYPE = "ml.simulated.16xlarge"
ROLE = "arn:aws:iam::111122223333:role/bench"
COPIES_PER_INSTANCE = 10
CALLERS = 8
PAUSE_S = 0.05  # of each caller, between two calls
LIMIT_MS = 50


class Registry:
    """What the control plane asks a registry for when it resolves a tag: one image without layers, in every repository."""

    def __init__(self) -> None:
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        name = "sha256:" + hashlib.sha256(config).hexdigest()
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": [], "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": name, "size": len(config)}}).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body, media = (manifest, kind) if "/manifests/" in self.path else (config, "application/octet-stream")
                self.send_response(200)
                self.send_header("Content-Type", media)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Caller:
    """One connection and one key."""

    def __init__(self, keys: dict[str, str]) -> None:
        self.keys = keys
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)

    def call(self, operation: str, **arguments: object) -> dict:
        body = json.dumps(arguments).encode()
        target = operation if "." in operation else f"SageMaker.{operation}"
        self.connection.request("POST", "/", body, self.signed({"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}, body))
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise DemoError(f"{operation} answered {answer.status}: {text.decode(errors='replace')}")
        return json.loads(text or b"{}")

    def signed(self, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """Signature Version 4."""
        now = datetime.datetime.now(datetime.timezone.utc)
        headers = {**headers, "Host": f"127.0.0.1:{PORT}", "X-Amz-Date": now.strftime("%Y%m%dT%H%M%SZ")}
        names = ";".join(sorted(name.lower() for name in headers))
        lines = [f"{name.lower()}:{headers[name]}" for name in sorted(headers, key=str.lower)]
        canonical = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
        scope = f"{now:%Y%m%d}/us-east-1/sagemaker/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.keys["secret_access_key"]).encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.keys['access_key_id']}/{scope}, SignedHeaders={names}, "
                                    f"Signature={hmac.digest(key, to_sign.encode(), 'sha256').hex()}")
        return headers


class Plane:
    """The server, with the operator's commands."""

    def __init__(self, work: Path, registry: Registry) -> None:
        self.root, self.log = work / "control", work / "serve.log"
        self.root.mkdir()
        types = {"instance_types": [{"name": TYPE, "vcpus": 64, "memory_mib": 262144, "accelerators": 2 * COPIES_PER_INSTANCE,
                                     "accelerator": "none", "network_mbit": 10000}]}
        (self.root / "types.json").write_text(json.dumps(types))
        config = {"root": str(self.root), "provider": "static", "listen": {"address": "127.0.0.1", "port": PORT},
                  "agents": {"address": "127.0.0.1", "port": AGENTS_PORT}, "store": {"address": "127.0.0.1", "port": STORE_PORT},
                  "instance_types_file": str(self.root / "types.json"), "allowed_addresses": ["127.0.0.1/32"],
                  "accounts": {"*": {"registries": [{"host": registry.host, "plain_http": True}]}}}
        (self.root / "serve.json").write_text(json.dumps(config))
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([*DIE_WITH_PARENT, harness.ZEROPULL, "serve", "--config", self.root / "serve.json"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_until(self.answers, "zeropull serve")

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise DemoError(f"zeropull serve ended: {tail(self.log)}")
        return (self.root / "admin.sock").exists()

    def operate(self, *words: str) -> dict:
        done = subprocess.run([harness.ZEROPULL, *words, "--admin", self.root / "admin.sock", "--json"], capture_output=True,
                              text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def resident_mib(self) -> float:
        line = next(line for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_agents(plane: Plane, work: Path, count: int) -> subprocess.Popen:
    """Returns when all are connected."""
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda _: plane.operate("credentials", "join-token"), range(count)))
    (work / "tokens").write_text("".join(token["token"] + "\n" for token in tokens))
    (work / "authority.pem").write_text(tokens[0]["authority_pem"])
    agents = subprocess.Popen([*DIE_WITH_PARENT, AGENTS, tokens[0]["control_address"], work / "authority.pem", work / "tokens",
                               work / "agents", TYPE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert agents.stdout
    if agents.stdout.readline().strip() != "connected":
        raise DemoError("the simulated agents could not connect")
    return agents


def endpoint_name(number: int) -> str:
    return f"e{number}"


def component_name(number: int) -> str:
    return f"c{number:05d}"


class Deployment:
    def __init__(self, keys: dict[str, str], image: str, arguments: argparse.Namespace) -> None:
        self.keys, self.image = keys, image
        self.instances, self.components = arguments.instances, arguments.components
        self.endpoints = max(1, self.instances // 10)
        self.local = threading.local()

    def caller(self) -> Caller:
        if not hasattr(self.local, "caller"):
            self.local.caller = Caller(self.keys)
        return self.local.caller

    def create_endpoint(self, number: int) -> None:
        count = self.instances // self.endpoints
        name = endpoint_name(number)
        self.caller().call("CreateEndpointConfig", EndpointConfigName=name, ExecutionRoleArn=ROLE, ProductionVariants=[{
            "VariantName": "all", "InstanceType": TYPE, "InitialInstanceCount": count,
            "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": count, "MaxInstanceCount": count}}])
        self.caller().call("CreateEndpoint", EndpointName=name, EndpointConfigName=name)

    def create_component(self, number: int) -> None:
        self.caller().call("CreateInferenceComponent", InferenceComponentName=component_name(number), VariantName="all",
                           EndpointName=endpoint_name(number % self.endpoints), RuntimeConfig={"CopyCount": 1}, Specification={
                               "Container": {"Image": self.image},
                               "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024}})

    def in_service(self, operation: str, members: str) -> int:
        """How many of the account's endpoints or components are."""
        found, token = 0, {}
        while True:
            answer = self.caller().call(operation, StatusEquals="InService", MaxResults=100, **token)
            found += len(answer[members])
            if "NextToken" not in answer:
                return found
            token = {"NextToken": answer["NextToken"]}

    def make(self) -> None:
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(self.create_endpoint, range(self.endpoints)))
            wait_until(lambda: self.in_service("ListEndpoints", "Endpoints") == self.endpoints, "the endpoints", 600)
            list(pool.map(self.create_component, range(self.components)))
        while (ready := self.in_service("ListInferenceComponents", "InferenceComponents")) < self.components:
            time.sleep(2)
            if time.monotonic() > self.deadline:
                raise DemoError(f"{ready} of {self.components} components are in service after ten minutes")


def calls_of(number: int, caller: int, deployment: Deployment) -> list[tuple[str, dict]]:
    """One of each operation; no component is scaled twice, since an update has to end before the next one."""
    component = component_name((number * CALLERS + caller) % deployment.components)
    endpoint = endpoint_name((number * 7 + caller) % deployment.endpoints)
    fresh = f"fresh-{caller}-{number}"
    return [
        ("DescribeInferenceComponent", {"InferenceComponentName": component}),
        ("ListInferenceComponents", {"MaxResults": 100, "EndpointNameEquals": endpoint}),
        ("ListInferenceComponents", {"MaxResults": 100}),
        ("DescribeEndpoint", {"EndpointName": endpoint}),
        ("ListEndpoints", {"MaxResults": 100}),
        ("Zeropull.ListInstances", {"MaxResults": 100}),
        ("Zeropull.DescribeTimeline", {"EndpointName": endpoint}),
        ("UpdateInferenceComponentRuntimeConfig", {"InferenceComponentName": component, "DesiredRuntimeConfig": {"CopyCount": 2}}),
        ("CreateModel", {"ModelName": fresh, "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": deployment.image}}),
        ("DeleteModel", {"ModelName": fresh}),
    ]


def run_caller(number: int, deployment: Deployment, seconds: float, results: multiprocessing.Queue) -> None:
    caller, times, until = Caller(deployment.keys), [], time.monotonic() + seconds
    turn = 0
    try:
        caller.call("ListEndpoints", MaxResults=1)  # connects
        while time.monotonic() < until:
            for operation, arguments in calls_of(turn, number, deployment):
                begin = time.perf_counter()
                caller.call(operation, **arguments)
                times.append((operation, 1000 * (time.perf_counter() - begin)))
                time.sleep(PAUSE_S)
            turn += 1
        results.put(times)
    except Exception as error:
        results.put(str(error))


def call_at_once(deployment: Deployment, seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each operation's calls."""
    results: multiprocessing.Queue = multiprocessing.Queue()
    callers = [multiprocessing.Process(target=run_caller, args=(number, deployment, seconds, results)) for number in range(CALLERS)]
    for process in callers:
        process.start()
    found: dict[str, list[float]] = {}
    for _ in callers:
        times = results.get(timeout=seconds + 120)
        if isinstance(times, str):
            raise DemoError(times)
        for operation, milliseconds in times:
            found.setdefault(operation, []).append(milliseconds)
    for process in callers:
        process.join()
    return found


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def measure(arguments: argparse.Namespace, work: Path) -> Outcome:
    if not AGENTS.exists():
        raise DemoError(f"{AGENTS} is missing: run ./dev build")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        registry = Registry()
        plane = Plane(work, registry)
        stack.callback(plane.close)
        empty = plane.resident_mib()
        with step(f"{arguments.instances} agents join"):
            agents = start_agents(plane, work, arguments.instances)
            stack.callback(agents.kill)
        joined = plane.resident_mib()
        deployment = Deployment(plane.operate("credentials", "create", "--name", "bench"), f"{registry.host}/bench:1", arguments)
        deployment.deadline = time.monotonic() + 600
        begin = time.monotonic()
        with step(f"{deployment.endpoints} endpoints and {arguments.components} components come into service"):
            deployment.make()
        made_s = time.monotonic() - begin
        deployment.local = None  # what goes to the callers is plain
        full = plane.resident_mib()
        with step(f"{CALLERS} callers at once for {arguments.seconds} s"):
            times = call_at_once(deployment, arguments.seconds)
        after = plane.resident_mib()
    calls = sum(map(len, times.values()))
    checks = [Check(f"{operation}, 99th percentile", percentile(values, 0.99), LIMIT_MS, unit="ms")
              for operation, values in sorted(times.items())]
    for operation, values in sorted(times.items()):
        say(f"  {operation}: {len(values)} calls, median {percentile(values, 0.5):.1f} ms, longest {max(values):.1f} ms")
    return Outcome(
        checks=checks,
        notes=[f"{calls / arguments.seconds:.0f} signed calls/s of {CALLERS} callers, each with {PAUSE_S * 1000:.0f} ms between two",
               f"all in service {made_s:.0f} s after the first call, {arguments.components / made_s:.0f} components/s",
               f"the server's memory: {empty:.0f} MiB empty, {joined:.0f} MiB with {arguments.instances} agents connected, "
               f"{full:.0f} MiB with {arguments.components} components, {after:.0f} MiB after the calls"],
        measured={"ms": times, "made_s": made_s, "mib": [empty, joined, full, after]})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--components", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=30, help="of the callers")


if __name__ == "__main__":
    harness.run("api", __doc__ or "", measure, add_arguments)
