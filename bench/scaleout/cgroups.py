"""One cgroup folder for each instance, in every hierarchy that this machine has (one on v2, one a controller on v1).

The folder is bound over /sys/fs/cgroup inside the instance, so that whatever its containers make lies below it and goes with it:
killing processes does not remove cgroup folders.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from scaleout.shell import DemoError, wait_until


@dataclass(frozen=True)
class Hierarchy:
    mount_point: Path
    is_v2: bool


def hierarchies(mountinfo: str) -> list[Hierarchy]:
    """The cgroup mounts in the text of a mountinfo file."""
    found = []
    for line in mountinfo.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split(" ", 1)[0] in ("cgroup", "cgroup2"):
            found.append(Hierarchy(Path(fields.split(" ")[4]), kind.startswith("cgroup2 ")))
    return found


class CgroupFolders:
    """Folder `name` in every hierarchy. remove(), after the last process in them ended, undoes create() however far it got."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folders: list[tuple[Hierarchy, Path]] = []

    def create(self) -> None:
        for hierarchy in hierarchies(Path("/proc/self/mountinfo").read_text()):
            folder = hierarchy.mount_point / self.name
            folder.mkdir()
            self.folders.append((hierarchy, folder))
            # A cpuset of v1 takes no process before it has been given processors and memory nodes.
            for setting in ("cpuset.cpus", "cpuset.mems"):
                if not hierarchy.is_v2 and (folder / setting).exists():
                    (folder / setting).write_text((hierarchy.mount_point / setting).read_text())
            # On v2 only a folder without processes may hand controllers down: the instance's own processes go one level lower.
            if hierarchy.is_v2:
                hand_down_controllers(hierarchy.mount_point)
                (folder / "init").mkdir()
        if not self.folders:
            raise DemoError("no cgroup hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup")

    def bindings(self) -> list[str]:
        """For the init script, one line each: folder, where it is bound inside the instance, the file that moves a process in."""
        lines = []
        for hierarchy, folder in self.folders:
            entry = folder / "init" if hierarchy.is_v2 else folder
            lines.append(f"{folder} {hierarchy.mount_point} {entry / 'cgroup.procs'}")
        return lines

    def remove(self) -> None:
        def gone() -> bool:
            return all([remove_tree(folder) for _, folder in self.folders])

        wait_until(gone, "the end of the instance's cgroups")


def hand_down_controllers(top: Path) -> None:
    """Lets folders below the top of a v2 hierarchy have its controllers, as runc does for a container that lies there."""
    for controller in (top / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):  # one that cannot be handed down is not there for containers either
            (top / "cgroup.subtree_control").write_text(f"+{controller}")


def remove_tree(folder: Path) -> bool:
    """Removes a cgroup folder from its leaves up; False while a process in it has not quite ended."""
    if not folder.exists():
        return True
    try:
        for path, _, _ in os.walk(folder, topdown=False):
            os.rmdir(path)
    except OSError:
        return False
    return True
