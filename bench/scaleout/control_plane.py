"""`zeropull serve` in the datacenter's network, with provider local: its instances are this machine's own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from scaleout import datacenter
from scaleout.datacenter import Datacenter
from scaleout.shell import CLEAN_ENVIRONMENT, DIE_WITH_PARENT, DemoError, tail, wait_until

PORT = 8080
URL = f"http://127.0.0.1:{PORT}"
INSTANCE_TYPE = "ml.demo.2xlarge"


def configuration(root: Path) -> dict:
    return {
        "root": str(root),
        "listen": {"address": "127.0.0.1", "port": PORT},
        "store": {"address": datacenter.STORE, "port": datacenter.STORE_PORT},
        "instance_types_file": str(root / "instance_types.json"),
        "accounts": {"*": {"registries": [{"host": f"{datacenter.REGISTRY}:{datacenter.REGISTRY_PORT}", "plain_http": True}],
                           "s3": {"endpoint_url": f"http://{datacenter.MODELS}:{datacenter.MODELS_PORT}"}}},
        "allowed_addresses": [f"{datacenter.REGISTRY}/32", f"{datacenter.MODELS}/32"],
        "idle_release_s": 0,
    }


class ControlPlane:
    """Context manager: answers inside the with block; every instance is gone after it."""

    def __init__(self, binary: Path, root: Path, center: Datacenter, link_mbit: int, log: Path,
                 settings: dict | None = None, more_types: Sequence[str] = ()) -> None:
        self.binary, self.root, self.center, self.log = binary, root, center, log
        self.link_mbit, self.settings = link_mbit, settings or {}
        self.types = (INSTANCE_TYPE, *more_types)

    def __enter__(self) -> ControlPlane:
        self.root.mkdir(parents=True)
        types = [{"name": name, "vcpus": 8, "memory_mib": 32768, "accelerators": 2, "accelerator": "demo",
                  "network_mbit": self.link_mbit} for name in self.types]
        (self.root / "instance_types.json").write_text(json.dumps({"instance_types": types}))
        self.config = self.root / "serve.json"
        self.config.write_text(json.dumps({**configuration(self.root), **self.settings}, indent=2))
        self.start()
        return self

    def start(self) -> None:
        """Also after kill(): the state says how to go on."""
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([*DIE_WITH_PARENT, *self.center.inside([self.binary, "serve", "--config", self.config])],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=CLEAN_ENVIRONMENT,
                                            start_new_session=True)
        wait_until(self.answers, "zeropull serve")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.center.run([self.binary, "serve", "--config", self.config, "--release-all"], timeout_s=60)
        shutil.rmtree(self.root, ignore_errors=True)

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise DemoError(f"zeropull serve ended with code {self.process.returncode}:\n{tail(self.log)}")
        probe = self.center.inside(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{PORT}"])
        return (self.root / "admin.sock").exists() and subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0

    def first_process(self, instance_id: str) -> int | None:
        """The number, here, of an instance's first process; None while it has none."""
        try:
            return json.loads((self.root / "instances" / instance_id / "process").read_text())["pid"]
        except (OSError, ValueError):
            return None

    def access_key(self) -> dict[str, str]:
        command = [self.binary, "credentials", "create", "--name", "demo", "--admin", self.root / "admin.sock", "--json"]
        return json.loads(self.center.run(command).splitlines()[-1])
