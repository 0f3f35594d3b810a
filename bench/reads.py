"""Question: what does reading a file from a complete artifact cost, compared with the same file on the host's file system?

A volume with an image of one file of a GiB, and the demo's image with its largest library, are mounted as an instance mounts them
(EROFS over loop devices with direct I/O); copies of both files lie beside on the host's file system. Both sides are read in
turn, 9 rounds, medians of the speeds: sequentially in pieces of 128 KiB, at random in pieces of 4 and 128 KiB, with a cold page
cache and with a warm one.
Limits: at least 0.95 of the host's speed warm and 0.9 cold; and after reading, none of the artifact's own file is in the page
cache: its bytes are cached once, as the mounted file's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import Check, Outcome, median
from layouts import MIB, Layout
from scaleout.shell import output_of, say, step

KIB = MIB >> 10
SEQUENTIAL, RANDOM = 0, 1

@dataclass(frozen=True)
class Pattern:
    """How a file is read; 0 blocks: the whole of it, once. Warm reads are many, as each costs next to nothing."""

    name: str
    block: int
    order: int
    blocks_cold: int
    blocks_warm: int


PATTERNS = (Pattern("sequential", 128 * KIB, SEQUENTIAL, 0, 0), Pattern("random 4 KiB", 4 * KIB, RANDOM, 2000, 200_000),
            Pattern("random 128 KiB", 128 * KIB, RANDOM, 500, 8000))


def convert_and_mount(layout: Path, work: Path, name: str, stack: contextlib.ExitStack) -> tuple[Path, Path]:
    """The layout's image in a volume, mounted; the tree and the volume."""
    volume, tree, key = work / f"{name}-volume", work / f"{name}-tree", work / "key"
    output_of([harness.ZEROPULL, "image", "convert", "--from", f"oci:{layout}", "--to", volume, "--key-file", key], timeout_s=300)
    tree.mkdir()
    output_of([harness.ZEROPULL, "image", "mount", volume, tree, "--key-file", key])
    stack.callback(output_of, ["umount", tree])
    return tree, volume


def largest_file(tree: Path) -> Path:
    files = (Path(folder) / name for folder, _, names in os.walk(tree) for name in names)
    return max((path for path in files if not path.is_symlink()), key=lambda path: path.stat().st_size)


def cached_bytes(folder: Path) -> int:
    """Bytes of the page cache that belong to files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(int(size) for size in output_of(["fincore", "--bytes", "--noheadings", "--output", "RES", *files]).split())


def read_seconds(path: Path, pattern: Pattern, blocks: int, seed: int) -> float:
    count = blocks or path.stat().st_size // pattern.block
    return float(output_of([harness.PROGRAMS / "read_speed", path, str(pattern.block), str(count), str(seed * pattern.order)]))


def compare(sides: dict[str, Path], pattern: Pattern, cold: bool, rounds: int) -> dict[str, list[float]]:
    """Seconds of each side's reads, in turn, the same blocks for both in a round."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(rounds):
        # The side that is first takes turns too.
        for side in list(sides)[:: 1 if number % 2 else -1]:
            if cold:
                harness.drop_page_cache()
            seconds[side].append(read_seconds(sides[side], pattern, pattern.blocks_cold if cold else pattern.blocks_warm,
                                              number + 1))
    return seconds


def measure(arguments: argparse.Namespace, work: Path) -> Outcome:
    image = harness.demo_image()
    checks: list[Check] = []
    measured: dict = {}
    notes: list[str] = []
    with contextlib.ExitStack() as stack:
        with step("making the images, their volumes and copies"):
            layout = Layout(work / "layout")
            layout.add_layer({"file": 1 << 30})
            layout.finish()
            mounted = {"GiB": convert_and_mount(layout.folder, work, "plain", stack),
                       "library": convert_and_mount(image.layout, work, "demo", stack)}
            shutil.rmtree(layout.folder)
        for name, (tree, volume) in mounted.items():
            path = largest_file(tree)
            copy = work / f"{name}-copy"
            shutil.copyfile(path, copy)
            notes.append(f"{name}: /{path.relative_to(tree)}, {path.stat().st_size / MIB:.0f} MiB")
            sides = {"host": copy, "artifact": path}
            for cold in (True, False):
                if not cold:
                    for side in sides.values():
                        side.read_bytes()
                for pattern in PATTERNS:
                    seconds = compare(sides, pattern, cold, arguments.rounds)
                    what = f"{name} {'cold' if cold else 'warm'} {pattern.name}"
                    measured[what] = seconds
                    checks.append(Check(what, median(seconds["host"]) / median(seconds["artifact"]), 0.9 if cold else 0.95,
                                        at_least=True))
                    say(f"  {what}: host {median(seconds['host']):.4f} s, artifact {median(seconds['artifact']):.4f} s")
            harness.drop_page_cache()
            path.read_bytes()
            checks.append(Check(f"{name}: KiB of its volume cached after reading", cached_bytes(volume / "blobs") / KIB, 0))
    return Outcome(checks, notes, measured)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="rounds, interleaved (9)")


if __name__ == "__main__":
    harness.run("reads", __doc__, measure, add_arguments)
