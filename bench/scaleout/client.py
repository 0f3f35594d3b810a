"""The demo as a caller of the public API: through a current boto3 where PyPI can be reached, else through `zeropull api`."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Protocol

from scaleout.datacenter import Datacenter
from scaleout.shell import CLEAN_ENVIRONMENT, DIE_WITH_PARENT, DemoError, output_of, say

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
WORKER = Path(__file__).with_name("boto_worker.py")


class ApiError(DemoError):
    """The API refused a call."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Caller(Protocol):
    """One way to call. Operations have boto3's names."""

    name: str

    def call(self, service: str, operation: str, arguments: dict) -> dict: ...


def ensure_environment(cache: Path) -> Path | None:
    """The Python of a virtual environment with the pinned boto3, made once; None when PyPI cannot be reached."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    home = cache / f"venv-{key}"
    python = home / "bin/python"
    if (home / "complete").exists():
        return python
    for old in cache.glob("venv-*"):
        shutil.rmtree(old)
    try:
        output_of([sys.executable, "-m", "venv", home], timeout_s=120)
        output_of([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", REQUIREMENTS], timeout_s=300)
    except DemoError as error:
        say(f"note: boto3 could not be installed, so the API is called with `zeropull api`: {str(error).splitlines()[-1]}")
        shutil.rmtree(home, ignore_errors=True)
        return None
    (home / "complete").touch()
    return python


class Boto:
    """boto3, in a process inside the control plane's network namespace."""

    name = "boto3"

    def __init__(self, python: Path, center: Datacenter, environment: dict[str, str], log: Path) -> None:
        with open(log, "wb") as errors:
            self.process = subprocess.Popen([*DIE_WITH_PARENT, *center.inside([python, WORKER])], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)

    def call(self, service: str, operation: str, arguments: dict) -> dict:
        assert self.process.stdin and self.process.stdout
        print(json.dumps({"service": service, "operation": operation, "arguments": arguments}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise DemoError(f"boto3 ended during {operation}")
        result = json.loads(line)
        if "error" in result:
            raise ApiError(**result["error"])
        return result["answer"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class ZeropullApi:
    """`zeropull api`, once for each call."""

    name = "zeropull api"

    def __init__(self, binary: Path, center: Datacenter, environment: dict[str, str]) -> None:
        self.binary, self.center, self.environment = binary, center, environment

    def call(self, service: str, operation: str, arguments: dict) -> dict:
        words = "".join(word.capitalize() for word in operation.split("_")) if service else operation
        named = f"{service}:{words}" if service in ("application-autoscaling", "cloudwatch") else words
        command = self.center.inside([self.binary, "api", named, json.dumps(arguments)])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment, timeout=900)
        if done.returncode != 0:
            refused = re.search(r"(\w+): ([^\n]*)$", done.stderr.strip())
            raise ApiError(refused[1] if refused else "Unknown", done.stderr.strip())
        if operation == "invoke_endpoint":
            return {"Body": done.stdout}
        return json.loads(done.stdout or "{}")

    def close(self) -> None:
        """Nothing stays between calls."""


class Client:
    """Context manager. Standard operations go through boto3 where there is one; our own go through `zeropull api`."""

    def __init__(self, binary: Path, python: Path | None, center: Datacenter, url: str, keys: dict[str, str], log: Path) -> None:
        self.center, self.python = center, python or Path(sys.executable)
        environment = dict(CLEAN_ENVIRONMENT, AWS_ENDPOINT_URL=url, ZEROPULL=str(binary), AWS_DEFAULT_REGION="us-east-1",
                           AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY=keys["secret_access_key"],
                           AWS_EC2_METADATA_DISABLED="true")
        self.environment = environment
        self.own = ZeropullApi(binary, center, environment)
        self.standard = Boto(python, center, environment, log) if python else self.own

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.standard.close()

    def sagemaker(self, operation: str, **arguments: object) -> dict:
        return self.standard.call("sagemaker", operation, arguments)

    def scaling(self, operation: str, **arguments: object) -> dict:
        return self.standard.call("application-autoscaling", operation, arguments)

    def cloudwatch(self, operation: str, **arguments: object) -> dict:
        return self.standard.call("cloudwatch", operation, arguments)

    def invoke(self, **arguments: object) -> dict:
        return self.standard.call("sagemaker-runtime", "invoke_endpoint", arguments)

    def zeropull(self, operation: str, **arguments: object) -> dict:
        return self.own.call("", f"Zeropull.{operation}", arguments)
