#!/usr/bin/env python3
"""What is bad gets one clear error: damaged layers and layouts, registries that misbehave, full disks, damaged cache folders.

Every case runs the real program and asserts: exit code 1, one error line that says what failed, where and what to do (`says` lists words
of it), the target as it was before (no image, blob or leftover more), and nothing written outside the target. Runs as root in mount and
network namespaces of its own; skips with 77.
"""
import concurrent.futures
import gzip
import hashlib
import hmac
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile

from fault_registry import FaultRegistry

ZEROPULL = os.path.join(os.environ.get("ZP_BIN", "build/bin"), "zeropull")
OCI = "application/vnd.oci.image."
ESCAPE = "/zp-bad-input-escape"  # where an absolute name would appear
FAILURES = []


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# Layers and layouts.

def entry(name, data=b"", kind=tarfile.REGTYPE, link="", pax=None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.pax_headers = kind, link, len(data), pax or {}
    return info, data


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zstd(data, window_log=17, last=1):
    """A zstd frame of raw blocks, whose header asks for a window of this size. `last` is the type of its last block."""
    frame = bytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, (window_log - 10) << 3])
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        frame += (len(piece) << 3).to_bytes(3, "little") + piece
    return frame + (last).to_bytes(3, "little")


def flipped(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


NOISE = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(16384))  # 512 KiB that do not compress
GOOD = tar(entry("etc", kind=tarfile.DIRTYPE), entry("etc/name", b"good\n"), entry("data", NOISE))


def image(layers, diff_ids=None, platform=("linux", "amd64")):
    """The objects of an image: {digest: bytes}, and its manifest."""
    diff_ids = diff_ids or [digest(unpacked(layer)) for layer in layers]
    config = json.dumps({"os": platform[0], "architecture": platform[1],
                         "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": {"mediaType": OCI + "config.v1+json", "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": OCI + "layer.v1.tar", "digest": digest(layer), "size": len(layer)} for layer in layers],
    }).encode()
    return {digest(data): data for data in (*layers, config, manifest)}, manifest


def unpacked(layer):
    try:
        return gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer
    except (OSError, EOFError):
        return b""


def write_layout(folder, objects, manifest, media_type=OCI + "manifest.v1+json"):
    os.makedirs(folder + "/blobs/sha256")
    for name, data in objects.items():
        put(folder + "/blobs/sha256/" + name[7:], data)
    put(folder + "/oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    put(folder + "/index.json", json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": media_type, "digest": digest(manifest), "size": len(manifest)}]}).encode())
    return "oci:" + folder


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def get(path):
    with open(path, "rb") as file:
        return file.read()


def flip_file(path, at):
    put(path, flipped(get(path), at))


# Running and asserting.

def listing(folder, without=()):
    """{path: what lies there}, to be compared with another moment's."""
    found = {}
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if os.path.join(at, name) not in without]
        for name in folders + files:
            path = os.path.join(at, name)
            if path in without:
                continue
            status = os.lstat(path)
            plain = name in files and not os.path.islink(path)
            found[os.path.relpath(path, folder)] = (status.st_mode, digest(get(path)) if plain else "")
    found.pop("lock", None)
    return found


def run(*args):
    return subprocess.run([ZEROPULL, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110)


def expect(case, ok, what):
    if not ok:
        FAILURES.append(case)
        print(f"FAILED {case}: {what}", flush=True)


def expect_error(case, done, says, code=1):
    lines = [line for line in done.stderr.splitlines() if line.startswith("zeropull: error: ")]
    expect(case, done.returncode == code, f"exit code {done.returncode}: {done.stdout} {done.stderr}")
    expect(case, len(lines) == 1, f"{len(lines)} error lines: {done.stdout} {done.stderr}")
    if os.environ.get("VERBOSE"):
        print(f"{case}: {lines}", flush=True)
    for line in lines:
        expect(case, len(line) < 1000, "an error line of more than 1000 bytes")
        for word in says:
            expect(case, word.lower() in line.lower(), f"the error lacks {word!r}: {line}")
        parts = line.split(": ")
        expect(case, len(parts) == len(set(parts)), f"the error repeats itself: {line}")
        digests = [line[at:at + 64] for at in range(len(line)) if line[:at].endswith("sha256:")]
        expect(case, all(digests.count(one) <= 2 for one in digests), f"the error repeats itself: {line}")


class Place:
    """A case's own folder: `target` is a cache folder with one good image, `store` a store with it; their keys lie beside them."""

    def __init__(self, base, work, case):
        self.case, self.folder = case, f"{work}/cases/{case}"
        self.target = self.folder + "/out/cache"
        self.store = self.folder + "/out/store"
        self.outside = (self.target, self.store)
        os.makedirs(self.folder + "/out")
        for name in ("cache", "store"):
            shutil.copytree(f"{base}/{name}", f"{self.folder}/out/{name}")
            shutil.copy2(f"{base}/{name}.key", f"{self.folder}/out/{name}.key")

    def blobs(self):
        """The paths of the target's blobs; the last is the largest, a layer's data."""
        return sorted((f"{self.target}/blobs/{name}" for name in os.listdir(self.target + "/blobs")), key=os.path.getsize)

    def convert(self, source, says, *args, target=None):
        """A conversion that must fail and leave everything as it was."""
        target = target or self.target
        folder = target.removeprefix("store:")
        before = listing(self.folder, self.outside), listing(folder)
        done = run("image", "convert", "--from", source, "--to", target, *args)
        expect_error(self.case, done, says)
        after = listing(self.folder, self.outside), listing(folder)
        expect(self.case, before[0] == after[0], f"outside the target: {sorted(before[0].items() ^ after[0].items())}")
        made_by_opening = {"blobs", "images", "models", "tmp"}
        more = [name for name in after[1] if name not in before[1] and name not in made_by_opening]
        if target != folder:  # whole packs that no index names are a collection's business
            more = [name for name in more if not name.startswith("packs") and name != "_unfinished"]
        expect(self.case, not more, f"left in the target: {more}")
        expect(self.case, all(after[1].get(name) == before[1][name] for name in before[1]), "the target's good image changed")
        expect(self.case, not os.path.lexists(ESCAPE), f"{ESCAPE} was made")
        if "blobs" not in after[1]:
            return  # not even made
        shown = json.loads(run("image", "inspect", "--json", target).stdout)
        expect(self.case, len(shown["images"]) == (1 if target == self.target else 0) and not shown["broken"], f"inspect shows {shown}")


# Cases: content.

def content_cases():
    packed = gzip.compress(GOOD, mtime=0)
    loop = [entry("a", kind=tarfile.SYMTYPE, link="b"), entry("b", kind=tarfile.SYMTYPE, link="a"), entry("a/file", b"x")]
    layers = {
        "gzip-truncated": (packed[:len(packed) // 2], ["layer sha256:", "gzip", "truncated"]),
        "gzip-corrupt": (flipped(packed, len(packed) // 2), ["layer sha256:", "gzip", "corrupt"]),
        "gzip-wrong-crc": (flipped(packed, -6), ["layer sha256:", "gzip", "corrupt"]),
        "zstd-truncated": (zstd(GOOD)[:-1000], ["layer sha256:", "zstd", "truncated"]),
        "zstd-corrupt": (zstd(GOOD, last=7), ["layer sha256:", "zstd", "corrupt"]),
        "zstd-window": (zstd(GOOD, window_log=30), ["layer sha256:", "zstd", "window", "512 MiB"]),
        "no-archive": (NOISE, ["layer sha256:", "tar"]),
        "tar-truncated": (GOOD[:len(GOOD) // 2], ["layer sha256:", "tar entry \"data\"", "ends"]),
        "tar-checksum": (flipped(GOOD, 20), ["layer sha256:", "tar", "checksum"]),
        "dot-dot": (tar(entry("etc/../../" + ESCAPE[1:], b"x")), ["tar entry", "..", "name"]),
        "absolute": (tar(entry(ESCAPE, b"x")), ["tar entry", "absolute"]),
        "nul-in-name": (tar(entry("x", b"x", pax={"path": "etc/pass\0wd"})), ["tar", "NUL"]),
        "nul-in-link": (tar(entry("x", kind=tarfile.SYMTYPE, link="y", pax={"linkpath": "y\0z"})), ["tar", "NUL"]),
        "hard-link-to-nothing": (tar(entry("x", kind=tarfile.LNKTYPE, link="absent")), ["tar entry \"x\"", "hard link", "absent"]),
        "hard-link-outside": (tar(entry("x", kind=tarfile.LNKTYPE, link="../../../etc/passwd")), ["tar entry \"x\"", "hard link"]),
        "symlink-loop": (tar(*loop), ["tar entry \"a/file\"", "symbolic links"]),
        "file-as-folder": (tar(entry("a", b"x"), entry("a/b", b"x")), ["tar entry \"a/b\"", "director"]),
    }
    for case, (layer, says) in layers.items():
        yield case, lambda place, layer=layer, says=says: place.convert(
            write_layout(place.folder + "/layout", *image([layer])), ["oci:", *says])


def layout_cases():
    def altered(change, says, *args, diff_ids=None, layers=None):
        def case(place):
            folder = place.folder + "/layout"
            objects, manifest = image(layers or [GOOD + bytes(10240)], diff_ids)
            source = write_layout(folder, objects, manifest)
            change(folder, lambda data: f"{folder}/blobs/sha256/{digest(data)[7:]}", objects, manifest)
            place.convert(source, says, *args)
        return case

    layer = GOOD + bytes(10240)

    def other_manifest(data, media_type=OCI + "manifest.v1+json"):
        return lambda folder, *_: (shutil.rmtree(folder), write_layout(folder, {digest(data): data}, data, media_type))

    index = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
        {"mediaType": OCI + "manifest.v1+json", "digest": digest(b""), "size": 0, "platform": {"os": "linux", "architecture": "s390x"}}]})
    nothing = lambda *_: None
    yield "digest-mismatch", altered(lambda _, path, *__: flip_file(path(layer), 5000), ["layer sha256:", "other bytes", "again"])
    yield "blob-too-short", altered(lambda _, path, *__: put(path(layer), layer[:-512]), ["layer sha256:", "bytes", "manifest"])
    yield "blob-missing", altered(lambda _, path, *__: os.unlink(path(layer)), ["layer sha256:", "No such file"])
    yield "diff-id-mismatch", altered(nothing, ["layer sha256:", "diff id", "configuration"], diff_ids=[digest(b"other")])
    yield "diff-ids-missing", altered(nothing, ["layer", "diff"], diff_ids=[digest(layer), digest(b"more")])
    yield "manifest-flipped", altered(lambda _, path, __, manifest: flip_file(path(manifest), 30), ["manifest sha256:", "other bytes"])
    yield "manifest-too-big", altered(other_manifest(b" " * (5 << 20)), ["manifests", "4194304"])
    yield "manifest-no-json", altered(other_manifest(b"not json at all"), ["manifest", "JSON"])
    yield "no-platform", altered(other_manifest(index.encode(), OCI + "index.v1+json"), ["linux/amd64", "s390x"],
                                 "--platform", "linux/amd64")
    yield "no-layout", altered(lambda folder, *_: os.unlink(folder + "/oci-layout"), ["OCI image layout"])
    yield "no-such-layout", altered(lambda folder, *_: shutil.rmtree(folder), ["layout", "No such file"])
    yield "expands-too-far", altered(nothing, ["layer sha256:", "more than 1.0 MiB", "limit", "raise it"],
                                     "--layer-expanded-max", "1048576", layers=[gzip.compress(tar(entry("zeros", bytes(8 << 20))))])
    yield "one-of-many-layers", altered(lambda _, path, *__: flip_file(path(layer), 5000), ["layer sha256:" + digest(layer)[7:]],
                                        layers=[tar(entry(f"f{i}", NOISE[i:])) for i in range(6)] + [layer])


def disk_cases():
    def full(layer, says):
        def case(place):
            disk = place.folder + "/disk"
            os.mkdir(disk)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
            source = write_layout(place.folder + "/layout", *image([layer]))
            place.outside += (disk,)
            place.convert(source, says, target=disk + "/cache")
        return case
    pattern = tar(entry("pattern", b"0123456789abcdef" * (1 << 19)))
    yield "disk-too-small", full(tar(entry("noise", NOISE * 8)), ["needed", "free", "make room"])
    yield "disk-full", full(gzip.compress(pattern), ["/disk/cache: layer sha256:", "No space left on device"])


# Cases: stores. The image is made beside the store and published from there; a failure leaves neither an index nor the image.

def store_cases(registry):
    def into(source, says, *args):
        return lambda place: place.convert(source(place), says, *args, target="store:" + place.store)

    def layout(layer, diff_ids=None):
        return lambda place: write_layout(place.folder + "/layout", *image([layer], diff_ids))

    def full(place):
        disk = place.folder + "/disk"
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
        place.outside += (disk,)
        place.convert(layout(tar(entry("noise", NOISE * 6)))(place), ["publish image", "/disk/store", "No space left on device"],
                      target=f"store:{disk}/store")

    yield "store-gzip-truncated", into(layout(gzip.compress(GOOD)[:5000]), ["layer sha256:", "gzip", "truncated"])
    yield "store-dot-dot", into(layout(tar(entry("../" + ESCAPE[1:], b"x"))), ["tar entry", ".."])
    yield "store-diff-id", into(layout(GOOD + bytes(512), [digest(b"other")]), ["layer sha256:", "diff id"])
    yield "store-other-blob", into(lambda _: f"docker://{registry.host}/other-blob", ["layer sha256:", "other bytes"], "--plain-http")
    yield "store-html", into(lambda _: f"docker://{registry.host}/html-manifest", ["is this a registry?"], "--plain-http")
    yield "store-disk-full", full
    yield "store-key-mode", lambda place: (os.chmod(place.store + ".key", 0o644), place.convert(
        layout(GOOD)(place), ["key file", "0644", "chmod 0600"], target="store:" + place.store))
    yield "store-no-folder", lambda place: place.convert(
        layout(GOOD)(place), ["layout", "Not a directory"], target=f"store:{place.folder}/layout/oci-layout/x")
    yield "store-interrupted", lambda place: interrupted(place, registry, "store:" + place.store)


def interrupted_publication(work):
    """Ctrl-C while packs are put: the store names no image, nothing is left beside it, and the next conversion completes it."""
    case, folder = "interrupted-publication", work + "/interrupted"
    for size in (64, 256, 1024):  # MiB; a quick machine is done with the small one before the signal comes
        os.mkdir(folder)
        noise = os.urandom(size << 20)
        source = write_layout(folder + "/layout", *image([tar(entry("noise", noise))]))
        command = ["image", "convert", "--from", source, "--to", f"store:{folder}/store", "--json"]
        with subprocess.Popen([ZEROPULL, *command], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            for line in process.stdout:
                if json.loads(line).get("task") == "publish":
                    os.killpg(process.pid, signal.SIGINT)
                    break
            rest = [json.loads(line) for line in process.stdout]
        if process.returncode != 0 or size == 1024:
            break
        shutil.rmtree(folder)
    expect(case, process.returncode == 1, f"exit code {process.returncode}")
    errors = [event for event in rest if event["event"] == "error"]
    expect(case, len(errors) == 1 and errors[0]["code"] == "cancelled" and "stopped" in errors[0]["message"], rest)
    left = listing(folder + "/store")
    expect(case, not any(name.startswith("images/") or name.startswith("_unfinished/") for name in left), sorted(left))
    expect(case, sorted(os.listdir(folder)) == ["layout", "store", "store.key"], os.listdir(folder))
    again = run(*command)
    expect(case, again.returncode == 0, again.stderr)
    verified = run("image", "verify", f"store:{folder}/store")
    expect(case, verified.returncode == 0, verified.stderr)


# Cases: registries.

def registry_cases(registry):
    other = "docker://127.0.0.1:1/refused/image"
    plain = "--plain-http"
    quick = ("--progress-timeout", "1")
    for fault, says, *args in (
            ("stalled-blob", ["layer sha256:", "no byte for 1 s", "3 attempts", "same 2048"], plain, *quick),
            ("stalled-manifest", ["manifest latest", "no byte for 1 s", "6 attempts"], plain, *quick),
            ("cut-blob", ["layer sha256:", "3 attempts", "same 2048"], plain),
            ("promised-blob", ["layer sha256:", "bytes", "manifest"], plain),
            ("promised-manifest", ["manifest latest", "no byte for 1 s", "whole manifest", "Content-Length"], plain, *quick),
            ("longer-blob", ["layer sha256:", "bytes", "manifest"], plain),
            ("other-blob", ["layer sha256:", "other bytes"], plain),
            ("html-manifest", ["manifest latest", "text/html", "is this a registry?"], plain),
            ("html-blob", ["text/html", "is this a registry?"], plain),
            ("error-500", ["manifest latest", "500", "the database is away", "6 attempts"], plain),
            ("busy", ["manifest latest", "429", "6 attempts"], plain),
            ("login-needed", ["manifest latest", "401", "log in", "file"], plain),
            ("redirect-loop", ["more than 5 redirects"], plain),
            ("redirect-to-file", ["redirect"], plain),
            ("big-manifest", ["manifest latest", "longer than 4194304 bytes"], plain),
            ("no-json", ["manifest", "JSON"], plain),
            ("no-platform", ["linux/amd64", "s390x"], plain, "--platform", "linux/amd64"),
            ("plain-text", ["127.0.0.1", "without TLS", "plain HTTP"])):
        yield "registry-" + fault, lambda place, fault=fault, says=says, args=args: place.convert(
            f"docker://{registry.host}/{fault}", ["docker://", *says], *args)
    yield "unknown-tag", lambda place: place.convert(f"docker://{registry.host}/none:absent", ["absent", "404"], plain)
    yield "other-manifest", lambda place: place.convert(
        f"docker://{registry.host}/other-manifest@{digest(b'another')}", ["manifest sha256:", "another manifest"], plain)
    yield "refused", lambda place: place.convert(other, ["127.0.0.1", "connect", "6 attempts"], plain)
    yield "unknown-host", lambda place: place.convert("docker://registry.invalid/a", ["registry.invalid", "resolve"], plain)
    yield "busy-at-first", lambda place: expect(place.case, run(
        "image", "convert", "--from", f"docker://{registry.host}/busy-at-first", "--to", place.target, plain).returncode == 0, "failed")
    yield "interrupted", lambda place: interrupted(place, registry)


def interrupted(place, registry, target=None):
    """Ctrl-C in the middle of a layer: the signal goes to the whole process group."""
    before = listing(place.folder)
    command = [ZEROPULL, "image", "convert", "--from", f"docker://{registry.host}/stalled-blob", "--to", target or place.target,
               "--plain-http", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        first = json.loads(process.stdout.readline())
        os.killpg(process.pid, signal.SIGINT)
        rest = [json.loads(line) for line in process.stdout.read().splitlines()]
    expect(place.case, first["event"] == "progress", first)
    expect(place.case, process.returncode == 1, f"exit code {process.returncode}")
    errors = [event for event in rest if event["event"] == "error"]
    expect(place.case, len(errors) == 1 and errors[0]["code"] == "cancelled" and "stopped" in errors[0]["message"], rest)
    expect(place.case, listing(place.folder) == before, "something changed")


# Cases: cache folders.

def reseal(place, image_folder, data):
    seal_key = hmac.new(get(place.target + ".key"), b"zeropull-seal-v1", "sha256").digest()
    put(image_folder + "/index", data)
    put(image_folder + "/seal", hmac.new(seal_key, data, "sha256").digest())


def folder_cases():
    def damaged(change, **says):
        """`says`: command to the words of its error."""
        def case(place):
            image_folder = place.target + "/images/" + os.listdir(place.target + "/images")[0]
            blobs = place.blobs()
            args = change(place, image_folder, blobs) or []
            os.makedirs(place.folder + "/tree", exist_ok=True)
            before = listing(place.folder)
            for command, words in says.items():
                tree = [place.folder + "/tree"] if command == "mount" else []
                expect_error(f"{place.case} {command}", run("image", command, place.target, *tree, *args), words)
            expect(place.case, listing(place.folder) == before, "something changed")
            expect(place.case, not os.path.ismount(place.folder + "/tree"), "mounted")
        return case

    seal = ["images/", "seal does not match", "--key-file"]
    inspect = ["1 of 1 artifacts", "convert"]
    yield "index-flipped", damaged(lambda _, folder, __: flip_file(folder + "/index", 40), verify=seal, mount=seal, inspect=inspect)
    yield "index-cut", damaged(lambda _, folder, __: put(folder + "/index", get(folder + "/index")[:-1]), verify=seal, mount=seal)
    yield "index-missing", damaged(lambda _, folder, __: os.unlink(folder + "/index"), verify=["images/", "index", "No such file"])
    yield "seal-flipped", damaged(lambda _, folder, __: flip_file(folder + "/seal", 3), verify=seal, mount=seal)
    yield "seal-cut", damaged(lambda _, folder, __: put(folder + "/seal", b""), verify=["images/", "seal has 0 bytes"])
    yield "blob-flipped", damaged(lambda _, __, blobs: flip_file(blobs[-1], 70000), verify=["blob", "not those that were sealed", "again"])
    yield "metadata-flipped", damaged(lambda _, __, blobs: [flip_file(blob, 1030) for blob in blobs[:-1]] and None,
                                      verify=["blob", "not those that were sealed", "again"],
                                      mount=["metadata", "not those that were sealed", "again"])
    yield "blob-cut", damaged(lambda _, __, blobs: os.truncate(blobs[-1], 4096), verify=["blob", "4096 bytes instead of"],
                              mount=["blob", "4096 bytes instead of", "again"])
    yield "blob-gone", damaged(lambda _, __, blobs: os.unlink(blobs[-1]), verify=["blob", "No such file"], mount=["blob", "No such file"])
    version = lambda place, folder, _: reseal(
        place, folder, get(folder + "/index")[:8] + b"\x63\0\0\0" + get(folder + "/index")[12:])
    yield "unknown-version", damaged(version, verify=["version 99", "upgrade"], mount=["version 99", "upgrade"])
    yield "wrong-key", damaged(lambda place, *_: flip_file(place.target + ".key", 3), verify=seal, mount=seal)
    key_mode = ["key file", "mode 0644", "chmod 0600"]
    yield "key-mode", damaged(lambda place, *_: os.chmod(place.target + ".key", 0o644), verify=key_mode, mount=key_mode, inspect=key_mode)
    key_size = ["key file", "31 bytes", "32"]
    yield "key-size", damaged(lambda place, *_: os.truncate(place.target + ".key", 31), verify=key_size, mount=key_size, inspect=key_size)
    no_key = ["key", "No such file", "--key-file"]
    yield "no-key", damaged(lambda place, *_: os.unlink(place.target + ".key"), verify=no_key, mount=no_key)
    no_cache = ["is no cache folder", "images/"]
    yield "no-cache-folder", damaged(lambda place, *_: shutil.rmtree(place.target + "/blobs"),
                                     verify=no_cache, mount=no_cache, inspect=no_cache)
    gone = ["there is no folder"]
    yield "no-folder", damaged(lambda place, *_: shutil.rmtree(place.target), verify=gone, mount=gone, inspect=gone)
    yield "empty-folder", damaged(lambda place, folder, _: shutil.rmtree(folder), mount=["holds no image"])
    yield "unknown-image", damaged(lambda *_: ["--image", "registry.example.com/a:1"], mount=["holds no image registry.example.com/a:1"])
    yield "no-mount-point", lambda place: expect_error(
        place.case, run("image", "mount", place.target, place.folder + "/absent"), ["absent", "No such file"])
    yield "not-mounted", lambda place: expect_error(place.case, run("image", "unmount", place.folder), ["nothing is mounted on"])
    yield "among-other-things", lambda place: place.convert(
        write_layout(place.folder + "/layout", *image([GOOD])), ["no cache folder", "empty or new"], target=other_things(place))
    yield "mended", mended


def other_things(place):
    os.makedirs(place.folder + "/home/tmp")
    put(place.folder + "/home/tmp/precious", b"somebody's")
    return place.folder + "/home"


def mended(place):
    """What the error of a damaged blob advises brings the image back."""
    flip_file(place.blobs()[-1], 70000)
    shutil.rmtree(place.target + "/images/" + os.listdir(place.target + "/images")[0])
    again = run("image", "convert", "--from", write_layout(place.folder + "/layout", *image([GOOD])), "--to", place.target)
    expect(place.case, again.returncode == 0, again.stderr)
    verified = run("image", "verify", place.target)
    expect(place.case, verified.returncode == 0, verified.stderr)


def contained(place):
    """A name that goes through a symlink out of the tree: as containerd does, it stays below the tree's root."""
    layer = tar(entry("way", kind=tarfile.SYMTYPE, link=place.folder), entry("way/evil", b"x"))
    target, tree = place.folder + "/out/new", place.folder + "/tree"
    os.mkdir(tree)
    done = run("image", "convert", "--from", write_layout(place.folder + "/layout", *image([layer])), "--to", target)
    expect(place.case, done.returncode == 0, done.stderr)
    expect(place.case, not os.path.exists(place.folder + "/evil"), "it got out")
    mounted = run("image", "mount", target, tree)
    expect(place.case, mounted.returncode == 0, mounted.stderr)
    expect(place.case, os.path.exists(tree + place.folder + "/evil"), "it is not in the tree")
    expect(place.case, run("image", "unmount", tree).returncode == 0, "unmount")


def usage():
    for args, words in (([], ["image", "agent"]), (["image"], ["convert", "verify"]), (["image", "convert"], ["--from", "required"]),
                        (["image", "convert", "--frm", "x"], ["--from"]), (["nonsense"], ["nonsense"]),
                        (["image", "verify", "--jobs", "0", "x"], ["--jobs"]), (["run"], ["--image", "required"])):
        done = run(*args)
        expect(f"usage {args}", done.returncode == (125 if args == ["run"] else 2), f"exit code {done.returncode}")
        expect(f"usage {args}", all(word in done.stderr for word in words), f"{words} missing: {done.stdout} {done.stderr}")


def run_itself():
    """A failure of `zeropull run` is told from one of its container."""
    with tempfile.TemporaryDirectory(prefix="zp-run-") as folder:
        expect_error("run without an agent", run("run", "--image", "a.example/b:1", "--agent", folder + "/agent.sock",
                                                 "--containerd", folder + "/containerd.sock"), [folder + "/"], code=125)


def sources():
    """What cannot be meant is refused before a key or folder is made."""
    with tempfile.TemporaryDirectory(prefix="zp-sources-") as folder:
        for args, says in ((["--from", "ftp://x/y"], ["--from", "docker://", "oci:"]),
                           (["--from", "docker://Bad/Name"], ["--from"]),
                           (["--from", "docker://a.example/b", "--platform", "windows"], ["--platform"]),
                           (["--from", "docker://a.example/b", "--name", "a b"], ["--name"]),
                           (["--from", "docker://a.example/b", "--authfile", folder + "/absent"], ["absent", "No such file"])):
            expect_error(f"source {args}", run("image", "convert", *args, "--to", folder + "/cache"), says)
        expect("sources", not os.listdir(folder), f"made {os.listdir(folder)}")


def main():
    if not os.environ.get("ZP_PRIVATE"):
        if os.geteuid() != 0:
            print("SKIPPED: needs root")
            sys.exit(77)
        script = ["bash", "-c", 'ip link set lo up && exec "$@"', "-", sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
        os.execvpe("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--", *script],
                   {**os.environ, "ZP_PRIVATE": "1"})
    with tempfile.TemporaryDirectory(prefix="zp-bad-", dir="/var/tmp") as work:
        base = work + "/base"
        os.makedirs(base)
        good = run("image", "convert", "--from", write_layout(base + "/layout", *image([GOOD])), "--to", base + "/cache")
        assert good.returncode == 0, good.stderr
        stored = run("image", "convert", "--from", "oci:" + base + "/layout", "--to", f"store:{base}/store")
        assert stored.returncode == 0, stored.stderr
        objects, manifest = image([GOOD + bytes(20480)])
        registry = FaultRegistry({"blobs/" + name: ("application/octet-stream", data) for name, data in objects.items()}
                                 | {"manifests/latest": (OCI + "manifest.v1+json", manifest)})
        index = json.dumps({"schemaVersion": 2, "manifests": [
            {"digest": digest(b""), "size": 0, "platform": {"os": "linux", "architecture": "s390x"}}]})
        registry.overrides = {"big-manifest": {"manifests/latest": (OCI + "manifest.v1+json", b" " * (5 << 20))},
                              "no-json": {"manifests/latest": (OCI + "manifest.v1+json", b"not json")},
                              "no-platform": {"manifests/latest": (OCI + "index.v1+json", index.encode())}}
        cases = [*registry_cases(registry), *content_cases(), *layout_cases(), *disk_cases(), *folder_cases(),
                 *store_cases(registry),
                 ("contained", contained)]
        wanted = sys.argv[1:]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            jobs = {pool.submit(case, Place(base, work, name)): name for name, case in cases if not wanted or name in wanted}
            for job in concurrent.futures.as_completed(jobs):
                if job.exception():
                    expect(jobs[job], False, repr(job.exception()))
        usage()
        run_itself()
        sources()
        interrupted_publication(work)
        registry.close()
        for name in ("disk-too-small", "disk-full", "store-disk-full"):
            subprocess.run(["umount", f"{work}/cases/{name}/disk"], stderr=subprocess.DEVNULL, check=False)
    print(f"{len(jobs)} cases, {len(set(FAILURES))} failed")
    sys.exit(1 if FAILURES else 0)


main()
