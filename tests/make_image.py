#!/usr/bin/env python3
"""make_image.py OUT NAME CONFIG_JSON [PATH=FILE] [PATH=text:TEXT] [PATH=link:TARGET] ... [+ PATH=..]...

Writes OUT.tar, an OCI archive for `ctr image import` of one image whose layers hold the given files, a "+" between two layers;
OUT.config, its configuration's bytes; OUT.chain, the chain id of its layers; and OUT.layers, the digests of its layers, one a line.
CONFIG_JSON is the "config" member. The archive is the same for the same arguments.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def add(archive, name, data, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def layer_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        folders = set()
        for spec in files:
            path, _, source = spec.partition("=")
            parent = os.path.dirname(path)
            if parent and parent not in folders:
                folder = tarfile.TarInfo(parent)
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(folder)
                folders.add(parent)
            if source.startswith("text:"):
                add(archive, path, source[5:].encode())
            elif source.startswith("link:"):
                link = tarfile.TarInfo(path)
                link.type, link.linkname = tarfile.SYMTYPE, source[5:]
                archive.addfile(link)
            else:
                with open(source, "rb") as file:
                    add(archive, path, file.read(), 0o755)
    return out.getvalue()


def split(specs):
    layers = [[]]
    for spec in specs:
        if spec == "+":
            layers.append([])
        else:
            layers[-1].append(spec)
    return layers


def main():
    out, name, config = sys.argv[1:4]
    layers = [layer_of(files) for files in split(sys.argv[4:])]
    packed = [gzip.compress(layer, mtime=0) for layer in layers]
    rootfs = {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}
    chain = rootfs["diff_ids"][0]
    for diff_id in rootfs["diff_ids"][1:]:
        chain = digest(f"{chain} {diff_id}".encode())
    image = json.dumps({"architecture": "amd64", "os": "linux", "config": json.loads(config), "rootfs": rootfs}).encode()
    oci = "application/vnd.oci.image."
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": oci + "manifest.v1+json",
        "config": {"mediaType": oci + "config.v1+json", "digest": digest(image), "size": len(image)},
        "layers": [{"mediaType": oci + "layer.v1.tar+gzip", "digest": digest(one), "size": len(one)} for one in packed],
    }).encode()
    index = json.dumps({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": oci + "manifest.v1+json", "digest": digest(manifest), "size": len(manifest),
            "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name},
        }],
    }).encode()
    with tarfile.open(out + ".tar", "w") as archive:
        add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        add(archive, "index.json", index)
        for blob in dict.fromkeys((*packed, image, manifest)):
            add(archive, "blobs/sha256/" + digest(blob)[7:], blob)
    with open(out + ".config", "wb") as file:
        file.write(image)
    with open(out + ".chain", "w") as file:
        file.write(chain)
    with open(out + ".layers", "w") as file:
        file.writelines(digest(one) + "\n" for one in packed)


main()
