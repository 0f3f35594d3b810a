#!/usr/bin/env python3
"""kill_rounds.py [ROUNDS] [SEED..]: an endpoint is deployed, scaled and deleted while, at random moments, server, agent,
containerd, shim or container is killed. A change that was acknowledged comes true, no answer is ever another's, each round
converges, and at the end nothing is left. Every seed has a control plane of its own."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lab import Lab
from scaleout.client import ApiError, ZeropullApi

# By how their command lines begin. A shim is also the one that containerd calls to clean up after another.
VICTIMS = {"agent": (b"zeropull", b"agent"), "containerd": (b"containerd",), "shim": (b"containerd-shim-runc-v2",),
           "container": (b"payload", b"serve")}
SLOW_DELETE_S = 5  # then what took so long is shown
# How a call ends that a killed server did not answer; it may have been done.
CUT_OFF = ("connect to server", "Recv failure", "Empty reply", "transfer closed", "Connection reset", "end of stream")


def processes_of(init: int) -> list[tuple[int, tuple[bytes, ...]]]:
    """All processes below an instance's first one, with the words of their command lines, the first without its folder."""
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
            program, *words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            found.append((pid, (program.rpartition(b"/")[2], *words)))
    return found


def kill_one(lab: Lab, victim: str, choose: random.Random) -> str:
    """On the main thread: a server started from one that ends would be killed with it (DIE_WITH_PARENT)."""
    if victim == "server":
        lab.plane.kill()
        time.sleep(choose.uniform(0, 0.5))
        lab.plane.start()
        return "server"
    candidates = []
    folders = lab.work / "control/instances"
    for folder in folders.iterdir() if folders.exists() else ():
        if first := lab.plane.first_process(folder.name):
            candidates += [pid for pid, words in processes_of(first) if words[: len(VICTIMS[victim])] == VICTIMS[victim]]
    if not candidates:
        return f"no {victim} was there to be"
    pid = choose.choice(sorted(candidates))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return f"{victim} {pid}"


class Insistent:
    """A caller that asks again until the server answers. What a call asked for that was cut off may have been done."""

    DONE = {"create": "Cannot create already existing", "delete": "Could not find"}

    def __init__(self, api: ZeropullApi) -> None:
        self.api = api

    def call(self, service: str, operation: str, arguments: dict) -> dict:
        deadline = time.monotonic() + 60
        cut_off = False
        while True:
            try:
                return self.api.call(service, operation, arguments)
            except ApiError as error:
                done = self.DONE.get(operation.split("_")[0])
                if cut_off and done and done in str(error):
                    return {}
                if not is_cut_off(error) or time.monotonic() > deadline:
                    raise
                cut_off = True
                time.sleep(0.1)


def is_cut_off(error: ApiError) -> bool:
    return any(words in str(error) for words in CUT_OFF)


class Caller(threading.Thread):
    """A thread whose failure is that of the round."""

    def __init__(self, work) -> None:
        super().__init__()
        self.work, self.error = work, None

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.error = error

    def finish(self) -> None:
        self.join()
        if self.error:
            raise self.error


class Asker(Caller):
    """Requests, one after the other, while things are killed: each has its own answer, or an error that says what happened."""

    EXPECTED = ("ModelError", "ServiceUnavailable", "Could not find", "not found")

    def __init__(self, api: ZeropullApi) -> None:
        super().__init__(self.ask)
        self.api, self.done = api, threading.Event()
        self.answers, self.failures = 0, 0

    def ask(self) -> None:
        while not self.done.is_set():
            question = secrets.token_hex(1000)
            try:
                answer = self.api.call("sagemaker-runtime", "invoke_endpoint",
                                       {"EndpointName": "kill", "InferenceComponentName": "kill", "Body": question})["Body"]
            except ApiError as error:
                assert is_cut_off(error) or any(words in str(error) for words in self.EXPECTED), error
                self.failures += 1
                time.sleep(0.05)
                continue
            assert answer.split(" ", 1)[1].strip() == question, "a request got another answer than its own"
            self.answers += 1


class Rounds:
    def __init__(self, lab: Lab, choose: random.Random) -> None:
        self.lab, self.choose = lab, choose
        self.api, lab.api = lab.api, Insistent(lab.api)
        self.deployed = False

    def run(self, number: int) -> None:
        change, name = self.choose_change()
        victims = self.choose.choices(["server", *VICTIMS], k=self.choose.randint(1, 3))
        delays = [self.choose.uniform(0, 3 if self.deployed else 0.5) / len(victims) for _ in victims]  # an end is soon over
        begin = time.monotonic()
        asker, changer = Asker(self.api), Caller(change)
        asker.start()
        changer.start()
        killed = []
        for delay, victim in zip(delays, victims):
            time.sleep(delay)
            killed.append(f"{kill_one(self.lab, victim, self.choose)} killed after {time.monotonic() - begin:.2f} s")
        changer.finish()
        self.converge()
        asker.done.set()
        asker.finish()
        print(f"round {number}: {name}, {', '.join(killed)}, converged after {time.monotonic() - begin:.1f} s; "
              f"{asker.answers} answers, {asker.failures} errors", flush=True)

    def choose_change(self) -> tuple[Callable[[], None], str]:
        """A function that returns when the change is acknowledged."""
        action = self.choose.choice(["scale", "scale", "scale", "delete"]) if self.deployed else "deploy"
        self.deployed = action != "delete"
        if action == "delete":
            return self.delete, action
        if action == "deploy":
            return self.deploy, action
        copies = self.choose.randint(1, 4)
        return lambda: self.scale(copies), f"scale to {copies}"

    def deploy(self) -> None:
        self.copies = 1
        self.lab.create_endpoint("kill")
        self.lab.create_component("kill", "kill", data_cache=True)

    def scale(self, copies: int) -> None:
        self.copies = copies
        self.lab.scale("kill", copies)

    def delete(self) -> None:
        self.lab.call("delete_endpoint", EndpointName="kill")

    def converge(self) -> None:
        lab = self.lab
        if not self.deployed:
            begin = time.monotonic()
            lab.until(lambda: lab.is_gone("describe_endpoint", EndpointName="kill"), "the endpoint to be gone", 180)
            lab.call("delete_endpoint_config", EndpointConfigName="kill")
            lab.call("delete_model", ModelName="kill")
            gone = time.monotonic() - begin
            last = lab.wait_clean()
            if time.monotonic() - begin > SLOW_DELETE_S:
                print(f"gone after {gone:.1f} s, clean after {time.monotonic() - begin:.1f} s; the last to go:", *last, sep="\n  ")
            return
        shown = lab.wait_component("kill", timeout_s=180)
        assert shown["RuntimeConfig"]["CurrentCopyCount"] == self.copies, shown
        for number in range(5):
            answer = lab.invoke("kill", f"question {number}")
            assert answer.split(" ", 1)[1].strip() == f"question {number}", answer

    def end(self) -> None:
        if self.deployed:
            self.deployed = False
            self.delete()
            self.converge()


def run_seed(rounds: int, seed: int) -> None:
    print(f"{rounds} rounds, seed {seed}", flush=True)
    with Lab({"requests": {"hold_s": 120}}) as lab:
        run = Rounds(lab, random.Random(seed))
        for number in range(1, rounds + 1):
            run.run(number)
        run.end()


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for seed in sys.argv[2:] or [random.SystemRandom().randrange(1 << 32)]:
        run_seed(rounds, int(seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
