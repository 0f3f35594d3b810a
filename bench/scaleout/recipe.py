"""The demo's image: made on the spot from Debian's packages, kept as an OCI layout, the same bytes for the same packages.

Python with torch: 1.3 GB unpacked, and importing it is real start-up work. mmdebstrap makes the base system and calls layers.py
once for each layer. The result is cached under the hash of the recipe (the text of this file and of layers.py).
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

from scaleout import layers
from scaleout.shell import DemoError, step, tail

SUITE = "bookworm"

# Layers bottom up with the packages that each adds, as a Dockerfile with one RUN line for each would.
LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("base", ()),
    ("python", ("python3",)),
    ("numpy", ("python3-numpy",)),
    ("libtorch", ("libtorch1.13",)),
    ("torch", ("python3-torch",)),
    ("app", ()),
)

REPOSITORY = "demo/torch"
TAG = "1"


@dataclass(frozen=True)
class Image:
    """An image in an OCI layout folder. Compressed is the sum of its layer blobs, unpacked that of its regular files."""

    layout: Path
    manifest_digest: str
    compressed_bytes: int
    unpacked_bytes: int


def recipe_key() -> str:
    text = b"".join(Path(module).read_bytes() for module in (__file__, layers.__file__))
    return hashlib.sha256(text).hexdigest()[:16]


def ensure_image(cache: Path) -> Image:
    """The image from the cache, built when the recipe is new; images of older recipes are deleted."""
    home = cache / f"image-{recipe_key()}"
    if not (home / "image.json").exists():
        for old in cache.glob("image-*"):
            shutil.rmtree(old)
        home.mkdir(parents=True)
        build(home)
    facts = json.loads((home / "image.json").read_text())
    return Image(home / "layout", facts["manifest_digest"], facts["compressed_bytes"], facts["unpacked_bytes"])


def build(home: Path) -> None:
    work = home / "work"
    work.mkdir()
    with step(f"building the image from Debian {SUITE}: {', '.join(name for name, _ in LAYERS)}"):
        run_mmdebstrap(work)
    with step("packing its layers (tar and gzip)"):
        facts = pack(work, home / "layout")
    shutil.rmtree(work)
    (home / "image.json.part").write_text(json.dumps(facts))
    (home / "image.json.part").rename(home / "image.json")


def run_mmdebstrap(work: Path) -> None:
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=null"]
    for name, packages in LAYERS:
        hook = shlex.join([sys.executable, os.path.abspath(layers.__file__), "ROOT", str(work), name, *packages])
        command.append("--customize-hook=" + hook.replace("ROOT", '"$1"', 1))
    log = work / "mmdebstrap.log"
    # The root is built in `work`: /tmp may be too small, or memory.
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(layers.SOURCE_DATE_EPOCH), TMPDIR=str(work))
    with open(log, "wb") as out:
        done = subprocess.run([*command, SUITE, "-"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
    if done.returncode != 0:
        raise DemoError(f"mmdebstrap could not make the image; is a Debian mirror reachable?\n{tail(log, 30)}")


def compress(tar: Path, blobs: Path) -> dict:
    """gzip -6, as image builders do; returns the OCI descriptor and the layer's diff id."""
    diff, digest = hashlib.sha256(), hashlib.sha256()
    temporary = blobs / (tar.name + ".part")
    deflate = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # 16: a gzip header, without a time in it
    with open(tar, "rb") as source, open(temporary, "wb") as target:

        def emit(piece: bytes) -> None:
            digest.update(piece)
            target.write(piece)

        while chunk := source.read(1 << 20):
            diff.update(chunk)
            emit(deflate.compress(chunk))
        emit(deflate.flush())
        size = target.tell()
    temporary.rename(blobs / digest.hexdigest())
    tar.unlink()
    return {"diff_id": f"sha256:{diff.hexdigest()}",
            "descriptor": {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": f"sha256:{digest.hexdigest()}",
                           "size": size}}


def pack(work: Path, layout: Path) -> dict:
    """Turns the layer tars of `work` into an OCI layout; returns what image.json records."""
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add_json(value: dict, media_type: str) -> dict:
        data = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    state = json.loads((work / "state.json").read_text())
    # zlib lets other threads run; the largest first, so that two cores end at about the same time.
    tars = [work / f"{layer['name']}.tar" for layer in state["layers"]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {tar: pool.submit(compress, tar, blobs) for tar in sorted(tars, key=lambda t: -t.stat().st_size)}
        packed = [jobs[tar].result() for tar in tars]
    config = add_json({
        "architecture": oci_architecture(), "os": "linux", "created": "2023-06-10T00:00:00Z",
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "WorkingDir": "/app",
                   "Cmd": ["python3", "/app/app.py"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in packed]},
        "history": [{"created_by": " ".join((name, *packages))} for name, packages in LAYERS],
    }, "application/vnd.oci.image.config.v1+json")
    manifest = add_json({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
        "layers": [layer["descriptor"] for layer in packed],
    }, "application/vnd.oci.image.manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": TAG}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return {"manifest_digest": manifest["digest"], "compressed_bytes": sum(layer["descriptor"]["size"] for layer in packed),
            "unpacked_bytes": sum(layer["unpacked_bytes"] for layer in state["layers"])}


def oci_architecture() -> str:
    """This machine's architecture in OCI's words, which are Go's."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
