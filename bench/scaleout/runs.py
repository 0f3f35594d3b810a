"""The ways to get the image onto a new machine that the demo compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaleout import datacenter, zeropull
from scaleout.datacenter import Datacenter
from scaleout.instance import Instance
from scaleout.zeropull import Endpoint

CONTAINERD_CONFIG = """version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[debug]
  level = "warn"
"""

BASELINE = "containerd-pull"


@dataclass(frozen=True)
class Run:
    """One way. `prepare`, once, and `boot`, on every new instance, come before the clock starts; `command` is what is timed."""

    name: str
    meaning: str
    command: list[str]
    needs_zeropull: bool = True
    attaches_volume: bool = False
    prepare: Callable[[Endpoint, Datacenter], None] = lambda endpoint, center: None
    boot: Callable[[Instance, Endpoint], None] = lambda instance, endpoint: None

    def volume(self, endpoint: Endpoint) -> Path | None:
        return endpoint.volume if self.attaches_volume else None

    def containerd_config(self) -> str:
        return CONTAINERD_CONFIG + (zeropull.CONTAINERD_CONFIG if self.needs_zeropull else "")


def all_runs() -> list[Run]:
    reference = datacenter.image_reference()
    pull_and_run = f"ctr images pull --plain-http {reference} >/var/log/pull.log && exec ctr run --rm {reference} demo"
    return [
        Run(BASELINE, "ctr pull from the registry, then ctr run", ["sh", "-c", pull_and_run], needs_zeropull=False),
        Run("zeropull-cold", "no cache anywhere: pull, convert, mount", zeropull.run_command(), boot=zeropull.start_agent),
        Run("zeropull-store", "every frame from the encrypted store over the link", zeropull.run_command(),
            prepare=zeropull.prepare_store,
            boot=lambda instance, endpoint: zeropull.start_agent(instance, endpoint, with_store=True)),
        Run("zeropull-volume", "a cache volume is attached", zeropull.run_command(), attaches_volume=True,
            prepare=zeropull.prepare_volume,
            boot=lambda instance, endpoint: zeropull.start_agent(instance, endpoint, with_volume=True)),
    ]
