#!/usr/bin/env python3
"""`zeropull serve` while its surroundings fail it: garbage at every port, more half-open connections than it may have files, a disk
that is full. It stays up in bounded memory, what serves goes on serving, and what it refuses it says."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import BINARY, TESTS, Lab, run_cases
from scaleout import datacenter
from scaleout.client import ApiError
from scaleout.shell import output_of

ATTACK = TESTS / "hard_times/attack.py"
DISK_BYTES = 512 << 20
FILES_MAX = 1500  # that the server may open; a third of them for callers
GROWTH_MAX_KIB = 64 << 10
API = "127.0.0.1:8080"
PORTS = (API, "10.201.0.1:7444", f"{datacenter.STORE}:{datacenter.STORE_PORT}", "127.0.0.1:9464")


class SmallMachine(Lab):
    """A lab on a small disk of its own, whose server was started by a shell that gives few files."""

    def __init__(self) -> None:
        super().__init__()
        handle, name = tempfile.mkstemp(prefix="zp-disk-", dir="/var/tmp")
        os.truncate(handle, DISK_BYTES)
        os.close(handle)
        self.disk_file = Path(name)
        output_of(["mkfs.ext4", "-q", "-m", "0", self.disk_file])
        output_of(["mount", "-o", "loop", self.disk_file, self.work])
        self.binary = self.work / "zeropull-with-few-files"
        self.binary.write_text(f'#!/bin/sh\nulimit -Sn 256\nulimit -Hn {FILES_MAX}\nexec {BINARY} "$@"\n')
        self.binary.chmod(0o755)

    def remove_disk(self) -> None:
        subprocess.run(["umount", self.work], check=True)
        self.disk_file.unlink()
        self.work.rmdir()

    def attack(self, *words: str) -> list[str]:
        return self.center.inside([sys.executable, ATTACK, *words])

    def memory_kib(self) -> int:
        status = Path(f"/proc/{self.plane.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def log(self) -> str:
        return (self.work / "serve.log").read_text(errors="replace")

    def fill_disk(self) -> Path:
        """A file that leaves no byte."""
        filler = self.work / "filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], stderr=subprocess.DEVNULL, check=False)
        with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as out:
            while True:
                out.write(bytes(512))
        return filler


def garbage_at_every_port_changes_nothing(lab: SmallMachine) -> None:
    lab.deploy("llm", model="")
    copies = {entry["Id"] for entry in lab.timeline("llm")}
    before = lab.memory_kib()
    for seed in range(5):
        output_of(lab.attack("garbage", str(seed), *PORTS))
    assert lab.plane.process.poll() is None, "the server ended"
    assert lab.memory_kib() - before < GROWTH_MAX_KIB, f"{before} KiB have become {lab.memory_kib()}"
    assert "well" in lab.invoke("llm", "well")
    assert {entry["Id"] for entry in lab.timeline("llm")} == copies


def half_open_connections_have_their_share_of_files_and_no_more(lab: SmallMachine) -> None:
    limits = Path(f"/proc/{lab.plane.process.pid}/limits").read_text()
    assert [str(FILES_MAX)] * 2 == next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    with subprocess.Popen(lab.attack("half-open", str(2 * FILES_MAX), API), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as attack:
        held = int(attack.stdout.readline())
        assert held <= FILES_MAX // 3, held
        # The rest has its files all the same.
        assert "access_key_id" in lab.plane.access_key()
        lab.until(lambda: "callers may have are open" in lab.log(), "the log to say it", 10)
        # Whoever sends no whole request is let go after half a minute.
        lab.until(lambda: answers(lab), "callers to be served again", 45)
        attack.stdin.close()
    assert lab.log().count("callers may have are open") == 1, "said again and again"


def answers(lab: SmallMachine) -> bool:
    with contextlib.suppress(ApiError):
        return "through" in lab.invoke("llm", "through")
    return False


def a_full_disk_refuses_changes_and_serves_on(lab: SmallMachine) -> None:
    filler = lab.fill_disk()
    assert "full" in lab.invoke("llm", "full")
    refused = ""
    for number in range(2000):
        try:
            lab.call("create_model", ModelName=f"m{number}", ExecutionRoleArn="arn:aws:iam::111122223333:role/test",
                     PrimaryContainer={"Image": lab.image(), "Environment": {"FILL": "x" * 1000}})
        except ApiError as error:
            refused = str(error)
            break
    assert "CreateModel: ResourceLimitExceeded" in refused and "disk is full" in refused, refused
    assert "full" in lab.invoke("llm", "full")
    lab.plane.kill()
    lab.plane.start()
    assert "again" in lab.invoke("llm", "again")
    filler.unlink()
    lab.call("create_model", ModelName="after", ExecutionRoleArn="arn:aws:iam::111122223333:role/test",
             PrimaryContainer={"Image": lab.image()})
    for made in range(number):
        assert lab.call("describe_model", ModelName=f"m{made}"), "an acknowledged change is lost"


def an_endpoint_is_deleted_as_soon_as_the_disk_has_some_room(lab: SmallMachine) -> None:
    filler = lab.fill_disk()
    with contextlib.suppress(ApiError):  # refused, where the state's log has no room of its own left
        lab.call("delete_endpoint", EndpointName="llm")
    os.truncate(filler, filler.stat().st_size - (1 << 20))
    lab.delete_endpoint("llm", timeout_s=60)
    filler.unlink()
    lab.wait_clean()


def main() -> int:
    lab = SmallMachine()
    try:
        with lab:
            return run_cases([
                garbage_at_every_port_changes_nothing,
                half_open_connections_have_their_share_of_files_and_no_more,
                a_full_disk_refuses_changes_and_serves_on,
                an_endpoint_is_deleted_as_soon_as_the_disk_has_some_room,
            ], lab)
    finally:
        lab.remove_disk()


if __name__ == "__main__":
    sys.exit(main())
