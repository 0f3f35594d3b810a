"""OCI layouts that benches make by hand: uncompressed layers of random files, alone or on top of another image."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

from scaleout.recipe import oci_architecture

MIB = 1 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class HashingFile:
    """A file to write to that hashes what it is given."""

    def __init__(self, path: Path) -> None:
        self.out = open(path, "wb", buffering=0)
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self.out.write(data)


class Noise:
    """A file's content: random bytes, no MiB of them like another."""

    block = os.urandom(MIB - 16)

    def __init__(self) -> None:
        self.rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self.rest:
            self.rest = memoryview(os.urandom(16) + self.block)
        piece, self.rest = self.rest[:size], self.rest[size:]
        return bytes(piece) + (self.read(size - len(piece)) if len(piece) < size else b"")


class Layout:
    """A layout folder that grows layer by layer; finish() writes its manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs/sha256"
        self.blobs.mkdir(parents=True)
        self.config: dict = {"architecture": oci_architecture(), "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
        self.layers: list[dict] = []

    def begin_with(self, layout: Path, manifest_digest: str) -> None:
        """Takes the layers and the configuration of an image of another layout on the same file system."""
        for blob in (layout / "blobs/sha256").iterdir():
            os.link(blob, self.blobs / blob.name)
        manifest = self.load(manifest_digest)
        self.config = self.load(manifest["config"]["digest"])
        self.config.pop("history", None)
        self.layers = manifest["layers"]

    def add_layer(self, files: dict[str, int]) -> None:
        """An uncompressed layer of files of so many random bytes."""
        part = self.blobs / "part"
        out = HashingFile(part)
        with out.out, tarfile.open(fileobj=out, mode="w|", bufsize=MIB) as tar:
            for name, size in files.items():
                member = tarfile.TarInfo(name)
                member.size = size
                tar.addfile(member, Noise())
        digest = out.hash.hexdigest()
        part.rename(self.blobs / digest)
        self.layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{digest}", "size": out.size})
        self.config["rootfs"]["diff_ids"].append(f"sha256:{digest}")

    def finish(self) -> None:
        config = self.store(self.config, "application/vnd.oci.image.config.v1+json")
        manifest = self.store({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": self.layers}, MANIFEST)
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def load(self, digest: str) -> dict:
        return json.loads((self.blobs / digest.removeprefix("sha256:")).read_text())

    def store(self, value: dict, media_type: str) -> dict:
        data = json.dumps(value).encode()
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
