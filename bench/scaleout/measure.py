"""Times one start on one instance: the container's command and the model download begin together, and this side only watches.

Everything is seen from outside, in the same way for every run: the mounted root by the instance's mount table (the kernel wakes a
poll of /proc/PID/mountinfo when a mount appears), the first output by the container's pipe, the ends by process descriptors.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scaleout import wire
from scaleout.instance import Instance
from scaleout.shell import DemoError

# Where containerd mounts a container's root, whichever snapshotter gave it.
ROOTFS_MOUNT = re.compile(r" \S*/io\.containerd\.runtime\.v2\.task/[^/ ]+/[^/ ]+/rootfs ")

LIMIT_S = 900


@dataclass(frozen=True)
class Measured:
    """One start. Seconds count from the start command; bytes are those of the instance's counters between start and end."""

    image_ready_s: float
    first_output_s: float
    model_s: float
    end_to_end_s: float
    image_wire_bytes: int
    model_wire_bytes: int


def drop_page_cache() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def measure(instance: Instance, start_command: Sequence[str], model_url: str) -> Measured:
    """Runs start_command, whose output must be the container's, beside the model's download. DemoError if either fails."""
    drop_page_cache()
    before = wire.read(instance.pid)
    times: dict[str, float] = {}
    with open(f"/proc/{instance.pid}/mountinfo", "rb", buffering=0) as mounts:
        begin = time.monotonic()
        container = instance.spawn("container", start_command, subprocess.PIPE)
        model = instance.spawn("model", ["curl", "-sS", "--fail", "--output", "/var/lib/model.bin", model_url])
        try:
            watch(mounts, container, model, begin, times)
        finally:
            for process in (container, model):
                process.kill()
                process.wait()
    for process, name in ((container, "container"), (model, "model")):
        if process.returncode != 0:
            raise DemoError(f"the {name}'s command ended with code {process.returncode}")
    missing = {"image_ready", "first_output", "model"} - times.keys()
    if missing:
        raise DemoError(f"the start ended well, but this was never seen: {', '.join(sorted(missing))}")
    after = wire.read(instance.pid)
    received = {source: after[source] - before[source] for source in after}
    return Measured(times["image_ready"], times["first_output"], times["model"], max(times["first_output"], times["model"]),
                    received["registry"] + received["store"], received["model"])


def watch(mounts, container: subprocess.Popen, model: subprocess.Popen, begin: float, times: dict[str, float]) -> None:
    """Fills `times` until both processes ended, or either failed."""
    assert container.stdout
    output = container.stdout.fileno()
    poll = select.poll()
    poll.register(mounts, select.POLLPRI)  # POLLERR comes unasked
    poll.register(output, select.POLLIN)
    ends = {os.pidfd_open(process.pid): process for process in (container, model)}
    for pidfd in ends:
        poll.register(pidfd, select.POLLIN)
    try:
        while ends:
            left_s = begin + LIMIT_S - time.monotonic()
            if left_s <= 0:
                raise DemoError(f"no end of the start within {LIMIT_S} s")
            events = poll.poll(left_s * 1000)
            now = time.monotonic() - begin
            for fd, _ in events:
                if fd == mounts.fileno():
                    if "image_ready" not in times and is_root_mounted(mounts):
                        times["image_ready"] = now
                elif fd == output:
                    if os.read(output, 1 << 16):
                        times.setdefault("first_output", now)
                    else:
                        poll.unregister(output)
                else:
                    poll.unregister(fd)
                    process = ends.pop(fd)
                    os.close(fd)
                    if process is model:
                        times["model"] = now
                    if process.wait() != 0:
                        return
    finally:
        for pidfd in ends:
            os.close(pidfd)


def is_root_mounted(mounts) -> bool:
    mounts.seek(0)
    text = b""
    while piece := mounts.read(1 << 16):
        text += piece
    return ROOTFS_MOUNT.search(text.decode(errors="replace")) is not None

