"""A brand-new machine, as far as one machine can play two: a process tree in its own network, mount, pid, ipc and uts namespaces.

It has its own root (see instance_init.sh), an empty disk under /var, its own containerd, and a veth to the datacenter whose
download is limited. Killing its first process ends every process, mount and interface in it; destroy() then removes its disk
and its cgroup folders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from scaleout import datacenter, wire
from scaleout.cgroups import CgroupFolders
from scaleout.shell import CLEAN_ENVIRONMENT, DIE_WITH_PARENT, DemoError, output_of, tail, wait_until

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


@dataclass(frozen=True)
class Plan:
    """What one instance is made with. `home` must not exist; `volume` is attached read-only at /volume."""

    name: str
    home: Path
    programs: Path | None
    volume: Path | None
    link_mbit: int
    containerd_config: str


class Instance:
    """Context manager: booted, with containerd answering, inside the with block."""

    def __init__(self, plan: Plan, center: datacenter.Datacenter) -> None:
        self.plan = plan
        self.center = center
        self.pid = 0
        self.launcher: subprocess.Popen | None = None
        self.cgroups = CgroupFolders(plan.name)
        self.logs = plan.home / "disk/log"

    def __enter__(self) -> Instance:
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.destroy()

    def start(self) -> None:
        root, disk = self.plan.home / "root", self.plan.home / "disk"
        root.mkdir(parents=True)
        self.logs.mkdir(parents=True)
        self.cgroups.create()
        script = Path(__file__).with_name("instance_init.sh")
        self.launcher = subprocess.Popen(
            [*DIE_WITH_PARENT, "unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--propagation", "private", "--fork",
             "--kill-child=KILL", script, root, disk, self.plan.programs or "", self.plan.volume or ""],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN_ENVIRONMENT)
        assert self.launcher.stdin and self.launcher.stdout and self.launcher.stderr
        self.launcher.stdin.write("".join(line + "\n" for line in self.cgroups.bindings()).encode())
        self.launcher.stdin.close()
        if self.launcher.stdout.readline() != b"up\n":
            raise DemoError("an instance did not boot: " + self.launcher.stderr.read().decode(errors="replace").strip())
        self.pid = int(Path(f"/proc/{self.launcher.pid}/task/{self.launcher.pid}/children").read_text().split()[0])
        self.center.connect(self.pid, self.plan.link_mbit)
        wire.install(self.pid, datacenter.SOURCES)
        self.write_file("/run/containerd.toml", self.plan.containerd_config)
        self.spawn("containerd", ["containerd", "--config", "/run/containerd.toml"])
        wait_until(lambda: self.inner_path(CONTAINERD_SOCKET).exists(), "the instance's containerd")
        self.run(["ctr", "version"])

    def destroy(self) -> None:
        """Ends everything that the instance is; may be called at any point of start() and again."""
        if self.launcher:
            self.launcher.kill()  # its child, the instance's first process, dies with it
            self.launcher.wait()
            self.launcher = None
        self.cgroups.remove()
        if self.plan.home.exists():
            shutil.rmtree(self.plan.home)

    def log_tails(self) -> str:
        """The last lines of every log on the instance that says something, for the message of a failed start."""
        logs = sorted(log for log in self.logs.glob("*.log") if log.stat().st_size > 0)
        return "\n".join(f"  {log.name}:\n{tail(log)}" for log in logs)

    def inner_path(self, path: str) -> Path:
        """How this side reaches an absolute path of the instance."""
        return Path(f"/proc/{self.pid}/root{path}")

    def write_file(self, path: str, content: str | bytes, mode: int = 0o600) -> None:
        target = self.inner_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        os.chmod(target, mode)

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` on the instance. --root because its root is not that of its mount namespace when
        this side is itself in a chroot."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "--ipc", "--uts", "--root", "--wd", *command]

    def run(self, command: Sequence[str], timeout_s: float = 60) -> str:
        return output_of(self.inside(command), timeout_s)

    def spawn(self, name: str, command: Sequence[str], output: int | None = None) -> subprocess.Popen:
        """Starts a process on the instance; messages go to /var/log/NAME.log there, and so does its output when none is given."""
        with open(self.logs / f"{name}.log", "wb") as log:
            return subprocess.Popen(self.inside(command), stdin=subprocess.DEVNULL, stdout=log if output is None else output,
                                    stderr=log, env=CLEAN_ENVIRONMENT)
