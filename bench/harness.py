"""What every bench of this folder does: take its options, measure, judge against its limits, print a table, write JSON.

A bench is a module with a function that returns Outcome; harness.run() is its main program. Exit code: 0 when every limit was
reached, 1 when one was missed, 2 when nothing could be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scaleout import recipe
from scaleout.measure import drop_page_cache
from scaleout.shell import DemoError, say

CHECKOUT = Path(__file__).resolve().parents[1]
PROGRAMS = CHECKOUT / "build/bin"
ZEROPULL = PROGRAMS / "zeropull"

__all__ = ["CHECKOUT", "PROGRAMS", "ZEROPULL", "Check", "Outcome", "busy", "demo_image", "drop_page_cache", "median", "run"]


@dataclass(frozen=True)
class Check:
    """A figure with its limit: at_least when more is better, else at most."""

    what: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = ""

    def reached(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def verdict(self) -> str:
        if self.reached():
            return "reached"
        return f"missed by {abs(self.value - self.limit) / self.limit:.0%}" if self.limit else f"missed by {self.value:g}{self.unit}"


@dataclass
class Outcome:
    """Everything one run of a bench says. `measured` goes into the JSON file as it is."""

    checks: list[Check]
    notes: list[str] = field(default_factory=list)
    measured: dict = field(default_factory=dict)


def demo_image() -> recipe.Image:
    """The demo's image, made on first use."""
    cache = CHECKOUT / "build/demo/cache"
    cache.mkdir(parents=True, exist_ok=True)
    return recipe.ensure_image(cache)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def busy() -> float:
    """How many processes wanted a core over the last minute: above what the bench itself uses, its figures are too slow."""
    return os.getloadavg()[0]


def table(checks: list[Check]) -> str:
    width = max(len(check.what) for check in checks)
    lines = []
    for check in checks:
        bound = f"{'at least' if check.at_least else 'at most'} {check.limit:g}{check.unit}"
        lines.append(f"{check.what:<{width}}  {check.value:>9.3g}{check.unit:<3} {bound:<16} {check.verdict()}")
    return "\n".join(lines)


def run(name: str, doc: str, measure: Callable[[argparse.Namespace, Path], Outcome],
        add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None) -> None:
    """The main program. `measure` gets a scratch folder on the checkout's disk, which is removed at the end."""
    parser = argparse.ArgumentParser(prog=f"./dev bench {name}", description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: root is needed for mounts, namespaces and to drop the page cache")
    if not ZEROPULL.exists():
        sys.exit(f"bench: {ZEROPULL} is missing: run ./dev build")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    output = CHECKOUT / "build/bench"
    work = output / f"work-{name}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    before = busy()
    try:
        outcome = measure(arguments, work)
    except DemoError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    load = f"load before the run {before:.1f}, at its end {busy():.1f}, {os.cpu_count()} cores"
    say("\n" + table(outcome.checks))
    for note in [*outcome.notes, load]:
        say(f"  {note}")
    value = {"bench": name, "load": [before, busy()], "cores": os.cpu_count(),
             "checks": [dict(asdict(check), verdict=check.verdict()) for check in outcome.checks],
             "notes": outcome.notes, "measured": outcome.measured}
    path = output / f"{name}.json"
    path.write_text(json.dumps(value, indent=2) + "\n")
    say(f"written: {path.relative_to(CHECKOUT)}")
    sys.exit(0 if all(check.reached() for check in outcome.checks) else 1)
