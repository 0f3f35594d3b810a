"""The other side of the link: one network namespace in which registry, store and model server have addresses of their own.

An instance's veth ends here, and here its download is limited. Nothing of it is in the host's network: the namespace has no way
out and vanishes, with every interface in it, when the process that holds it ends. The services' files are the host's, out of
the instances' sight.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from scaleout import recipe
from scaleout.shell import CLEAN_ENVIRONMENT, DIE_WITH_PARENT, DemoError, output_of, tail, wait_until

# Who serves what, by address: the counters of wire.py tell the sources apart by these.
REGISTRY = "10.88.0.2"
STORE = "10.88.0.3"
MODELS = "10.88.0.4"
SOURCES = {"registry": REGISTRY, "store": STORE, "model": MODELS}
REGISTRY_PORT = 5000
STORE_PORT = 8443
MODELS_PORT = 8000

# The link between datacenter and instance; one instance lives at a time.
GATEWAY = "10.88.1.1"
INSTANCE = "10.88.1.2"

PACKAGE_ROOT = Path(__file__).resolve().parent.parent


class Datacenter:
    """Context manager that owns the namespace and the services started in it. Logs go to `logs`/NAME.log."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.services: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> Datacenter:
        self.holder = subprocess.Popen([*DIE_WITH_PARENT, "unshare", "--net", "sh", "-c", "echo up; exec sleep infinity"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=CLEAN_ENVIRONMENT,
                                       start_new_session=True)  # a terminal's Ctrl-C is for who takes it all down in order
        assert self.holder.stdout
        if self.holder.stdout.readline() != b"up\n":
            raise DemoError("cannot make a network namespace: the demo needs root and a kernel with namespaces")
        self.run(["ip", "link", "set", "lo", "up"])
        for address in SOURCES.values():
            self.run(["ip", "address", "add", f"{address}/32", "dev", "lo"])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in (*self.services.values(), self.holder):
            process.kill()
            process.wait()

    def end(self, name: str) -> None:
        """Ends a service that was started, if it was: its address and port are free again."""
        process = self.services.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def inside(self, command: Sequence[str | Path]) -> list[str]:
        """The command line that runs `command` in this namespace."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *(str(word) for word in command)]

    def run(self, command: Sequence[str | Path], timeout_s: float = 60) -> str:
        return output_of(self.inside(command), timeout_s)

    def serve(self, name: str, address: str, port: int, command: Sequence[str | Path]) -> None:
        """Starts a service and waits until its port answers."""
        log = self.logs / f"{name}.log"
        environment = dict(CLEAN_ENVIRONMENT, PYTHONPATH=str(PACKAGE_ROOT), PYTHONDONTWRITEBYTECODE="1")
        with open(log, "wb") as out:
            process = subprocess.Popen([*DIE_WITH_PARENT, *self.inside(command)], env=environment, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out, start_new_session=True)
        self.services[name] = process

        def answers() -> bool:
            if process.poll() is not None:
                raise DemoError(f"{name} ended with code {process.returncode}:\n{tail(log)}")
            probe = self.inside(["bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"])
            return subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0

        wait_until(answers, f"{name} on {address}:{port}")

    def serve_registry(self, storage: Path) -> None:
        """Debian's docker-registry with its storage in `storage`."""
        config = self.logs / "registry.yml"
        config.write_text(
            "version: 0.1\n"
            "log: {level: warn, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{REGISTRY}:{REGISTRY_PORT}'}}\n")
        self.serve("registry", REGISTRY, REGISTRY_PORT, ["docker-registry", "serve", config])

    def serve_models(self, folder: Path) -> None:
        self.serve("models", MODELS, MODELS_PORT, [sys.executable, "-m", "scaleout.serve_models", folder, MODELS, str(MODELS_PORT)])

    def push(self, image: recipe.Image) -> None:
        host = f"{REGISTRY}:{REGISTRY_PORT}"
        program = PACKAGE_ROOT / "scaleout/push.py"
        self.run([sys.executable, program, image.layout, host, recipe.REPOSITORY, recipe.TAG], timeout_s=300)

    def connect(self, instance_pid: int, link_mbit: int) -> None:
        """A veth pair from here to the network namespace of `instance_pid`; what goes to it is limited to link_mbit Mbit/s."""
        port = f"inst{instance_pid}"[:15]
        self.run(["ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(instance_pid)])
        self.run(["ip", "address", "add", f"{GATEWAY}/30", "dev", port])
        self.run(["ip", "link", "set", port, "up"])
        limit = ["tbf", "rate", f"{link_mbit}mbit", "burst", "256kb", "latency", "50ms"]
        self.run(["tc", "qdisc", "add", "dev", port, "root", *limit])
        for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", f"{INSTANCE}/30", "dev", "eth0"],
                        ["ip", "link", "set", "eth0", "up"], ["ip", "route", "add", "default", "via", GATEWAY]):
            output_of(["nsenter", f"--net=/proc/{instance_pid}/ns/net", *command])


def image_reference() -> str:
    return f"{REGISTRY}:{REGISTRY_PORT}/{recipe.REPOSITORY}:{recipe.TAG}"


def model_url(name: str) -> str:
    return f"http://{MODELS}:{MODELS_PORT}/models/{name}"


def model_s3_uri(name: str) -> str:
    return f"s3://models/{name}"
