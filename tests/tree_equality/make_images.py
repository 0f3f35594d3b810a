"""make_images.py FOLDER [case ...]: writes images that exercise layers' corners, each as FOLDER/<case>/image.tar (an OCI layout for
`ctr images import`), its layers beside it and case.json. Standard library only; the bytes are the same in every run."""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

from images_basic import BASIC
from images_layers import LAYERS

CASES = {**BASIC, **LAYERS}


def zstd_stored(data):
    """A Zstandard frame of raw blocks."""
    frame = bytes.fromhex("28b52ffd") + b"\xe0" + len(data).to_bytes(8, "little")
    pieces = [data[at:at + 131072] for at in range(0, len(data), 131072)] or [b""]
    for number, piece in enumerate(pieces):
        frame += (len(piece) << 3 | (number == len(pieces) - 1)).to_bytes(3, "little") + piece
    return frame


def compress(tar, codec):
    if codec == "gzip":
        return gzip.compress(tar, 1, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip"
    if codec == "gzip-members":
        middle = len(tar) // 2
        return b"".join(gzip.compress(part, 1, mtime=0) for part in (tar[:middle], tar[middle:])), \
            "application/vnd.oci.image.layer.v1.tar+gzip"
    if codec == "zstd":
        return zstd_stored(tar), "application/vnd.oci.image.layer.v1.tar+zstd"
    return tar, "application/vnd.oci.image.layer.v1.tar"


def write_case(folder, case, layers, reference):
    blobs = {}

    def blob(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    names, descriptors, diff_ids = [], [], []
    for number, layer in enumerate(layers):
        codec = "none"
        if isinstance(layer, tuple):
            layer, codec = layer
        tar = layer if isinstance(layer, bytes) else layer.tar()
        data, media_type = compress(tar, codec)
        descriptors.append(blob(data, media_type))
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        names.append(f"layer-{number:03}")
        with open(os.path.join(folder, names[-1]), "wb") as file:
            file.write(data)
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"), "layers": descriptors}
    index = blob(json.dumps(manifest).encode(), manifest["mediaType"])
    index["annotations"] = {"io.containerd.image.name": f"localhost/{case}:latest"}
    index["platform"] = {"architecture": "amd64", "os": "linux"}
    with tarfile.open(os.path.join(folder, "image.tar"), "w") as archive:

        def put(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        put("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        put("index.json", json.dumps({"schemaVersion": 2, "manifests": [index]}).encode())
        for digest, data in blobs.items():
            put("blobs/sha256/" + digest, data)
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump({"layers": names, "diff_ids": diff_ids, "reference": reference}, file)


def main():
    for case in sys.argv[2:] or CASES:
        made = CASES[case]()
        folder = os.path.join(sys.argv[1], case)
        os.makedirs(folder)
        if isinstance(made, dict):
            write_case(folder, case, made["layers"], made["reference"])
        else:
            write_case(folder, case, made, "containerd")


if __name__ == "__main__":
    main()
