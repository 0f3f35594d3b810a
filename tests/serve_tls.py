#!/usr/bin/env python3
"""`zeropull serve` off loopback: over TLS with the operator's certificate, for boto3 and `zeropull api`; never without."""

from __future__ import annotations

import json
import subprocess
import sys

from lab import BINARY, SKIPPED, Lab, environment, run_cases
from scaleout import datacenter
from scaleout.client import ApiError, ZeropullApi
from scaleout.control_plane import PORT
from scaleout.shell import CLEAN_ENVIRONMENT, output_of

ADDRESS = datacenter.STORE  # not loopback
URL = f"https://{ADDRESS}:{PORT}"
BOTO = """
import boto3, json, os
client = boto3.client("sagemaker")
names = [endpoint["EndpointName"] for page in client.get_paginator("list_endpoints").paginate() for endpoint in page["Endpoints"]]
answer = boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName="tls", InferenceComponentName="tls", Body=b"by boto3")
events = boto3.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
    EndpointName="tls", InferenceComponentName="tls", Body=b"streamed")["Body"]
parts = b"".join(event["PayloadPart"]["Bytes"] for event in events)
print(json.dumps([names, answer["Body"].read().decode(), parts.decode()]))
"""


class TlsLab(Lab):
    def __init__(self) -> None:
        super().__init__()
        self.settings = {"listen": {"address": "0.0.0.0", "port": PORT, "certificate_file": str(self.work / "server.pem"),
                                    "key_file": str(self.work / "server.key")}}

    def prepare(self) -> None:
        for name in ("ca", "stranger"):
            output_of(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                       "2", "-subj", f"/CN={name}", "-keyout", self.work / f"{name}.key", "-out", self.work / f"{name}.pem"])
        output_of(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=server",
                   "-keyout", self.work / "server.key", "-out", self.work / "server.csr"])
        (self.work / "extensions").write_text(f"subjectAltName=IP:{ADDRESS}\n")
        output_of(["openssl", "x509", "-req", "-in", self.work / "server.csr", "-CA", self.work / "ca.pem", "-CAkey",
                   self.work / "ca.key", "-days", "2", "-extfile", self.work / "extensions", "-out", self.work / "server.pem"])

    def caller(self, keys: dict[str, str], authority: str = "ca", url: str = URL) -> ZeropullApi:
        return ZeropullApi(BINARY, self.center, self.variables(keys, authority, url))

    def variables(self, keys: dict[str, str], authority: str = "ca", url: str = URL) -> dict[str, str]:
        return dict(CLEAN_ENVIRONMENT, AWS_ENDPOINT_URL=url, AWS_DEFAULT_REGION="us-east-1", AWS_CA_BUNDLE=f"{self.work}/{authority}.pem",
                    AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY=keys["secret_access_key"],
                    AWS_EC2_METADATA_DISABLED="true", HOME=str(self.work))


def our_own_client_calls_and_invokes(lab: TlsLab) -> None:
    lab.deploy("tls", model="")
    assert "by zeropull" in lab.invoke("tls", "by zeropull")


def boto3_calls_invokes_and_streams(lab: TlsLab) -> None:
    command = lab.center.inside([lab.python, "-c", BOTO])
    done = subprocess.run(command, env=lab.variables(lab.keys), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    names, answer, streamed = json.loads(done.stdout)
    assert names == ["tls"] and "by boto3" in answer and "streamed" in streamed, done.stdout


def another_authority_is_not_believed(lab: TlsLab) -> None:
    try:
        lab.caller(lab.keys, "stranger").call("sagemaker", "list_endpoints", {})
    except ApiError as error:
        assert "certificate" in str(error), error
        return
    raise AssertionError("a certificate of an unknown authority was believed")


def plain_http_gets_no_answer(lab: TlsLab) -> None:
    try:
        lab.caller(lab.keys, url=URL.replace("https", "http")).call("sagemaker", "list_endpoints", {})
    except ApiError as error:
        assert any(words in str(error) for words in ("Empty reply", "Connection reset", "Recv failure")), error
    else:
        raise AssertionError("plain HTTP was answered")
    assert "by zeropull" in lab.invoke("tls", "by zeropull"), "and the server goes on"


def old_versions_of_tls_are_refused(lab: TlsLab) -> None:
    for option, done in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
        command = lab.center.inside(["openssl", "s_client", "-connect", f"{ADDRESS}:{PORT}", option, "-cipher", "DEFAULT@SECLEVEL=0"])
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        assert ("Verification" in said.stdout and said.returncode == 0) == done, f"{option}: {said.stdout} {said.stderr}"


def without_a_certificate_it_serves_loopback_alone(lab: TlsLab) -> None:
    for address in (ADDRESS, "0.0.0.0", "::"):
        config = lab.work / "plain.json"
        config.write_text(json.dumps({"root": str(lab.work / "plain"), "listen": {"address": address, "port": 8081}}))
        done = subprocess.run(lab.center.inside([BINARY, "serve", "--config", config]), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, env=CLEAN_ENVIRONMENT, timeout=30, check=False)
        assert done.returncode != 0 and "plain HTTP is for loopback alone" in done.stderr, f"{address}: {done.stderr}"


def it_leaves_nothing(lab: TlsLab) -> None:
    lab.delete_endpoint("tls")
    lab.wait_clean()


def main() -> int:
    python = environment()
    if python is None:
        print("SKIPPED: the package index cannot be reached for a current boto3")
        return SKIPPED
    with TlsLab() as lab:
        lab.python = python
        return run_cases([our_own_client_calls_and_invokes, boto3_calls_invokes_and_streams, another_authority_is_not_believed,
                          plain_http_gets_no_answer, old_versions_of_tls_are_refused,
                          without_a_certificate_it_serves_loopback_alone, it_leaves_nothing], lab)


if __name__ == "__main__":
    sys.exit(main())
