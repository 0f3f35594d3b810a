#!/usr/bin/env python3
"""Models from an S3 server that others wrote (moto): odd keys, an object in parts, a tar.gz; and the same while answers go wrong.
Each file that a copy sees has the bytes that were put into the bucket."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tarfile

from lab import SKIPPED, TESTS, Lab, environment, run_cases
from scaleout import datacenter

MOTO_PORT = 8001
FAULTS_PORT = 8002
PARTS = TESTS / "origin_s3"
MODEL = "/opt/ml/model"
numbers = itertools.count()

FILES = {
    "config.json": 300, "empty": 0, "in/folders/of/its own/weights-00001-of-00002.safetensors": 1 << 20, "weights.bin": 12 << 20,
    "a+b c%41&d=e?f#g.txt": 10, "ünïcödé-模型.txt": 10, "'quoted' \"twice\" <&amp;>.txt": 10, ".hidden": 10,
    "..two": 10, "~$@!,;:()[]{}": 10, "back\\slash": 10, "n" * 255: 10,
}


class Models:
    """The server and its faulting face, in the lab's datacenter."""

    def __init__(self, lab: Lab, python: str) -> None:
        self.lab = lab
        self.folder = lab.work / "buckets/models"
        self.rules = lab.work / "faults.json"
        self.rules.write_text("null")
        for name, size in FILES.items():
            path = self.folder / "llm" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))
        (self.folder / "llm-other").mkdir()
        (self.folder / "llm-other/no-part-of-the-model").write_bytes(b"x")
        with tarfile.open(self.folder / "llm.tar.gz", "w:gz") as archive:
            archive.add(self.folder / "llm", ".")
        lab.center.serve("moto", datacenter.MODELS, MOTO_PORT,
                         [python, "-m", "moto.server", "-H", datacenter.MODELS, "-p", str(MOTO_PORT)])
        lab.center.run([python, PARTS / "fill.py", f"http://{datacenter.MODELS}:{MOTO_PORT}", self.folder.parent], timeout_s=60)
        lab.center.serve("faults", datacenter.MODELS, FAULTS_PORT,
                         [sys.executable, PARTS / "faults.py", datacenter.MODELS, str(FAULTS_PORT),
                          f"{datacenter.MODELS}:{MOTO_PORT}", self.rules])

    def spoil(self, fault: str, of: str, times: int) -> None:
        self.rules.write_text(json.dumps({"fault": fault, "of": of, "times": times, "number": next(numbers)}))
        self.rules.with_suffix(".spoiled").write_text("0")

    def spoiled(self) -> int:
        return int(self.rules.with_suffix(".spoiled").read_text())

    def deploy(self, name: str, uri: str = "s3://models/llm/", form: str = "S3Prefix", compression: str = "None") -> None:
        self.lab.create_endpoint(name)
        self.lab.create_component(name, name, source={"S3Uri": uri, "S3DataType": form, "CompressionType": compression})

    def read(self, endpoint: str, path: str) -> bytes:
        call = json.dumps({"EndpointName": endpoint, "InferenceComponentName": endpoint, "Body": f"read {path}"})
        command = self.lab.center.inside([self.lab.api.binary, "api", "InvokeEndpoint", call])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=self.lab.api.environment, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout[:-1]  # the command ends its line

    def expect_right(self, endpoint: str) -> None:
        self.lab.wait_component(endpoint)
        for name in FILES:
            seen = self.read(endpoint, f"{MODEL}/{name}")
            assert seen == (self.folder / "llm" / name).read_bytes(), f"{name!r} has other bytes"
        self.lab.delete_endpoint(endpoint)


def cases(models: Models) -> list:
    def a_prefix_is_a_folder_with_every_byte(_: Lab) -> None:
        models.deploy("prefix")
        models.expect_right("prefix")

    def a_compressed_tar_is_unpacked(_: Lab) -> None:
        models.deploy("tar", "s3://models/llm.tar.gz", "S3Object", "Gzip")
        models.expect_right("tar")

    def a_server_that_is_busy_is_asked_again(_: Lab) -> None:
        models.spoil("slow_down", "models", 3)
        models.deploy("busy")
        models.expect_right("busy")
        assert models.spoiled() == 3

    def a_cut_transfer_goes_on_where_it_ended(_: Lab) -> None:
        models.spoil("cut", "weights.bin", 3)
        models.deploy("cut")
        models.expect_right("cut")
        assert models.spoiled() == 3

    def a_byte_that_was_changed_on_its_way_reaches_no_copy(lab: Lab) -> None:
        models.spoil("flip", "config.json", 1000)
        models.deploy("flip")
        reason = lab.wait_component("flip", "Failed", timeout_s=60)["FailureReason"]
        assert "config.json" in reason, reason
        assert models.spoiled() > 0
        lab.delete_endpoint("flip")

    def an_object_that_is_another_than_was_listed_reaches_no_copy(lab: Lab) -> None:
        models.spoil("etag", "weights.bin", 1000)
        models.deploy("etag")
        reason = lab.wait_component("etag", "Failed", timeout_s=60)["FailureReason"]
        assert "weights.bin" in reason and "listed" in reason, reason
        assert models.spoiled() > 0
        lab.delete_endpoint("etag")

    def nothing_is_left(lab: Lab) -> None:
        lab.wait_clean()

    return [a_prefix_is_a_folder_with_every_byte, a_compressed_tar_is_unpacked, a_server_that_is_busy_is_asked_again,
            a_cut_transfer_goes_on_where_it_ended, a_byte_that_was_changed_on_its_way_reaches_no_copy,
            an_object_that_is_another_than_was_listed_reaches_no_copy, nothing_is_left]


def main() -> int:
    python = environment()
    if python is None:
        print("SKIPPED: the package index cannot be reached for moto")
        return SKIPPED
    account = {"registries": [{"host": f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}", "plain_http": True}],
               "s3": {"endpoint_url": f"http://{datacenter.MODELS}:{FAULTS_PORT}", "region": "us-east-1",
                      "access_key_id": "test", "secret_access_key": "test"}}
    with Lab({"accounts": {"*": account}, "requests": {"body_max": 16 << 20}}) as lab:
        return run_cases(cases(Models(lab, python)), lab)


if __name__ == "__main__":
    sys.exit(main())
