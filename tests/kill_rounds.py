#!/usr/bin/env python3
"""kill_rounds.py [ROUNDS] [SEED]: an endpoint is deployed, scaled and deleted while, at random moments, server, agent, containerd, shim or
container is killed. After each round everything converges, answers are right, and at the end nothing is left."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

from lab import Lab
from scaleout.client import ApiError
from scaleout.shell import DemoError

VICTIMS = {"agent": b"zeropull\0agent", "containerd": b"containerd\0", "shim": b"containerd-shim", "container": b"/payload\0serve"}


def processes_of(init: int) -> list[tuple[int, bytes]]:
    """All processes below an instance's first one, with their command lines."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
    below = {init}
    while True:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        if not more:
            break
        below |= more
    found = []
    for pid in below:
        with contextlib.suppress(OSError):
            found.append((pid, Path(f"/proc/{pid}/cmdline").read_bytes()))
    return found


def kill_one(lab: Lab, victim: str, choose: random.Random) -> str:
    if victim == "server":
        lab.plane.kill()
        time.sleep(choose.uniform(0, 0.5))
        lab.plane.start()
        return "server"
    candidates = []
    with contextlib.suppress(DemoError, KeyError):
        for instance in lab.instances("kill"):
            if first := lab.plane.first_process(instance["InstanceId"]):
                candidates += [pid for pid, command in processes_of(first) if VICTIMS[victim] in command]
    if not candidates:
        return f"no {victim} was there"
    pid = choose.choice(sorted(candidates))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return f"{victim} {pid}"


def act(lab: Lab, action: str, choose: random.Random) -> str:
    """One change; what was acknowledged must come true, whoever dies."""
    if action == "deploy":
        lab.create_endpoint("kill")
        lab.create_component("kill", "kill", copies=1, data_cache=True)
        return "deploy"
    if action == "scale":
        copies = choose.randint(1, 4)
        lab.scale("kill", copies)
        return f"scale to {copies}"
    lab.call("delete_endpoint", EndpointName="kill")
    return "delete"


def converge(lab: Lab, deployed: bool) -> None:
    if not deployed:
        lab.until(lambda: lab.is_gone("describe_endpoint", EndpointName="kill"), "the endpoint to be gone", 180)
        lab.call("delete_endpoint_config", EndpointConfigName="kill")
        lab.call("delete_model", ModelName="kill")
        return
    lab.wait_component("kill", timeout_s=180)
    for number in range(5):
        answer = lab.invoke("kill", f"question {number}")
        assert f"question {number}" in answer, answer


def one_round(lab: Lab, number: int, deployed: bool, choose: random.Random) -> bool:
    action = "deploy" if not deployed else choose.choice(["scale", "scale", "scale", "delete"])
    victim = choose.choice(["server", *VICTIMS])
    delay = choose.uniform(0, 3)
    killed: list[str] = []
    killer = threading.Thread(target=lambda: (time.sleep(delay), killed.append(kill_one(lab, victim, choose))))
    done = act(lab, action, choose)
    killer.start()
    killer.join()
    deployed = action != "delete"
    begin = time.monotonic()
    converge(lab, deployed)
    print(f"round {number}: {done}, {killed[0]} killed after {delay:.2f} s, converged in {time.monotonic() - begin:.1f} s", flush=True)
    return deployed


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"{rounds} rounds, seed {seed}", flush=True)
    choose = random.Random(seed)
    with Lab({"requests": {"hold_s": 120}}) as lab:
        deployed = False
        for number in range(1, rounds + 1):
            deployed = one_round(lab, number, deployed, choose)
        if deployed:
            with contextlib.suppress(ApiError):
                lab.call("delete_endpoint", EndpointName="kill")
            converge(lab, False)
        lab.until(lambda: not lab.leftovers(), "nothing to be left of any instance", 60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
