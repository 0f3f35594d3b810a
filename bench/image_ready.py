"""Question: how long until a container's root is mounted on a new instance that has a cache volume, and does the image's size matter?

Two volumes, each attached to brand-new instances in turn with a cold page cache: the demo's image, and the same image with layers on
top that make its data ten times as much. From `zeropull run`'s start to the container's mounted root, seen from outside in the
instance's mount table; the agent checks its volume in the background meanwhile, as it does after every start.
There is no rival but the clock (./demo compares with a pull).
Limits: under 100 ms for either image, and the large one takes at most 1.2 times as long as the small one.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import select
import shutil
import subprocess
import time
from pathlib import Path

import harness
from harness import Check, Outcome, median
from layouts import MIB, Layout
from scaleout import datacenter, recipe, zeropull
from scaleout.datacenter import Datacenter
from scaleout.instance import CONTAINERD_SOCKET, Instance, Plan
from scaleout.measure import ROOTFS_MOUNT
from scaleout.runs import CONTAINERD_CONFIG
from scaleout.shell import DemoError, output_of, say, step
from scaleout.zeropull import Endpoint

LAYERS = 9
LIMIT_S = 60


def make_large_layout(image: recipe.Image, folder: Path) -> None:
    """The demo's image with LAYERS more layers, each of as many bytes as the demo's has in all."""
    layout = Layout(folder)
    layout.begin_with(image.layout, image.manifest_digest)
    for number in range(LAYERS):
        layout.add_layer({f"data/{number}/{index:05}": MIB for index in range(image.unpacked_bytes // MIB)})
    layout.finish()


def ensure_endpoint(name: str, layout: Path) -> Endpoint:
    """An endpoint whose volume holds the layout's image under the demo's name."""
    home = harness.CHECKOUT / "build/bench/cache" / name
    endpoint = Endpoint(harness.ZEROPULL, home)
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        with step(f"converting the {name} image into a volume"):
            output_of([harness.ZEROPULL, "image", "convert", "--from", f"oci:{layout}", "--to", endpoint.volume, "--key-file",
                       endpoint.key, "--name", datacenter.image_reference()], timeout_s=900)
        (home / "complete").touch()
    return endpoint


def endpoints(image: recipe.Image, work: Path) -> dict[str, Endpoint]:
    made = {"demo": ensure_endpoint(f"demo-{recipe.recipe_key()}", image.layout)}
    name = f"large-{recipe.recipe_key()}"
    if not (harness.CHECKOUT / "build/bench/cache" / name / "complete").exists():
        with step(f"writing {LAYERS} layers of {image.unpacked_bytes / 1e9:.1f} GB"):
            make_large_layout(image, work / "layout")
    made["large"] = ensure_endpoint(name, work / "layout")
    shutil.rmtree(work / "layout", ignore_errors=True)
    return made


def start(instance: Instance) -> dict[str, float]:
    """Starts a container that does nothing; seconds from the command's start to what can be seen of it."""
    command = [*zeropull.run_command(), "--json", "--", "/bin/true"]
    seen: dict[str, float] = {}
    with open(f"/proc/{instance.pid}/mountinfo", "rb", buffering=0) as mounts:
        mounts.read(1 << 20)
        poll = select.poll()
        poll.register(mounts, select.POLLPRI)
        begin = time.monotonic()
        process = instance.spawn("container", command, subprocess.PIPE)
        assert process.stdout
        poll.register(process.stdout, select.POLLIN)
        try:
            while events := poll.poll(LIMIT_S * 1000):
                now = time.monotonic() - begin
                for fd, _ in events:
                    if fd == mounts.fileno():
                        mounts.seek(0)
                        text = mounts.read(1 << 20).decode(errors="replace")
                        if "/var/lib/zeropull/mounts/" in text:
                            seen.setdefault("tree_mounted", now)
                        if ROOTFS_MOUNT.search(text):
                            seen.setdefault("root_mounted", now)
                        continue
                    said = os.read(process.stdout.fileno(), 1 << 16).decode()
                    if not said:
                        poll.unregister(process.stdout)
                    for line in said.splitlines():
                        seen.setdefault(json.loads(line)["event"], now)
                if "exited" in seen:
                    break
        finally:
            process.kill()
            process.wait()
    if not {"image_cached", "tree_mounted", "root_mounted", "exited"} <= seen.keys():
        raise DemoError(f"the container did not start; seen: {seen}\n{instance.log_tails()}")
    return seen


def one(center: Datacenter, endpoint: Endpoint, home: Path) -> dict[str, float]:
    plan = Plan(f"zeropull-bench-{secrets.token_hex(4)}", home, harness.PROGRAMS, endpoint.volume, 1000,
                CONTAINERD_CONFIG + zeropull.CONTAINERD_CONFIG)
    with Instance(plan, center) as instance:
        zeropull.start_agent(instance, endpoint, with_volume=True)
        harness.drop_page_cache()
        return start(instance)


def measure(arguments: argparse.Namespace, work: Path) -> Outcome:
    made = endpoints(harness.demo_image(), work)
    rounds: dict[str, list[dict]] = {name: [] for name in made}
    with Datacenter(work) as center:
        for number in range(arguments.rounds):
            for name, endpoint in made.items():
                rounds[name].append(one(center, endpoint, work / "instance"))
            say(f"  round {number + 1}: " + ", ".join(f"{name} {rounds[name][-1]['root_mounted'] * 1000:.0f} ms" for name in made))
    ready = {name: median([seen["root_mounted"] for seen in results]) * 1000 for name, results in rounds.items()}
    phases = ("image_cached", "tree_mounted", "image_ready", "root_mounted", "started")
    notes = [f"{name}: " + ", ".join(f"{phase} {median([seen[phase] for seen in results]) * 1000:.0f} ms" for phase in phases)
             + f"; slowest start {max(seen['root_mounted'] for seen in results) * 1000:.0f} ms" for name, results in rounds.items()]
    return Outcome([Check("demo image ready", ready["demo"], 100, unit="ms"),
                    Check("ten times the data ready", ready["large"], 100, unit="ms"),
                    Check("ten times the data / demo image", ready["large"] / ready["demo"], 1.2)], notes, {"rounds": rounds})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds, interleaved (5)")


if __name__ == "__main__":
    harness.run("image_ready", __doc__, measure, add_arguments)
