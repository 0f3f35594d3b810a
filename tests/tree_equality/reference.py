"""reference.py FOLDER: lists what containerd's overlayfs shows of each image of make_images.py, as FOLDER/<case>/reference.json.

Runs a containerd of its own, in mount, pid and network namespaces of its own with an own /run, and so leaves nothing behind:
unshare --mount --pid --net --fork --kill-child python3 reference.py FOLDER. FOLDER must lie on a file system that can be an
overlay's upper layer (ext4). Images that containerd cannot unpack have a reference by GNU tar instead (case.json says which).
"""

import json
import os
import subprocess
import sys
import time

from list_tree import list_tree

CONFIG = """version = 2
root = "{root}"
state = "/run/containerd-reference"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{socket}"
"""
SOCKET = "/run/containerd-reference.sock"


def ctr(*arguments):
    return subprocess.run(["ctr", "--address", SOCKET, *arguments], check=True, capture_output=True, text=True).stdout


def start(folder):
    root = os.path.join(folder, "containerd")
    os.makedirs(root, mode=0o711)
    config = os.path.join(folder, "containerd.toml")
    with open(config, "w") as file:
        file.write(CONFIG.format(root=root, socket=SOCKET))
    log = open(os.path.join(folder, "containerd.log"), "w")
    process = subprocess.Popen(["containerd", "--config", config], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while True:
        try:
            ctr("version")
            return process
        except subprocess.CalledProcessError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"containerd does not start: {error.stderr}; see {log.name}")
            time.sleep(0.05)


def list_by_containerd(case, folder):
    reference = f"localhost/{case}:latest"
    mount_point = os.path.join(folder, "reference")  # names ctr's snapshot too: one for each image
    os.mkdir(mount_point)
    ctr("images", "import", "--snapshotter", "overlayfs", os.path.join(folder, "image.tar"))
    ctr("images", "mount", "--rw", "--snapshotter", "overlayfs", reference, mount_point)
    try:
        return list_tree(mount_point)
    finally:
        subprocess.run(["umount", mount_point], check=True)


def list_by_gnu_tar(case, folder, layers):
    root = os.path.join(folder, "gnu-tar")
    os.mkdir(root, mode=0o755)
    for layer in layers:
        subprocess.run(["tar", "--extract", "--numeric-owner", "--same-permissions", "--same-owner", "--directory", root, "--file",
                        os.path.join(folder, layer)], check=True)
    return list_tree(root)


def main():
    folder = os.path.abspath(sys.argv[1])
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    containerd = start(folder)
    for case in sorted(os.listdir(folder)):
        description = os.path.join(folder, case, "case.json")
        if not os.path.exists(description):
            continue
        with open(description) as file:
            described = json.load(file)
        try:
            if described["reference"] == "gnu-tar":
                listing = list_by_gnu_tar(case, os.path.join(folder, case), described["layers"])
            else:
                listing = list_by_containerd(case, os.path.join(folder, case))
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{case}: {error}: {error.stderr}")
        with open(os.path.join(folder, case, "reference.json"), "w") as file:
            json.dump(listing, file, indent=1, sort_keys=True)
    containerd.terminate()
    containerd.wait()


if __name__ == "__main__":
    main()
