"""Question: how fast does an image that no cache holds become an artifact, compared with containerd's pull and unpack?

Both take the demo's image from the same docker-registry over a loopback without limit, with a cold page cache: `zeropull image
convert` into a cache volume (everything fsynced), `ctr images pull` into a containerd of its own with its overlayfs snapshotter
(files not fsynced). Beside them, as the floor: decode_floor decodes and hashes the same layers and does nothing else.
Then the same conversion over a loopback limited to a machine's link.
Limits: at least 3 times faster than containerd; at most 1.2 times the floor without a link limit, and at most 1.2 times the
larger of floor and link time over the link.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import harness
from harness import Check, Outcome, median
from scaleout import datacenter
from scaleout.datacenter import Datacenter
from scaleout.runs import CONTAINERD_CONFIG
from scaleout.shell import CLEAN_ENVIRONMENT, DIE_WITH_PARENT, DemoError, output_of, say, step, tail, wait_until

TICKS = os.sysconf("SC_CLK_TCK")


def timed(command: Sequence[str | Path], log: Path) -> dict[str, float]:
    """Runs a command to its end; its seconds and those of processor time that it and its children took."""
    with open(log, "wb") as out:
        begin = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], env=CLEAN_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise DemoError(f"exit code {process.returncode}: {process.args}\n{tail(log)}")
    return {"seconds": seconds, "processor_s": used.ru_utime + used.ru_stime}


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextlib.contextmanager
def containerd(center: Datacenter, home: Path) -> Iterator[tuple[Path, subprocess.Popen]]:
    """A containerd with an empty disk in a mount namespace of its own, beside the registry; yields its socket and process."""
    home.mkdir()
    config, socket = home / "config.toml", home / "socket"
    config.write_text(f'root = "{home}/root"\nstate = "{home}/state"\n{CONTAINERD_CONFIG}[grpc]\n  address = "{socket}"\n')
    command = center.inside(["unshare", "--mount", "--propagation", "private", "containerd", "--config", config])
    with open(home / "log", "wb") as log:
        process = subprocess.Popen([*DIE_WITH_PARENT, *command], env=CLEAN_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
    try:
        wait_until(socket.exists, "containerd")
        output_of(["ctr", "--address", socket, "version"])
        yield socket, process
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(home)


def pull(center: Datacenter, work: Path) -> dict[str, float]:
    with containerd(center, work / "containerd") as (socket, process):
        harness.drop_page_cache()
        before = processor_s(process.pid)
        got = timed(center.inside(["ctr", "--address", socket, "images", "pull", "--plain-http", datacenter.image_reference()]),
                    work / "pull.log")
        got["processor_s"] += processor_s(process.pid) - before
    return got


def convert(center: Datacenter, work: Path) -> dict[str, float]:
    registry = center.services["registry"].pid
    harness.drop_page_cache()
    before = processor_s(registry)
    got = timed(center.inside([harness.ZEROPULL, "image", "convert", "--from", f"docker://{datacenter.image_reference()}", "--to",
                               work / "volume", "--key-file", work / "key", "--plain-http"]), work / "convert.log")
    got["registry_processor_s"] = processor_s(registry) - before
    shutil.rmtree(work / "volume")
    return got


def floor(layers: list[Path]) -> dict[str, float]:
    harness.drop_page_cache()
    return json.loads(output_of([harness.PROGRAMS / "decode_floor", *layers]))


def layers_of(layout: Path, manifest_digest: str) -> list[Path]:
    blobs = layout / "blobs/sha256"
    manifest = json.loads((blobs / manifest_digest.removeprefix("sha256:")).read_text())
    return [blobs / layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]


def measure(arguments: argparse.Namespace, work: Path) -> Outcome:
    image = harness.demo_image()
    layers = layers_of(image.layout, image.manifest_digest)
    rounds: dict[str, list[dict]] = {"containerd": [], "zeropull": [], "floor": [], "zeropull_link": []}
    with Datacenter(work) as center:
        with step("starting the registry, pushing the image"):
            center.serve_registry(image.layout.parent / "registry")
            center.push(image)
        ways = {"zeropull": lambda: convert(center, work), "containerd": lambda: pull(center, work), "floor": lambda: floor(layers)}
        for number in range(arguments.rounds):
            for name, way in ways.items():
                rounds[name].append(way())
            say(f"  round {number + 1}: " + ", ".join(f"{name} {rounds[name][-1]['seconds']:.2f} s" for name in ways))
        center.run(["ip", "link", "set", "lo", "mtu", "9000"])
        center.run(["tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", f"{arguments.link_mbit}mbit", "burst", "256kb",
                    "latency", "50ms"])
        for number in range(arguments.rounds):
            rounds["zeropull_link"].append(convert(center, work))
        say(f"  over {arguments.link_mbit} Mbit/s: " + ", ".join(f"{one['seconds']:.2f} s" for one in rounds["zeropull_link"]))
    seconds = {name: median([one["seconds"] for one in results]) for name, results in rounds.items()}
    used = {name: median([one["processor_s"] for one in results]) for name, results in rounds.items()}
    link_s = image.compressed_bytes * 8 / (arguments.link_mbit * 1e6)
    registry_s = median([one["registry_processor_s"] for one in rounds["zeropull"]])
    return Outcome(
        [Check("containerd's pull and unpack / conversion", seconds["containerd"] / seconds["zeropull"], 3, at_least=True),
         Check("conversion / floor", seconds["zeropull"] / seconds["floor"], 1.2),
         Check(f"conversion / max(floor, link) at {arguments.link_mbit} Mbit/s",
               seconds["zeropull_link"] / max(seconds["floor"], link_s), 1.2)],
        [f"medians of {arguments.rounds}: containerd {seconds['containerd']:.2f} s, zeropull {seconds['zeropull']:.2f} s, "
         f"floor {seconds['floor']:.2f} s, zeropull over the link {seconds['zeropull_link']:.2f} s (link {link_s:.2f} s)",
         f"processor time: containerd {used['containerd']:.2f} s, zeropull {used['zeropull']:.2f} s, floor {used['floor']:.2f} s; "
         f"beside zeropull the registry took {registry_s:.2f} s of the same cores"],
        {"rounds": rounds, "link_s": link_s})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds, interleaved (3)")
    parser.add_argument("--link-mbit", type=int, default=1000, metavar="N", help="the link of the last rows, Mbit/s (1000)")


if __name__ == "__main__":
    harness.run("cold_conversion", __doc__, measure, add_arguments)
