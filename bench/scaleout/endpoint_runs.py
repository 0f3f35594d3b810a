"""An endpoint that serves, through the public API alone: its first copy on its first instance, a second copy beside it, a third copy on a
new instance, each answered by a real request. Phases come from the API's timeline, bytes from counters in the instances."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scaleout.client import Client
from scaleout.control_plane import ControlPlane
from scaleout.endpoint import PHASES, Endpoint
from scaleout.measure import drop_page_cache
from scaleout.shell import DemoError


@dataclass(frozen=True)
class EndpointRun:
    """One endpoint. Tags choose what is cached, as an operator would."""

    name: str
    meaning: str
    tags: dict[str, str]
    data_cache: bool
    waits_for: str = ""  # what must hold the image before the third copy: "store", "volume", "" for neither


ALL = (
    EndpointRun("endpoint-no-cache", "caches off: each new instance pulls, each copy downloads",
                {"zeropull:image-cache": "off", "zeropull:model-cache": "off"}, data_cache=False),
    EndpointRun("endpoint-image-cache", "image from the cache volume, model from its origin, as AWS caches today",
                {"zeropull:model-cache": "off"}, data_cache=True, waits_for="volume"),
    EndpointRun("image-cache-store", "no volume: the image from the endpoint's store over the link",
                {"zeropull:model-cache": "off", "zeropull:cache-volume": "off"}, data_cache=True, waits_for="store"),
    EndpointRun("endpoint-everything", "image and model complete on the cache volume", {}, data_cache=True, waits_for="volume"),
)


@dataclass
class CopyMeasured:
    """One copy's start. Seconds are lengths of phases, which may overlap; None where there was no such phase."""

    copy: int
    new_instance: bool
    phases: dict[str, float | None]
    sources: dict[str, str]
    image_bytes: int
    model_bytes: int
    wire_bytes: dict[str, int]
    end_to_end_s: float  # from the call that asked for the copy to its first answer

    def link_use(self, link_mbit: int) -> float | None:
        """Of what the link can carry, the part that came over it from the start of image and model to the end of both."""
        took_s = max(self.phases.get(name) or 0 for name in ("image", "model"))
        received = sum(self.wire_bytes.values())
        return round(received * 8 / took_s / (link_mbit * 1e6), 3) if received > 1e6 and took_s else None

    def entry(self) -> dict:
        return {"copy": self.copy, "new_instance": self.new_instance, **{f"{name}_s": self.phases.get(name) for name in PHASES},
                "image_source": self.sources.get("image"), "model_source": self.sources.get("model"),
                "image_bytes": self.image_bytes, "model_bytes": self.model_bytes,
                "wire_bytes": self.wire_bytes, "end_to_end_s": round(self.end_to_end_s, 3)}


@dataclass
class EndpointMeasured:
    name: str
    link_mbit: int
    copies: list[CopyMeasured] = field(default_factory=list)
    model_alone_s: float | None = None

    def entry(self) -> dict:
        third = self.copies[2] if len(self.copies) > 2 else None
        entry: dict = {"name": self.name, "model_alone_s": self.model_alone_s, "copies": [copy.entry() for copy in self.copies]}
        entry["link_use"] = third.link_use(self.link_mbit) if third else None
        for name in ("provision", "image", "model", "start", "healthy"):
            entry[f"{name}_s"] = third.phases.get(name) if third else None
        entry["end_to_end_s"] = round(third.end_to_end_s, 3) if third else None
        return entry


class Growing(Endpoint):
    """Its copies are asked for one by one."""

    def __init__(self, run: EndpointRun, client: Client, plane: ControlPlane, model: Path, weights_sha256: str) -> None:
        super().__init__(run.name, run.tags, client, plane, model)
        self.run, self.weights_sha256 = run, weights_sha256
        self.hosts: set[str] = set()

    def add_copy(self, number: int) -> CopyMeasured:
        drop_page_cache()
        self.install_counters()
        known = set(self.counters)
        before = self.received()
        begin = time.monotonic()
        if number == 1:
            self.create_component(accelerators=1, data_cache=self.run.data_cache)
        else:
            self.client.sagemaker("update_inference_component_runtime_config", InferenceComponentName=self.name,
                                  DesiredRuntimeConfig={"CopyCount": number})
        self.await_answer()
        end_to_end_s = time.monotonic() - begin
        self.wait_component()
        copy, phases = self.newest_copy()
        after = self.received()
        return CopyMeasured(
            number, copy["InstanceId"] not in known,
            {name: round(phase["EndTime"] - phase["BeginTime"], 3) for name, phase in phases.items()},
            {name: phase["Source"] for name, phase in phases.items() if phase.get("Source")},
            phases.get("image", {}).get("Bytes", 0), phases.get("model", {}).get("Bytes", 0),
            {source: after[source] - before[source] for source in after}, end_to_end_s)

    def await_answer(self) -> None:
        """Asks until a copy answers that has not answered before; every answer must be right."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            self.install_counters()
            answer = self.client.invoke(EndpointName=self.name, InferenceComponentName=self.name, ContentType="application/json",
                                        Body=json.dumps({"inputs": [1.0, 2.0, 3.0]}))
            body = json.loads(answer["Body"])
            self.check_answer(body, self.weights_sha256)
            if body["host"] not in self.hosts:
                self.hosts.add(body["host"])
                return
            time.sleep(0.02)
        raise DemoError("no new copy answered within five minutes")


def measure_endpoint(run: EndpointRun, client: Client, plane: ControlPlane, model: Path, model_sha256: str,
                     say: Callable[[str], None]) -> EndpointMeasured:
    result = EndpointMeasured(run.name, plane.link_mbit)
    endpoint = Growing(run, client, plane, model, model_sha256)
    try:
        endpoint.create()
        for number in (1, 2, 3):
            if number == 3 and run.waits_for:
                endpoint.wait_for_cache(run.waits_for)
            copy = endpoint.add_copy(number)
            result.copies.append(copy)
            say(f"    copy {number}{' on a new instance' if copy.new_instance else ''}: " + describe(copy))
        result.model_alone_s = endpoint.model_alone()
    finally:
        endpoint.delete()
    return result


def describe(copy: CopyMeasured) -> str:
    def one(name: str) -> str:
        text = f"{name} {copy.phases[name]:.2f} s"
        return text + (f" from {copy.sources[name]}" if name in copy.sources else "")

    return ", ".join(one(name) for name in PHASES if copy.phases.get(name) is not None) + f"; answered after {copy.end_to_end_s:.2f} s"


def remarks(results: list[EndpointMeasured]) -> str:
    """What the third copies' figures are to be held against."""
    lines = []
    for result in results:
        if len(result.copies) < 3:
            continue
        third, parts = result.copies[2], []
        if (use := third.link_use(result.link_mbit)) is not None:
            parts.append(f"used {use:.0%} of its link while image and model came")
        if result.model_alone_s and third.phases.get("model") and third.sources.get("model") == "origin":
            parts.append(f"took {third.phases['model'] / result.model_alone_s:.2f} times as long for its model as a download alone")
        if parts:
            lines.append(f"copy 3 of {result.name} " + " and ".join(parts))
    return "\n".join(lines)


def table(results: list[EndpointMeasured]) -> str:
    rows = [("run", "copy", "on", "provision", "image", "model", "start", "healthy", "image bytes", "model bytes", "answered")]
    for result in results:
        for copy in result.copies:
            cells = ["-" if copy.phases.get(name) is None else f"{copy.phases[name]:.2f} s" for name in PHASES]
            rows.append((result.name, str(copy.copy), "new" if copy.new_instance else "same", *cells,
                         f"{copy.image_bytes / 1e6:.1f} MB", f"{copy.model_bytes / 1e6:.1f} MB", f"{copy.end_to_end_s:.2f} s"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows)
