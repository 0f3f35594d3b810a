#!/usr/bin/env python3
"""The suite of the API (api_suite) against `zeropull serve` with real instances, and a current boto3's invocations of a copy."""

from __future__ import annotations

import json
import subprocess
import sys

from lab import SKIPPED, TESTS, Lab, environment
from scaleout.control_plane import URL
from scaleout.shell import CLEAN_ENVIRONMENT

SUITE = TESTS / "api_suite"
# What the suite asks for beside the lab's own type.
TYPES = ("ml.g6.2xlarge", "ml.g5.2xlarge")


def told(lab: Lab) -> str:
    """What api_server prints: where the server is and two accounts' keys."""
    keys = [{"account": key["account"], "id": key["access_key_id"], "secret": key["secret_access_key"]}
            for key in (lab.keys, lab.plane.access_key())]
    return json.dumps({"url": URL, "keys": keys})


def run_suite(lab: Lab, python: str, modules: list[str], **variables: str) -> int:
    named = dict(CLEAN_ENVIRONMENT, ZP_API=told(lab), ZP_API_IMAGE=lab.image(), PYTHONDONTWRITEBYTECODE="1",
                 AWS_EC2_METADATA_DISABLED="true", HOME=str(lab.work), **variables)
    command = lab.center.inside([python, "-m", "unittest", "--quiet", *modules])
    return subprocess.run(command, env=named, cwd=SUITE, check=False).returncode


def main() -> int:
    python = environment()
    if python is None:
        print("SKIPPED: the package index cannot be reached for a current boto3")
        return SKIPPED
    with Lab(instance_types=TYPES) as lab:
        lab.deploy("invoked")
        failed = run_suite(lab, python, ["invocations"], ZP_INVOKE="invoked")
        lab.delete_endpoint("invoked")
        failed |= run_suite(lab, python, ["current_operations", "current_members", "current_signatures", "current_scaling",
                                          "current_cloudwatch", "current_scaling_members"])
        failed |= run_suite(lab, "/usr/bin/python3", ["old_clients", "old_scaling"], PYTHONPATH="/usr/lib/python3/dist-packages")
        lab.wait_clean()
    return failed


if __name__ == "__main__":
    sys.exit(main())
