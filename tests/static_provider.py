#!/usr/bin/env python3
"""Provider `static`: machines that share nothing with the server but a network join it by tokens, are leased to one endpoint at a
time, and to the next one only when they have proven that nothing of the first is left; whenever their agents are killed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab import BINARY, Lab, run_cases
from scaleout.control_plane import INSTANCE_TYPE
from scaleout.instance import Instance, Plan
from scaleout.shell import CLEAN_ENVIRONMENT, output_of, tail

SERVER = "10.88.1.1"
BRIDGE = "zpmachines"
ONE, OTHER = "111111111111", "222222222222"
MARKER = "zp-mark-" + secrets.token_hex(12)  # in image, model and log of the first endpoint
MACHINES = 2
SLOW_FILES = 15_000  # what makes a wipe last long enough to be met in its midst

CONTAINERD = """version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[proxy_plugins.zeropull]
  type = "snapshot"
  address = "/run/zeropull/agent.sock"
"""


class Cable:
    """What Instance asks of a datacenter: a port of the bridge for one machine."""

    def __init__(self, lab: Lab, address: str) -> None:
        self.lab, self.address = lab, address

    def connect(self, pid: int, link_mbit: int) -> None:
        port = "m" + self.address.rsplit(".", 1)[1]
        self.lab.center.run(["ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(pid)])
        self.lab.center.run(["ip", "link", "set", port, "up", "master", BRIDGE])
        for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", f"{self.address}/24", "dev", "eth0"],
                        ["ip", "link", "set", "eth0", "up"], ["ip", "route", "add", "default", "via", SERVER]):
            output_of(["nsenter", f"--net=/proc/{pid}/ns/net", *command])


class Machine:
    """A machine of the pool: an instance with containerd, and an agent that the test starts and kills."""

    def __init__(self, lab: Lab, number: int) -> None:
        self.lab, self.address = lab, f"10.88.1.{number + 10}"
        plan = Plan(name=f"zp-static-{os.getpid()}-{number}", home=lab.work / f"machine{number}", programs=BINARY.parent,
                    volume=None, link_mbit=10_000, containerd_config=CONTAINERD)
        self.instance = lab.stack.enter_context(Instance(plan, Cable(lab, self.address)))
        self.disk = plan.home / "disk"
        self.root = self.disk / "lib/zeropull"
        self.agent: subprocess.Popen | None = None

    def give_token(self, issued: dict, name: str = "agent", address: str = "") -> Path:
        """The agent's configuration with this token; the path on the machine."""
        folder = f"/run/zeropull-{name}"
        control = {"address": issued["control_address"], "authority_file": f"{folder}/authority.pem",
                   "token_file": f"{folder}/join-token", "instance_address": address or self.address, "instance_type": INSTANCE_TYPE,
                   "accelerators": 2}
        root = "/var/lib/zeropull" if name == "agent" else f"/tmp/{name}"
        socket = "/run/zeropull/agent.sock" if name == "agent" else f"{folder}/agent.sock"
        self.instance.write_file(f"{folder}/authority.pem", issued["authority_pem"])
        self.instance.write_file(f"{folder}/join-token", issued["token"])
        self.instance.write_file(f"{folder}/agent.json", json.dumps({"root": root, "socket": socket, "control": control}))
        return Path(f"{folder}/agent.json")

    def start_agent(self) -> None:
        with open(self.disk / "log/agent.log", "ab") as log:
            self.agent = subprocess.Popen(
                self.instance.inside(["/opt/zeropull/bin/zeropull", "agent", "--config", "/run/zeropull-agent/agent.json"]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=CLEAN_ENVIRONMENT)

    def kill_agent(self) -> None:
        """kill -9 of the agent itself: nsenter, which the test has started, forked it."""
        for child in Path(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self.agent.kill()
        self.agent.wait()

    def is_leased(self) -> bool:
        return (self.root / "leased-to").exists()

    def slow_down_wipe(self) -> None:
        folder = self.root / "lease/zz-many"
        folder.mkdir()
        for number in range(SLOW_FILES):
            os.close(os.open(folder / str(number), os.O_CREAT | os.O_WRONLY, 0o600))

    def wait_wipe_begun(self) -> None:
        """Until some of the many files are gone; most of them are not."""
        samples = [self.root / f"lease/zz-many/{number}" for number in range(0, SLOW_FILES, SLOW_FILES // 200)]
        deadline = time.monotonic() + 60
        while all(sample.exists() for sample in samples):
            assert time.monotonic() < deadline, "no wipe began"
        assert any(sample.exists() for sample in samples), "the wipe was over before it could be disturbed"

    def wipe_over(self) -> bool:
        return not self.is_leased() and not (self.root / "lease").exists()

    def scan(self, words: list[bytes]) -> list[str]:
        """Files and names on the machine's disk and in its /run that hold one of the words. Nothing is left out."""
        found = []
        for top in (self.disk, self.instance.inner_path("/run"), self.instance.inner_path("/tmp")):
            for folder, folders, files in os.walk(top):
                found += [f"name {folder}/{name}" for name in (*folders, *files) if any(word in name.encode() for word in words)]
                for name in files:
                    path = Path(folder, name)
                    if path.is_symlink() or not path.is_file():
                        continue
                    try:
                        content = path.read_bytes()
                    except OSError as error:
                        assert error.errno == errno.EINVAL, error  # a bound namespace: it has no bytes
                        continue
                    found += [f"{path}: {word!r}" for word in words if word in content]
        mounts = self.instance.run(["cat", "/proc/self/mountinfo"]).encode()
        return found + [f"mounts: {word!r}" for word in words if word in mounts]


class Pool(Lab):
    """A control plane with provider static and two machines that have joined."""

    def __init__(self) -> None:
        registry = [{"host": "10.88.0.2:5000", "plain_http": True}]
        account = {"registries": registry, "s3": {"endpoint_url": "http://10.88.0.4:8000"}}
        super().__init__({"provider": "static", "agents": {"address": SERVER, "port": 7443}, "accounts": {"*": account}})

    def prepare(self) -> None:
        self.center.run(["ip", "link", "add", BRIDGE, "type", "bridge"])
        self.center.run(["ip", "address", "add", f"{SERVER}/24", "dev", BRIDGE])
        self.center.run(["ip", "link", "set", BRIDGE, "up"])
        (self.work / "models/marked.bin").write_bytes(os.urandom(1 << 20) + MARKER.encode() + os.urandom(1 << 20))
        self.center.services["models"].kill()
        self.center.services["models"].wait()
        self.center.serve_models(self.work / "models")
        self.marked_image = self.push_image("marked", "1", note=MARKER)

    def started(self) -> None:
        self.machines = [Machine(self, number) for number in range(MACHINES)]
        self.tokens = [self.plane.operate("credentials", "join-token") for _ in self.machines]
        for machine, token in zip(self.machines, self.tokens):
            machine.give_token(token)
            machine.start_agent()

    def say_log(self) -> None:
        super().say_log()
        for machine in getattr(self, "machines", []):
            log = machine.disk / "log/agent.log"
            print(f"---- agent of {machine.address}", tail(log, 20), sep="\n", file=sys.stderr)

    def machine_of(self, instance: dict) -> Machine:
        return next(machine for machine in self.machines if machine.address == instance["Address"])

    def why_no_capacity(self, endpoint: str) -> str:
        variants = self.call("describe_endpoint", EndpointName=endpoint).get("ProductionVariants", [])
        return json.dumps(variants)


def a_machine_joins_by_a_token_once_and_in_time(lab: Pool) -> None:
    lab.until(lambda: free(lab) == MACHINES, "both machines to join")
    expired = lab.plane.operate("credentials", "join-token", "--lifetime", "1")
    begin = time.monotonic()
    machine = lab.machines[0]
    used = machine.give_token(lab.tokens[1], "used")
    invented = machine.give_token({**lab.tokens[1], "token": "0" * len(lab.tokens[1]["token"])}, "invented")
    lab.until(lambda: time.monotonic() - begin > 1.5, "the short token to expire")
    late = machine.give_token(expired, "late")
    token = lab.plane.operate("credentials", "join-token")
    elsewhere = machine.give_token(token, "elsewhere", address=lab.machines[1].address)
    for config, words in ((used, "was used before"), (invented, "is not known"), (late, "is too old"),
                          (elsewhere, f"and its connection comes from {machine.address}: correct its instance_address")):
        command = machine.instance.inside(["timeout", "2", "/opt/zeropull/bin/zeropull", "agent", "--config", str(config)])
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=CLEAN_ENVIRONMENT).stderr
        assert words in said, f"{words}: {said}"


def both_machines_serve_the_first_endpoint(lab: Pool) -> None:
    with lab.account(ONE):
        lab.deploy("first", copies=3, instances=2, image=lab.marked_image)
        hosts = set()
        lab.until(lambda: hosts.add(lab.invoke("first", "x").split()[0]) or len(hosts) == 3, "each copy to answer", 30)
        first = lab.instances("first")
        assert {instance["Address"] for instance in first} == {machine.address for machine in lab.machines}, first
        for machine, other in (lab.machines, lab.machines[::-1]):
            machine.instance.run(["nft", "get", "element", "inet", "zeropull", "denied", f"{{ {other.address} }}"])  # or it fails

        def everywhere() -> bool:
            assert lab.ask("first", f"/say?{MARKER}") == "said"
            places = ["\n".join(machine.scan([MARKER.encode()])) for machine in lab.machines]
            return all(place.count("/cache/blobs/") >= 2 and "/log" in place for place in places)

        lab.until(everywhere, "the marker to be in image, model and a log on both machines", 30)
    wipe_keys = [(machine.root / "leased-to").read_text().split("\n")[1].encode() for machine in lab.machines]
    lab.secrets = [MARKER.encode(), *wipe_keys]


def no_machine_is_leased_again_before_it_has_proven_its_wipe(lab: Pool) -> None:
    interrupted, undisturbed = lab.machines
    interrupted.slow_down_wipe()
    with lab.account(ONE):
        lab.call("delete_endpoint", EndpointName="first")
    interrupted.wait_wipe_begun()
    interrupted.kill_agent()
    assert interrupted.is_leased() and (interrupted.root / "lease").exists()
    lab.until(lambda: free(lab) == 1, "the other machine to be wiped")
    with lab.account(OTHER):
        lab.create_endpoint("early", instances=2)
        lab.until(lambda: "1 not yet proven wiped" in lab.why_no_capacity("early"), "the endpoint to say what it lacks", 30)
        assert {one["Address"] for one in lab.instances("early")} <= {undisturbed.address, ""}
        assert lab.call("describe_endpoint", EndpointName="early")["EndpointStatus"] == "Creating"
        lab.delete_endpoint("early")
        interrupted.start_agent()
        lab.until(lambda: free(lab) == MACHINES, "the proof of the interrupted wipe")
        lab.create_endpoint("second", instances=2)
        lab.wait_endpoint("second")


def nothing_of_the_first_endpoint_is_on_its_machines(lab: Pool) -> None:
    for machine in lab.machines:
        assert machine.is_leased(), "the second endpoint's"
        left = machine.scan(lab.secrets)
        assert not left, left
    with lab.account(OTHER):
        lab.create_component("second", "second", copies=3)
        lab.wait_component("second")
        assert "hello" in lab.invoke("second", "hello")


def a_proof_that_nobody_could_hear_is_given_by_the_next_agent(lab: Pool) -> None:
    machine = lab.machines[0]
    machine.slow_down_wipe()
    with lab.account(OTHER):
        lab.call("delete_endpoint", EndpointName="second")
    machine.wait_wipe_begun()
    serve = lab.plane.process.pid
    os.kill(serve, signal.SIGSTOP)
    try:
        lab.until(machine.wipe_over, "the wipe to be over", 60)
        machine.kill_agent()
    finally:
        os.kill(serve, signal.SIGCONT)
    machine.start_agent()
    with lab.account(OTHER):
        lab.until(lambda: free(lab) == MACHINES, "both machines to be free")
        lab.create_endpoint("third", instances=2)
        lab.wait_endpoint("third")


def a_machine_whose_agent_never_heard_of_its_lease_comes_back_too(lab: Pool) -> None:
    with lab.account(OTHER):
        lab.delete_endpoint("third")
        lab.until(lambda: free(lab) == MACHINES, "both machines to be free")
        for machine in lab.machines:
            machine.kill_agent()
        lab.create_endpoint("unheard")
        lab.until(lambda: free(lab) == 1, "a machine to be leased whose agent cannot hear of it")
        lab.delete_endpoint("unheard")
        assert not any(machine.is_leased() for machine in lab.machines)
        for machine in lab.machines:
            machine.start_agent()
        lab.until(lambda: free(lab) == MACHINES, "both machines to be free again")
        lab.create_endpoint("last", instances=2)
        lab.wait_endpoint("last")


def free(lab: Pool) -> int:
    """Machines that the records say are wiped and leased to nobody."""
    records = [record for key, record in lab.plane.records().items() if key.startswith("machine/")]
    return sum(record["wiped"] and not record["instance_id"] for record in records)


def main() -> int:
    with Pool() as lab:
        return run_cases([
            a_machine_joins_by_a_token_once_and_in_time,
            both_machines_serve_the_first_endpoint,
            no_machine_is_leased_again_before_it_has_proven_its_wipe,
            nothing_of_the_first_endpoint_is_on_its_machines,
            a_proof_that_nobody_could_hear_is_given_by_the_next_agent,
            a_machine_whose_agent_never_heard_of_its_lease_comes_back_too,
        ], lab)


if __name__ == "__main__":
    sys.exit(main())
