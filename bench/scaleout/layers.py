"""One layer of the demo's image: installs packages inside the image's root and writes what that changed as a tar.

mmdebstrap calls this as a customize hook, once for each layer and in order (see recipe.py):

    python3 layers.py ROOT OUT NAME [PACKAGE ...]

apt and dpkg run inside ROOT, by chroot, and never from outside with options that point there: an option that is missing or
misread would then install on the machine that builds the image. OUT/state.json carries from call to call the tree as the last
layer left it; a file belongs to the layer when its inode, change time or size is another than before. Deleted names become
whiteouts.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

# What a build leaves behind and no image should carry. A name ending in "/" means: the folder stays, its content goes.
LEFT_OUT = ("dev/", "proc/", "run/", "sys/", "tmp/", "etc/resolv.conf", "etc/hostname", "usr/sbin/policy-rc.d", "var/cache/apt/",
            "var/cache/debconf/", "var/cache/ldconfig/", "var/lib/apt/lists/", "var/log/")

# Every later time becomes this one, so that an image built again from the same packages has the same bytes (2023-06-10).
SOURCE_DATE_EPOCH = 1686355200

# The container's work: import the stack, compute something small, say one line.
APP = """import time
start = time.monotonic()
import numpy
import torch
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 8))
answer = model(torch.ones(1, 256)).argmax().item()
print(f"ready: torch {torch.__version__}, numpy {numpy.__version__}, answer {answer}, "
      f"{time.monotonic() - start:.2f} s to import and compute", flush=True)
"""

# The same stack as an inference server with SageMaker's container contract: `serve` loads the weights, then answers on port 8080.
SERVE = """#!/usr/bin/python3
import glob, hashlib, http.server, json, os, socket, time
start = time.monotonic()
import torch
imported = time.monotonic()
weights, digest = [], hashlib.sha256()
for path in sorted(glob.glob("/opt/ml/model/**", recursive=True)):
    if os.path.isfile(path):
        data = bytearray(os.path.getsize(path))
        with open(path, "rb", buffering=0) as source:
            view, at = memoryview(data), 0
            while at < len(data):
                at += source.readinto(view[at:at + (8 << 20)])
        digest.update(data)
        weights.append(torch.frombuffer(data, dtype=torch.uint8))
loaded = time.monotonic()
FACTS = {"host": socket.gethostname(), "weights_bytes": sum(w.numel() for w in weights), "weights_sha256": digest.hexdigest(),
         "torch": torch.__version__}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(b"") if self.path == "/ping" else self.send_error(404)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if "stream" in request:
            self.send_response(200)
            self.send_header("Content-Type", "application/jsonlines")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for number in range(int(request["stream"])):
                piece = json.dumps({"token": number}).encode() + b"\\n"
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
            self.wfile.write(b"0\\r\\n\\r\\n")
            return
        time.sleep(float(request.get("seconds", 0)))  # what a model would take to answer
        values = torch.tensor(request.get("inputs", [0.0]))
        self.answer(json.dumps({**FACTS, "mean": values.float().mean().item()}).encode())

    def log_message(self, *_):
        pass


print(f"serving: {imported - start:.2f} s to import torch, {loaded - imported:.2f} s to load {FACTS['weights_bytes']} bytes of weights",
      flush=True)
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


def is_left_out(name: str) -> bool:
    return any(name.startswith(rule) if rule.endswith("/") else name == rule for rule in LEFT_OUT)


def walk(root: str, folder: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Every name below root, sorted, folders before their content, without what is left out and without other mounts."""
    device = os.lstat(root).st_dev
    for entry in sorted(os.scandir(os.path.join(root, folder)), key=lambda e: e.name):
        name = os.path.join(folder, entry.name)
        if is_left_out(name):
            continue
        info = entry.stat(follow_symlinks=False)
        yield name, info
        if stat.S_ISDIR(info.st_mode) and info.st_dev == device:
            yield from walk(root, name)


def fingerprint(info: os.stat_result) -> list[int]:
    """Differs when a name changed. A folder's change time also moves when only its content did, so its mode and owner count."""
    if stat.S_ISDIR(info.st_mode):
        return [info.st_mode, info.st_uid, info.st_gid]
    return [info.st_ino, info.st_ctime_ns, info.st_size]


def write_layer(root: str, before: dict[str, list[int]], path: Path) -> tuple[dict[str, list[int]], int]:
    """Writes the difference between the tree now and `before`; returns the tree now and the bytes of regular files written."""
    after: dict[str, list[int]] = {}
    unpacked_bytes = 0
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as layer:
        for name, info in walk(root):
            after[name] = fingerprint(info)
            if before.get(name) == after[name]:
                continue
            member = layer.gettarinfo(os.path.join(root, name), arcname=name)
            if member is None:  # a socket
                continue
            member.mtime = min(int(member.mtime), SOURCE_DATE_EPOCH)
            member.uname = member.gname = ""
            if member.isreg():
                unpacked_bytes += member.size
                with open(os.path.join(root, name), "rb") as content:
                    layer.addfile(member, content)
            else:
                layer.addfile(member)
        for name in sorted(before.keys() - after.keys()):
            folder, base = os.path.split(name)
            if folder in after or not folder:  # below a deleted folder the folder's own whiteout is enough
                layer.addfile(tarfile.TarInfo(os.path.join(folder, ".wh." + base)))
    return after, unpacked_bytes


def install(root: str, packages: list[str]) -> None:
    """apt-get install inside root. Refuses a root that is this machine's own."""
    if os.path.samefile(root, "/") or not os.path.isdir(os.path.join(root, "var/lib/dpkg")):
        raise SystemExit(f"layers.py: {root} is not the root of an image that is being built")
    subprocess.run(["chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
                    "--no-install-recommends", *packages], check=True, stdin=subprocess.DEVNULL)


def main(root: str, out: Path, name: str, packages: list[str]) -> None:
    state_file = out / "state.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {"tree": {}, "layers": []}
    if packages:
        install(root, packages)
    if name == "app":
        app = Path(root, "app/app.py")
        app.parent.mkdir()
        app.write_text(APP)
        serve = Path(root, "usr/local/bin/serve")
        serve.write_text(SERVE)
        serve.chmod(0o755)
    tree, unpacked_bytes = write_layer(root, state["tree"], out / f"{name}.tar")
    state["layers"].append({"name": name, "unpacked_bytes": unpacked_bytes})
    state_file.write_text(json.dumps({"tree": tree, "layers": state["layers"]}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
