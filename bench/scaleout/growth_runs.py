"""An endpoint that grows by itself, through the public API alone: steady load, then a fourfold step that begins in the first second of a
minute. Times count from the step; phases come from the API's timeline, answers from a client that goes on calling all the while."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scaleout.client import Client
from scaleout.control_plane import ControlPlane
from scaleout.endpoint import PHASES, Endpoint
from scaleout.measure import drop_page_cache
from scaleout.shell import DIE_WITH_PARENT, DemoError

LOAD = Path(__file__).with_name("load.py")

REQUEST_S = 0.45                     # what a request takes in a copy
STEADY_RATE, STEP_RATE = 2.0, 8.0    # requests a second: nearly 1 in flight, then nearly 4
CONCURRENCY_TARGET = 1.3             # requests in flight that a copy is sized for
INVOCATIONS_TARGET = CONCURRENCY_TARGET / REQUEST_S * 60  # the same copy, in requests a minute
STEADY_S = 35                        # at least, before the step: longer than an alarm's three points of 10 s
PATIENCE_S = 600
# Bytes take as long beside a copy's own start as where the published figures come from: there a pull of 17.7 GB took 252 of 525 s,
# here one of a few hundred MB on a link as fast as the single starts' would hardly be seen beside the server's own start.
LINK_SHARE = 0.2

CACHES_OFF = {"zeropull:image-cache": "off", "zeropull:model-cache": "off"}
AWS_DETECTOR = {"zeropull:detector": "aws"}
PER_COPY = "SageMakerInferenceComponentInvocationsPerCopy"
PER_COPY_HIGH = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"


@dataclass(frozen=True)
class GrowthRun:
    """One endpoint and the policy that it grows by."""

    name: str
    meaning: str
    tags: dict[str, str]
    metric: str = PER_COPY_HIGH
    cached: bool = True     # the cache volume is complete before the step
    only_full: bool = False  # not part of the plain demo


ALL = (
    GrowthRun("baseline", "caches off, AWS's alarms on 60 s metrics", {**CACHES_OFF, **AWS_DETECTOR}, PER_COPY, cached=False,
              only_full=True),
    GrowthRun("high-resolution", "caches off, AWS's alarms on 10 s metrics", {**CACHES_OFF, **AWS_DETECTOR}, cached=False),
    GrowthRun("image-cache", "as AWS ships it: 10 s metrics, image cache, model from its origin",
              {"zeropull:model-cache": "off", **AWS_DETECTOR}),
    GrowthRun("everything", "our detector, image and model complete on the cache volume", {}),
)


@dataclass
class Answer:
    sent: float
    answered: float
    host: str | None
    error: str | None


@dataclass
class GrowthMeasured:
    """Seconds from the step. `spans` are phases as (begin, end); lengths may overlap."""

    name: str
    detect_s: float
    spans: dict[str, tuple[float, float]]
    sources: dict[str, str]
    end_to_end_s: float
    held: int
    failed: int
    latency_s: dict[str, float]
    wire_bytes: dict[str, int]
    explanation: str
    model_alone_s: float | None = None
    answers: list[Answer] = field(default_factory=list)

    def length(self, phase: str) -> float | None:
        return round(self.spans[phase][1] - self.spans[phase][0], 3) if phase in self.spans else None

    def entry(self) -> dict:
        return {"name": self.name, "detect_s": round(self.detect_s, 3), **{f"{name}_s": self.length(name) for name in PHASES},
                "end_to_end_s": round(self.end_to_end_s, 3), "held": self.held, "failed": self.failed,
                "latency_s": self.latency_s, "model_alone_s": self.model_alone_s,
                "image_source": self.sources.get("image"), "model_source": self.sources.get("model"), "wire_bytes": self.wire_bytes,
                "spans": {name: [round(begin, 3), round(end, 3)] for name, (begin, end) in self.spans.items()},
                "explanation": self.explanation}


def absent_entry(name: str) -> dict:
    """A run that was not made."""
    fields = ("detect_s", *(f"{phase}_s" for phase in PHASES), "end_to_end_s", "held", "failed", "latency_s", "model_alone_s")
    return {"name": name, **dict.fromkeys(fields)}


class Load:
    """Context manager: calls the endpoint from its begin to its end; answers are kept as they come."""

    def __init__(self, client: Client, endpoint: Endpoint, step_time: float, weights_sha256: str) -> None:
        self.answers: list[Answer] = []
        self.wrong: str | None = None
        words = [endpoint.name, endpoint.name, str(REQUEST_S), str(STEADY_RATE), str(STEP_RATE), str(step_time)]
        self.process = subprocess.Popen([*DIE_WITH_PARENT, *client.center.inside([client.python, LOAD, *words])], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=client.environment)
        self.reader = threading.Thread(target=self.read, args=(weights_sha256,), daemon=True)

    def __enter__(self) -> Load:
        self.reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()  # no new requests; those on their way are answered
        try:
            self.process.wait(timeout=180)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()

    def read(self, weights_sha256: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            told = json.loads(line)
            if "host" in told and not (told["right"] and told["weights_sha256"] == weights_sha256):
                self.wrong = line
            self.answers.append(Answer(told["sent"], told["answered"], told.get("host"), told.get("error")))


def policy(run: GrowthRun) -> dict:
    target = CONCURRENCY_TARGET if run.metric == PER_COPY_HIGH else INVOCATIONS_TARGET
    return {"TargetValue": target, "PredefinedMetricSpecification": {"PredefinedMetricType": run.metric}}


class Watched:
    """An endpoint whose one component has the instance to itself, so that a new copy means a new instance."""

    def __init__(self, run: GrowthRun, client: Client, plane: ControlPlane, model: Path) -> None:
        self.run, self.client = run, client
        self.endpoint = Endpoint(run.name, run.tags, client, plane, model)
        self.target = {"ServiceNamespace": "sagemaker", "ResourceId": f"inference-component/{run.name}",
                       "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}

    def begin(self) -> None:
        self.endpoint.create()
        self.endpoint.create_component(accelerators=2, data_cache=True)
        self.endpoint.wait_component()
        if self.run.cached:
            self.endpoint.wait_for_cache("volume")
        self.client.scaling("register_scalable_target", MinCapacity=1, MaxCapacity=2, **self.target)
        self.client.scaling("put_scaling_policy", PolicyName="load", PolicyType="TargetTrackingScaling",
                            TargetTrackingScalingPolicyConfiguration=policy(self.run), **self.target)
        self.endpoint.install_counters()
        drop_page_cache()

    def scale_out(self, since: float) -> dict | None:
        """The activity that asked for the new copy, once there is one."""
        activities = self.client.scaling("describe_scaling_activities", ServiceNamespace="sagemaker",
                                         ResourceId=self.target["ResourceId"])["ScalingActivities"]
        later = [activity for activity in activities if activity["StartTime"] >= since]
        return min(later, key=lambda activity: activity["StartTime"]) if later else None

    def held(self, begin: float, end: float) -> int:
        """How many requests had to wait for a copy in these times."""
        points = self.client.cloudwatch("get_metric_statistics", Namespace="Zeropull", MetricName="RequestsThatWaited",
                                        Dimensions=[{"Name": "InferenceComponentName", "Value": self.run.name}],
                                        StartTime=math.floor(begin), EndTime=math.ceil(end), Period=1,
                                        Statistics=["Sum"])["Datapoints"]
        return sum(int(point["Sum"]) for point in points)


def wait_until_time(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


def new_copy_answers(load: Load, watched: Watched, step_time: float) -> Answer:
    """The first right answer of a host that had not answered before the step. Counters are put into new instances meanwhile."""
    deadline = time.time() + PATIENCE_S
    while time.time() < deadline:
        known = {answer.host for answer in load.answers if answer.sent < step_time and answer.host}
        for answer in list(load.answers):
            if answer.host and answer.host not in known:
                return answer
        if load.wrong:
            raise DemoError(f"a copy gave a wrong answer: {load.wrong}")
        if load.process.poll() is not None:
            raise DemoError(f"the load ended by itself with code {load.process.returncode}")
        watched.endpoint.install_counters()
        time.sleep(0.2)
    raise DemoError(f"no new copy answered within {PATIENCE_S} s of the step")


def latency_of(answers: list[Answer]) -> dict[str, float]:
    times = sorted(answer.answered - answer.sent for answer in answers if answer.error is None)
    if not times:
        return {}
    return {"median": round(statistics.median(times), 3), "p95": round(times[math.ceil(0.95 * len(times)) - 1], 3),
            "max": round(times[-1], 3)}


def measure_growth(run: GrowthRun, client: Client, plane: ControlPlane, model: Path, weights_sha256: str,
                   say: Callable[[str], None]) -> GrowthMeasured:
    watched = Watched(run, client, plane, model)
    try:
        watched.begin()
        before = watched.endpoint.received()
        step_time = math.ceil((time.time() + STEADY_S) / 60) * 60 + 0.2
        say(f"    steady load of {STEADY_RATE:g} requests a second; {STEP_RATE:g} from {time.strftime('%H:%M', time.localtime(step_time))} on")
        with Load(client, watched.endpoint, step_time, weights_sha256) as load:
            wait_until_time(step_time)
            if early := watched.scale_out(0):
                raise DemoError(f"it grew before the step: {early.get('Cause')}")
            first = new_copy_answers(load, watched, step_time)
            time.sleep(3)
        result = collect(run, watched, load, first, step_time, before)
        if run.name in ("image-cache", "high-resolution"):
            result.model_alone_s = watched.endpoint.model_alone()
        return result
    finally:
        watched.endpoint.delete()


def collect(run: GrowthRun, watched: Watched, load: Load, first: Answer, step_time: float, before: dict[str, int]) -> GrowthMeasured:
    activity = watched.scale_out(step_time)
    if activity is None:
        raise DemoError("there is a new copy, but no activity that asked for it")
    watched.endpoint.wait_component()
    copy, phases = watched.endpoint.newest_copy()
    spans = {name: (phases[name]["BeginTime"] - step_time, phases[name]["EndTime"] - step_time) for name in PHASES if name in phases}
    during = [answer for answer in load.answers if step_time <= answer.sent <= first.answered]
    after = watched.endpoint.received()
    decisions = watched.client.zeropull("DescribeScaling", EndpointName=run.name)
    return GrowthMeasured(
        name=run.name, detect_s=activity["StartTime"] - step_time, spans=spans,
        sources={name: phase["Source"] for name, phase in phases.items() if phase.get("Source")},
        end_to_end_s=first.answered - step_time, held=watched.held(step_time, first.answered),
        failed=sum(answer.error is not None for answer in load.answers), latency_s=latency_of(during),
        wire_bytes={source: after[source] - before[source] for source in after},
        explanation=explanation_of(decisions, activity), answers=load.answers)


def explanation_of(decisions: dict, activity: dict) -> str:
    """The sentence of `zeropull scaling` for this activity."""
    for target in decisions["Targets"]:
        for shown in target["Activities"]:
            if abs(shown["StartTime"] - activity["StartTime"]) < 0.01:
                return shown["Explanation"]
    return activity.get("Cause", "")


def entries(results: list[GrowthMeasured]) -> list[dict]:
    """Of every run, also of those that were not made. `saved` is the share of the slowest measured run's time that a run saved."""
    made = {result.name: result for result in results}
    slowest = max((result.end_to_end_s for result in results), default=0.0)
    out = []
    for run in ALL:
        result = made.get(run.name)
        entry = result.entry() if result else absent_entry(run.name)
        out.append({**entry, "saved": round(1 - result.end_to_end_s / slowest, 3) if result else None})
    return out


def table(results: list[GrowthMeasured]) -> str:
    rows = [("run", "detect", *PHASES, "answered", "held", "failed", "latency median / p95 / max", "saved")]
    for result, entry in ((result, entry) for result in results for entry in entries(results) if entry["name"] == result.name):
        lengths = ["-" if (length := result.length(name)) is None else f"{length:.2f} s" for name in PHASES]
        latency = " / ".join(f"{result.latency_s[name]:.2f}" for name in ("median", "p95", "max")) + " s" if result.latency_s else "-"
        rows.append((result.name, f"{result.detect_s:.1f} s", *lengths, f"{result.end_to_end_s:.1f} s", str(result.held),
                     str(result.failed), latency, f"{entry['saved']:.0%}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
    for result in results:
        if result.model_alone_s is not None:
            lines.append(f"the model's download alone on {result.name}'s link: {result.model_alone_s:.2f} s")
    return "\n".join(lines + [""] + [f"{result.name}: {result.explanation}" for result in results])
