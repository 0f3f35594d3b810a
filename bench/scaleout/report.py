"""What the rounds of each run amount to: build/demo/report.json and the table at the end."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from scaleout.measure import Measured
from scaleout.recipe import Image

SCHEMA = 1
FIELDS = tuple(field.name for field in dataclasses.fields(Measured))


def run_entry(name: str, rounds: Sequence[Measured]) -> dict:
    """Medians of every figure, the rounds beside them; null where nothing was measured. Bytes stay whole numbers."""
    entry: dict = {"name": name}
    for field in FIELDS:
        values = [getattr(measured, field) for measured in rounds]
        entry[field] = None if not values else round(statistics.median(values), 0 if field.endswith("_bytes") else 3)
        if values and field.endswith("_bytes"):
            entry[field] = int(entry[field])
    entry["rounds"] = [{field: round(getattr(measured, field), 3) for field in FIELDS} for measured in rounds]
    return entry


def report(link_mbit: int, reference: str, image: Image, rounds: dict[str, list[Measured]]) -> dict:
    return {
        "schema": SCHEMA,
        "link_mbit": link_mbit,
        "image": {"ref": reference, "compressed_bytes": image.compressed_bytes, "unpacked_bytes": image.unpacked_bytes},
        "runs": [run_entry(name, measured) for name, measured in rounds.items()],
    }


def write(path: Path, value: dict) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=2) + "\n")
    part.rename(path)


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.1f} MB"


def cell(entry: dict, field: str, show: Callable[[float], str]) -> str:
    """Median and range: "12.1 s (11.9 - 12.4)"."""
    if entry[field] is None:
        return "-"
    values = [one[field] for one in entry["rounds"]]
    middle, low, high = show(entry[field]), show(min(values)), show(max(values))
    return middle if low == high else f"{middle} ({low.rsplit(' ', 1)[0] if low[-2:] == high[-2:] else low} - {high})"


def image_bytes(entry: dict) -> str:
    """The median alone: bytes hardly differ between rounds, and the rounds are in the report."""
    return "-" if entry["image_wire_bytes"] is None else megabytes(entry["image_wire_bytes"])


def table(value: dict, baseline: str) -> str:
    """The report as text. The last columns say how many times sooner than the baseline of the same report; "-" without one."""
    first = next((entry for entry in value["runs"] if entry["name"] == baseline), None)

    def ratio(entry: dict, field: str) -> str:
        if first is None or not entry[field] or not first[field]:
            return "-"
        return f"{first[field] / entry[field]:.2f}x"

    rows = [("run", "image ready", "first output", "model there", "end to end", "image bytes", "ready", "end")]
    for entry in value["runs"]:
        times = (cell(entry, field, seconds) for field in FIELDS[:4])
        rows.append((entry["name"], *times, image_bytes(entry), ratio(entry, "image_ready_s"),
                     ratio(entry, "end_to_end_s")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    image = value["image"]
    count = max((len(entry["rounds"]) for entry in value["runs"]), default=0)
    head = (f"Median of {count} rounds (lowest - highest), link {value['link_mbit']} Mbit/s, image "
            f"{megabytes(image['compressed_bytes'])} compressed, {megabytes(image['unpacked_bytes'])} unpacked. "
            f"Last columns: times sooner than {baseline}.")
    return "\n".join([head, "", *lines])
