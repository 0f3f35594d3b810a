"""Calls an endpoint at a steady rate that steps up: one JSON line for each answer. Run by growth_runs.py in the control plane's network.

    python load.py ENDPOINT COMPONENT SECONDS_A_REQUEST STEADY_RATE STEP_RATE STEP_TIME

Requests go out evenly spaced, whether earlier ones were answered or not, until standard input ends. STEP_TIME is seconds since the
epoch. Through boto3 where this interpreter has it, else through `zeropull api`, whose path is in ZEROPULL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

WORKERS = 128  # requests at once: a backlog of ten seconds and more


def boto_caller():
    import boto3
    from botocore.config import Config

    client = boto3.client("sagemaker-runtime", config=Config(read_timeout=120, max_pool_connections=WORKERS,
                                                             retries={"max_attempts": 0}))
    return lambda arguments: client.invoke_endpoint(**arguments)["Body"].read()


def command_caller():
    program = os.environ["ZEROPULL"]

    def call(arguments: dict) -> bytes:
        done = subprocess.run([program, "api", "InvokeEndpoint", json.dumps(arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=120)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode(errors="replace").strip()[-300:])
        return done.stdout

    return call


def main() -> None:
    endpoint, component = sys.argv[1:3]
    seconds, steady_rate, step_rate, step_time = map(float, sys.argv[3:7])
    try:
        call = boto_caller()
    except ImportError:
        call = command_caller()
    arguments = {"EndpointName": endpoint, "InferenceComponentName": component, "ContentType": "application/json",
                 "Body": json.dumps({"inputs": [1.0, 2.0, 3.0], "seconds": seconds})}
    printing = threading.Lock()

    def one(sent: float) -> None:
        line: dict = {"sent": sent}
        try:
            answer = json.loads(call(arguments))
            line |= {"host": answer["host"], "right": answer["mean"] == 2.0, "weights_sha256": answer["weights_sha256"]}
        except Exception as error:  # whatever a caller of the API would see
            line["error"] = f"{type(error).__name__}: {error}"[:300]
        line["answered"] = time.time()
        with printing:
            print(json.dumps(line), flush=True)

    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with ThreadPoolExecutor(WORKERS) as pool:
        due = time.time()
        while not ended.wait(max(0.0, due - time.time())):
            pool.submit(one, due)
            gap = 1 / (step_rate if due >= step_time else steady_rate)
            due = step_time if due < step_time < due + gap else due + gap


if __name__ == "__main__":
    main()
