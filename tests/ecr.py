#!/usr/bin/env python3
"""Images from Amazon ECR, by a server that holds our requests against botocore's own signer (ecr/fake_ecr.py): the account's key
buys tokens, the server and its instances use them, one that ends or is refused is replaced, and another key buys nothing."""

from __future__ import annotations

import collections
import json
import os
import secrets
import shutil
import subprocess
import sys

from lab import BINARY, SKIPPED, TESTS, Lab, run_cases
from scaleout import datacenter

PYTHON = "/usr/bin/python3"  # that has Debian's botocore
FAKE = TESTS / "ecr/fake_ecr.py"

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
ADDRESS = "10.88.0.5"
API_PORT, OBJECTS_PORT = 8003, 8004
KEY = {"id": "ASIAZEROPULLTEST0001", "secret": f"a/secret+of={secrets.token_hex(14)}", "session": "session/token+with=signs"}
USUAL = {"token_s": 3600, "told_s": 43200, "refuse": 0, "slow_s": 0}
OTHER, NOBODY = "222222222222", "333333333333"


class EcrLab(Lab):
    """A lab whose machine knows ECR's host name: the server, and so its instances, have another /etc/hosts."""

    def __init__(self) -> None:
        super().__init__()
        ecr = {"host": HOST, "plain_http": True, "aws_access_key_id": KEY["id"], "aws_secret_access_key": KEY["secret"],
               "aws_session_token": KEY["session"], "ecr_endpoint_url": f"http://{ADDRESS}:{API_PORT}/"}
        self.settings = {"accounts": {
            "*": {"registries": [ecr]}, OTHER: {"registries": [{**ecr, "aws_secret_access_key": "another"}]},
            NOBODY: {"registries": [{"host": HOST, "plain_http": True}]}}}
        self.binary = self.work / "zeropull-with-hosts"

    def prepare(self) -> None:
        self.center.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"])
        self.folder = self.work / "ecr"
        self.folder.mkdir()
        self.rule()
        (self.folder / "key.json").write_text(json.dumps(KEY))
        self.center.serve("ecr", ADDRESS, API_PORT, [
            PYTHON, FAKE, ADDRESS, str(API_PORT), "80", str(OBJECTS_PORT),
            f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}", self.folder])
        etc = self.work / "etc"
        shutil.copytree("/etc", etc, symlinks=True)
        with open(etc / "hosts", "a") as hosts:
            hosts.write(f"{ADDRESS} {HOST}\n")
        self.binary.write_text(f'#!/bin/sh\nexec unshare --mount sh -c \'mount --bind "$0" /etc && exec "$@"\' {etc} {BINARY} "$@"\n')
        self.binary.chmod(0o755)

    def rule(self, **changes: object) -> None:
        """From now on; and what happened before is forgotten."""
        new = self.folder / "rules.new"
        new.write_text(json.dumps({**USUAL, **changes}))
        os.replace(new, self.folder / "rules.json")
        (self.folder / "events.jsonl").write_text("")

    def events(self) -> collections.Counter:
        return collections.Counter(json.loads(line)["what"] for line in (self.folder / "events.jsonl").read_text().splitlines())

    def ecr_image(self, note: str) -> str:
        """An image of its own, so that none of it is cached."""
        return self.push_image(f"team/{note}", "1", note).replace(f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}", HOST)

    def serve_and_remove(self, name: str) -> collections.Counter:
        self.create_component(name, "llm", image=self.ecr_image(name), model="")
        self.wait_component(name)
        assert "hello" in self.invoke("llm", "hello", component=name)
        happened = self.events()
        self.remove(name)
        return happened

    def remove(self, name: str, endpoint: str = "llm") -> None:
        self.call("delete_inference_component", InferenceComponentName=name)
        self.until(lambda: self.is_gone("describe_inference_component", InferenceComponentName=name), f"{name} to be gone")

    def failure(self, name: str) -> str:
        self.create_endpoint(name)
        self.create_component(name, name, image=self.ecr_image(name), model="")
        reason = self.wait_component(name, "Failed", timeout_s=60)["FailureReason"]
        self.delete_endpoint(name)
        return reason


def an_image_comes_with_tokens_that_the_accounts_key_bought(lab: EcrLab) -> None:
    lab.create_endpoint("llm")
    happened = lab.serve_and_remove("plain")
    assert happened["token"] >= 2, f"the server to resolve the tag, the instance to fetch: {happened}"
    assert happened["object"] >= 2, f"configuration and layers come from the object store: {happened}"
    for what in ("bad signature", "object refused", "expired", "refused"):
        assert not happened[what], happened


def a_403_buys_another_token(lab: EcrLab) -> None:
    lab.rule(refuse=1)
    happened = lab.serve_and_remove("refused")
    assert happened["refused"] == 1 and happened["token"] >= 3 and not happened["bad signature"], happened


def a_token_that_ended_early_is_replaced(lab: EcrLab) -> None:
    lab.rule(token_s=1, slow_s=1.5)
    happened = lab.serve_and_remove("ended")
    assert happened["expired"] >= 1 and happened["token"] > happened["expired"], happened
    assert not happened["bad signature"] and not happened["object refused"], happened


def a_token_is_replaced_before_its_end(lab: EcrLab) -> None:
    lab.rule(token_s=2, told_s=601, slow_s=1.2)  # it counts as over ten minutes before what ECR says
    happened = lab.serve_and_remove("renewed")
    assert not happened["expired"] and happened["token"] >= 3, happened


def another_key_or_none_gets_nothing(lab: EcrLab) -> None:
    lab.rule()
    with lab.account(OTHER):
        reason = lab.failure("other")
        assert "InvalidSignatureException" in reason and HOST in reason, reason
    happened = lab.events()
    assert happened["bad signature"] and not happened["token"] and not happened["served"], happened
    lab.rule()
    with lab.account(NOBODY):
        reason = lab.failure("nobody")
        assert "asks for a user and a password" in reason and HOST in reason, reason
    assert not lab.events()["served"]


def nothing_is_left(lab: EcrLab) -> None:
    lab.delete_endpoint("llm")
    lab.wait_clean(timeout_s=5)


def main() -> int:
    if subprocess.run([PYTHON, "-c", "import botocore"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("SKIPPED: needs python3-botocore")
        return SKIPPED
    with EcrLab() as lab:
        return run_cases([
            an_image_comes_with_tokens_that_the_accounts_key_bought,
            a_403_buys_another_token,
            a_token_that_ended_early_is_replaced,
            a_token_is_replaced_before_its_end,
            another_key_or_none_gets_nothing,
            nothing_is_left,
        ], lab)


if __name__ == "__main__":
    sys.exit(main())
