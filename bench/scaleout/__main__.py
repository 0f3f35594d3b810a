"""The demo: prepare image, model and services; in each round boot an instance for each run and time its start; report."""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from scaleout import chart, client, datacenter, endpoint, endpoint_runs, growth_runs, recipe, report
from scaleout.client import Client
from scaleout.control_plane import URL, ControlPlane
from scaleout.datacenter import Datacenter
from scaleout.endpoint_runs import EndpointMeasured, EndpointRun
from scaleout.growth_runs import LINK_SHARE, GrowthMeasured, GrowthRun
from scaleout.instance import Instance, Plan
from scaleout.measure import Measured, measure
from scaleout.runs import BASELINE, Run, all_runs
from scaleout.shell import DemoError, say, step, tail
from scaleout.zeropull import Endpoint

Measurement = TypeVar("Measurement", EndpointMeasured, GrowthMeasured)

CHECKOUT = Path(__file__).resolve().parents[2]
BINARY = CHECKOUT / "build/bin/zeropull"


def parse_arguments() -> argparse.Namespace:
    everything = [*all_runs(), *endpoint_runs.ALL, *growth_runs.ALL]
    names = [run.name for run in everything]
    parser = argparse.ArgumentParser(
        prog="./demo", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Starts a container of a real image on brand-new instances and compares the ways to get the image there; then "
                    "lets endpoints grow through the public API, asked for and by themselves.",
        epilog="runs:\n" + "".join(f"  {run.name:<20} {run.meaning}\n" for run in everything)
        + "\nresult: build/demo/report.json, growth.svg and growth.png beside it")
    parser.add_argument("--link-mbit", type=int, default=1000, metavar="N", help="an instance's download in Mbit/s (1000)")
    parser.add_argument("--full", action="store_true", help="everything: three rounds of the single starts, and the run baseline")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of the single starts, interleaved (1; with --full 3)")
    parser.add_argument("--runs", type=lambda text: text.split(","), metavar="A,B", help="which runs (all)")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds if arguments.rounds is not None else 3 if arguments.full else 1
    if arguments.rounds < 1 or arguments.link_mbit < 1:
        parser.error("--rounds and --link-mbit are at least 1")
    unknown = set(arguments.runs or ()) - set(names)
    if unknown:
        parser.error(f"no such run: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return arguments


def choose_endpoint_runs(wanted: list[str] | None) -> list[EndpointRun]:
    return [run for run in endpoint_runs.ALL if wanted is None or run.name in wanted] if BINARY.exists() else []


def choose_growth_runs(wanted: list[str] | None, full: bool) -> list[GrowthRun]:
    if not BINARY.exists():
        return []
    return [run for run in growth_runs.ALL if (run.name in wanted if wanted else full or not run.only_full)]


def choose_runs(wanted: list[str] | None) -> list[Run]:
    """The runs asked for, or all; without Zeropull's binary those that do not need it, said aloud, unless one was asked for."""
    runs = [run for run in all_runs() if wanted is None or run.name in wanted]
    if BINARY.exists() or not any(run.needs_zeropull for run in runs):
        return runs
    if wanted is not None:
        raise DemoError(f"{BINARY} is missing: run ./dev build")
    say(f"note: {BINARY} is not built, so the runs that need it are left out")
    return [run for run in runs if not run.needs_zeropull]


def ensure_model(cache: Path, size: int) -> Path:
    """A file of `size` random bytes, made once."""
    folder = cache / "models"
    path = folder / f"model-{size}.bin"
    if not path.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with step("writing a model file of the image's compressed size"), open(folder / "part", "wb") as out:
            for begin in range(0, size, 1 << 20):
                out.write(os.urandom(min(1 << 20, size - begin)))
        (folder / "part").rename(path)
    return path


def one_start(run: Run, endpoint: Endpoint, center: Datacenter, home: Path, link_mbit: int, model: Path) -> Measured:
    """A new instance, one start on it, and its end."""
    programs = BINARY.parent if run.needs_zeropull else None
    # A random name: other demos of this machine may run in process namespaces of their own, with equal process ids.
    plan = Plan(f"zeropull-demo-{secrets.token_hex(4)}", home, programs, run.volume(endpoint), link_mbit, run.containerd_config())
    with Instance(plan, center) as instance:
        try:
            run.boot(instance, endpoint)
            return measure(instance, run.command, datacenter.model_url(model.name))
        except DemoError as error:
            raise DemoError(f"{run.name}: {error}\n{instance.log_tails()}") from error


def measure_rounds(runs: list[Run], endpoint: Endpoint, center: Datacenter, arguments: argparse.Namespace, home: Path,
                   model: Path) -> dict[str, list[Measured]]:
    """Every run once in each round."""
    for run in runs:
        run.prepare(endpoint, center)
    rounds: dict[str, list[Measured]] = {run.name: [] for run in runs}
    for number in range(1, arguments.rounds + 1 if runs else 1):
        say(f"round {number} of {arguments.rounds}")
        for run in runs:
            start = time.monotonic()
            print(f"  {run.name}: a new instance ... ", end="", flush=True)
            got = one_start(run, endpoint, center, home, arguments.link_mbit, model)
            rounds[run.name].append(got)
            say(f"image ready {report.seconds(got.image_ready_s)}, first output {report.seconds(got.first_output_s)}, "
                f"model {report.seconds(got.model_s)} ({time.monotonic() - start:.0f} s with boot and clean-up)")
    return rounds


def measure_on_plane(what: str, runs: list, one: Callable[..., Measurement], center: Datacenter, work: Path, cache: Path,
                     link_mbit: int, model: Path) -> list[Measurement]:
    """Each endpoint from its creation to its deletion, against one control plane."""
    if not runs:
        return []
    say(what)
    python = client.ensure_environment(cache)
    weights_sha256 = endpoint.sha256_of(model)
    results = []
    with ControlPlane(BINARY, work / "control", center, link_mbit, work / "serve.log") as plane:
        with Client(BINARY, python, center, URL, plane.access_key(), work / "boto3.log") as caller:
            for run in runs:
                say(f"  {run.name} ({run.meaning}), called with {caller.standard.name}")
                try:
                    results.append(one(run, caller, plane, model, weights_sha256, say))
                except DemoError as error:
                    raise DemoError(f"{run.name}: {error}\n{tail(work / 'serve.log', 30)}") from error
    return results


def growth_chart(results: list[GrowthMeasured], folder: Path, link_mbit: int) -> str:
    """Writes the pictures and returns the bars and the table for the terminal."""
    title = "A fourfold step of the load, and the copy that answers it"
    chart.write(results, folder, title, f"measured by ./demo; one instance more on a link of {link_mbit} Mbit/s")
    return chart.text_bars(results) + "\n\n" + growth_runs.table(results)


def demo(arguments: argparse.Namespace) -> None:
    output = CHECKOUT / "build/demo"
    work, cache = output / "work", output / "cache"
    runs = choose_runs(arguments.runs)
    say("preparing")
    shutil.rmtree(work, ignore_errors=True)  # of a demo that was killed
    image = recipe.ensure_image(cache)
    model = ensure_model(cache, image.compressed_bytes)
    alone = Endpoint(BINARY, work / "endpoint")
    alone.home.mkdir(parents=True)
    try:
        with Datacenter(work) as center:
            with step("starting the registry and the model server, pushing the image"):
                center.serve_registry(image.layout.parent / "registry")
                center.push(image)
                center.serve_models(model.parent)
            rounds = measure_rounds(runs, alone, center, arguments, work / "instance", model)
            center.end("store")  # the control plane serves one of its own there
            endpoints = measure_on_plane("an endpoint gets copies, through the public API", choose_endpoint_runs(arguments.runs),
                                         endpoint_runs.measure_endpoint, center, work, cache, arguments.link_mbit, model)
            growth_mbit = max(1, round(arguments.link_mbit * LINK_SHARE))
            growing = measure_on_plane(f"an endpoint grows by itself, on links of {growth_mbit} Mbit/s",
                                       choose_growth_runs(arguments.runs, arguments.full), growth_runs.measure_growth, center, work, cache,
                                       growth_mbit, model)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    value = report.report(arguments.link_mbit, datacenter.image_reference(), image, rounds)
    table = report.table(value, BASELINE)
    value["runs"] += [measured.entry() for measured in endpoints]
    value["growth"] = {"link_mbit": growth_mbit, "steady_rate": growth_runs.STEADY_RATE, "step_rate": growth_runs.STEP_RATE,
                       "request_s": growth_runs.REQUEST_S}
    value["runs"] += growth_runs.entries(growing)
    report.write(output / "report.json", value)
    say("\n" + table)
    if endpoints:
        say("\nAn endpoint's copies; phases as `zeropull timeline` shows them, bytes over the link.\n\n" + endpoint_runs.table(endpoints))
        say("\n" + endpoint_runs.remarks(endpoints))
    pictures = ""
    if growing:
        say("\nAn endpoint that grows by itself: the load is fourfold from second 0 on.\n\n" + growth_chart(growing, output, growth_mbit))
        pictures = ", growth.svg, growth.png"
    say(f"\nwritten: build/demo/report.json{pictures}")


def main() -> int:
    arguments = parse_arguments()
    if os.geteuid() != 0:
        print("demo: root is needed for namespaces, mounts and a link limit: sudo ./demo", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds like Ctrl-C: everything that was started is taken down
    (CHECKOUT / "build/demo/cache").mkdir(parents=True, exist_ok=True)
    lock = open(CHECKOUT / "build/demo/lock", "w")  # held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        demo(arguments)
    except BlockingIOError:
        print(f"demo: another demo is running in {CHECKOUT}", file=sys.stderr)
        return 1
    except DemoError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; instances and services are gone", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
