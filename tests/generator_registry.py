#!/usr/bin/env python3
"""An OCI registry that stores nothing: its one image's layers are made while they are sent, the same for the same arguments.

    generator_registry.py serve big|many  [SIZES] [--numbers FILE]     serves it on a port of the loopback until standard input ends
    generator_registry.py check big|many  [SIZES] [--numbers FILE] DIR compares an unpacked or mounted tree with it
    generator_registry.py plan  big|many  [SIZES]                      says the bytes that the converted image takes on disk

`big` has few large files (12 GB in 40 layers, one of 5 GB), `many` has a million inodes: folders, small and empty files, symlinks, hard
links, and layers that change lower ones. SIZES (--bytes, --large-bytes, --inodes, --layers) make smaller ones. What has to be known before
the first byte is sent, digests and sizes, is computed at the start and kept in FILE. `serve` prints the image's reference
once it listens.
"""
import argparse
import hashlib
import http.server
import json
import multiprocessing
import os
import re
import socketserver
import stat
import struct
import sys
import threading
import zlib

MIB = 1 << 20
OCI = "application/vnd.oci.image."
RANDOM = memoryview(hashlib.shake_128(b"zeropull").digest(2 * MIB))
TIME = 1_600_000_000  # of the first entry


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def content(seed, size):
    """The bytes of a file in pieces of a MiB at most: no two are equal, within a file or between files of other seeds."""
    for number in range(0, size, MIB):
        head = hashlib.sha256(b"%s %d" % (seed.encode(), number)).digest()
        start = int.from_bytes(head[:4], "little") % MIB
        length = min(MIB, size - number)
        yield head[:length]
        if length > len(head):
            yield RANDOM[start : start + length - len(head)]


def header(path, kind, size=0, link="", mtime=TIME):
    mode = {b"0": b"0000644", b"5": b"0000755", b"2": b"0000777", b"1": b"0000644"}[kind]
    fields = struct.pack("100s8s8s8s12s12s8sc100s8s247x", path.encode(), mode, b"0000000", b"0000000", b"%011o" % size, b"%011o" % mtime,
                         b" " * 8, kind, link.encode(), b"ustar\00000")
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


def file_entry(path, seed, size, mtime=TIME):
    yield header(path, b"0", size, mtime=mtime)
    yield from content(seed, size)
    yield bytes(-size % 512)


class Big:
    """Layer after layer with files of about 30 MB, the middle one with the large file instead."""

    media_type = OCI + "layer.v1.tar"
    FILES = 6

    def __init__(self, arguments):
        self.layers = arguments.layers or 40
        self.bytes, self.large = arguments.bytes, arguments.large_bytes
        self.key = f"big {self.layers} {self.bytes} {self.large}"
        self.disk_bytes = self.bytes + 64 * MIB
        self.inodes = 1 + self.layers + len(list(self.files()))

    def layer_files(self, layer):
        if layer == self.layers // 2:
            yield f"layer{layer}/large.bin", self.large
            return
        share = (self.bytes - self.large) // (self.layers - 1)
        for i in range(self.FILES):
            yield f"layer{layer}/file{i}.bin", share // self.FILES + i

    def files(self):
        for layer in range(self.layers):
            yield from self.layer_files(layer)

    def tar(self, layer):
        yield header(f"layer{layer}/", b"5")
        for path, size in self.layer_files(layer):
            yield from file_entry(path, path, size)
        yield bytes(1024)

    def check(self, root, numbers):
        names = sum(len(folders) + len(files) for _, folders, files in os.walk(root))
        expect(names + 1, self.inodes, "inodes")
        with multiprocessing.Pool(2) as pool:
            jobs = [(os.path.join(root, path), size, numbers["files"][path]) for path, size in self.files()]
            for _ in pool.imap_unordered(check_file_hash, jobs):
                pass
        return f"{len(jobs)} files, every byte"


def check_file_hash(job):
    path, size, expected = job
    expect(os.lstat(path).st_size, size, path + ": size")
    with open(path, "rb", buffering=0) as file:
        expect(hashlib.file_digest(file, "sha256").hexdigest(), expected, path + ": SHA-256")


class Many:
    """A hundred inodes a folder, so many folders in each layer. Each layer takes one name of the layer below and changes one file."""

    media_type = OCI + "layer.v1.tar+gzip"
    FILES, EMPTY, SYMLINKS, LINKS = 69, 20, 10, 10  # with the folder itself 100 inodes
    END = "_of_the_package.py"  # names have about 20 bytes

    def __init__(self, arguments):
        self.layers = arguments.layers or 10
        self.folders = arguments.inodes // 100 // self.layers
        self.key = f"many {self.layers} {self.folders} stored, zlib {zlib.ZLIB_RUNTIME_VERSION}"
        self.inodes = 2 + self.layers * (1 + 100 * self.folders) - (self.layers - 1)
        # A block for each file's contents, and the metadata: the merged image's and the layers'.
        self.disk_bytes = self.inodes * (self.FILES * 4096 // 100 + 300) + 64 * MIB

    @staticmethod
    def size(path):
        return 1 + zlib.crc32(path.encode()) % 2000

    def seed(self, layer, folder, path):
        return "changed " + path if folder == 0 and path.endswith("/m68" + self.END) and layer < self.layers - 1 else path

    def tar(self, layer):
        out = []  # joined in pieces of some size: a million writes would take longer than the rest
        for entry in self.entries(layer):
            out.append(entry)
            if len(out) >= 1000:
                yield b"".join(out)
                out.clear()
        yield b"".join(out) + bytes(1024)

    def entries(self, layer):
        if layer == 0:
            yield header("opt/", b"5")
        else:
            below = f"opt/l{layer - 1}/p0"
            yield header(f"{below}/.wh.s0{self.END}", b"0")
            changed = f"{below}/m68{self.END}"
            yield from file_entry(changed, "changed " + changed, self.size(changed))
        yield header(f"opt/l{layer}/", b"5")
        for folder in range(self.folders):
            path = f"opt/l{layer}/p{folder}"
            time = TIME + layer * self.folders + folder
            yield header(path + "/", b"5", mtime=time)
            for i in range(self.FILES):
                file = f"{path}/m{i}{self.END}"
                yield from file_entry(file, file, self.size(file), time + i)
            for i in range(self.EMPTY):
                yield header(f"{path}/e{i}{self.END}", b"0", mtime=time)
            for i in range(self.SYMLINKS):
                yield header(f"{path}/s{i}{self.END}", b"2", link=f"../p{folder}/m{i}{self.END}", mtime=time)
            for i in range(self.LINKS):
                yield header(f"{path}/h{i}{self.END}", b"1", link=f"{path}/m{i}{self.END}", mtime=time + i)

    def check(self, root, _numbers):
        inodes, names = set(), 0
        pending = [root]
        while pending:
            folder = pending.pop()
            inodes.add(os.lstat(folder).st_ino)
            with os.scandir(folder) as entries:
                for entry in entries:
                    names += 1
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        inodes.add(entry.inode())
        expect(len(inodes), self.inodes, "inodes")
        expect(names, self.inodes - 1 + self.LINKS * self.layers * self.folders, "names")
        sampled = 0
        for layer in range(self.layers):
            for folder in {0, self.folders - 1, *range(layer, self.folders, 50)}:
                self.check_folder(root, layer, folder)
                sampled += 1
        return f"{len(inodes)} inodes, {names} names; {sampled} folders with all that is in them"

    def check_folder(self, root, layer, folder):
        path = f"opt/l{layer}/p{folder}"
        real = os.path.join(root, path)
        time = TIME + layer * self.folders + folder
        changed = folder == 0 and layer < self.layers - 1
        counts = zip("mesh", (self.FILES, self.EMPTY, self.SYMLINKS, self.LINKS))
        expected = {f"{kind}{i}{self.END}" for kind, count in counts for i in range(count)}
        expect(set(os.listdir(real)), expected - ({"s0" + self.END} if changed else set()), path + ": names")
        for i in range(self.FILES):
            file = f"{path}/m{i}{self.END}"
            with open(os.path.join(root, file), "rb") as opened:
                expect(opened.read(), b"".join(content(self.seed(layer, folder, file), self.size(file))), file + ": contents")
                info = os.fstat(opened.fileno())
            expect(stat.filemode(info.st_mode), "-rw-r--r--", file + ": mode")
            expect(info.st_nlink, 2 if i < self.LINKS else 1, file + ": links")
            expect(info.st_mtime_ns, (TIME if changed and i == 68 else time + i) * 10**9, file + ": time")
            if i < self.LINKS:
                expect(os.lstat(f"{real}/h{i}{self.END}").st_ino, info.st_ino, f"{path}/h{i}: inode")
        for i in range(self.EMPTY):
            expect(os.lstat(f"{real}/e{i}{self.END}").st_size, 0, f"{path}/e{i}: size")
        for i in range(1 if changed else 0, self.SYMLINKS):
            expect(os.readlink(f"{real}/s{i}{self.END}"), f"../p{folder}/m{i}{self.END}", f"{path}/s{i}: target")


def expect(found, expected, what):
    if found != expected:
        sys.exit(f"{what}: expected {str(expected)[:200]}, found {str(found)[:200]}")


def blob(image, layer):
    """The layer as a registry sends it."""
    if not image.media_type.endswith("gzip"):
        yield from image.tar(layer)
        return
    packer = zlib.compressobj(0, wbits=31)
    for piece in image.tar(layer):
        yield packer.compress(piece)
    yield packer.flush()


def count_layer(job):
    image, layer = job
    packed, plain, size, files = hashlib.sha256(), hashlib.sha256(), 0, {}
    for piece in image.tar(layer):
        plain.update(piece)
    for piece in blob(image, layer):
        packed.update(piece)
        size += len(piece)
    if isinstance(image, Big):
        for path, length in image.layer_files(layer):
            hasher = hashlib.sha256()
            for piece in content(path, length):
                hasher.update(piece)
            files[path] = hasher.hexdigest()
    return {"digest": "sha256:" + packed.hexdigest(), "diff_id": "sha256:" + plain.hexdigest(), "size": size, "files": files}


def numbers_of(image, cache):
    with open(__file__, "rb") as program:
        key = image.key + " " + sha256(program.read())
    if cache and os.path.exists(cache):
        with open(cache) as file:
            known = json.load(file)
        if known["key"] == key:
            return known
    with multiprocessing.Pool(2) as pool:
        layers = pool.map(count_layer, [(image, layer) for layer in range(image.layers)], chunksize=1)
    numbers = {"key": key, "layers": layers, "files": {}}
    for layer in layers:
        numbers["files"].update(layer.pop("files"))
    if cache:
        with open(f"{cache}.{os.getpid()}", "w") as file:
            json.dump(numbers, file)
        os.replace(file.name, cache)
    return numbers


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    image = numbers = manifest = config = None

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        layers = {layer["digest"]: i for i, layer in enumerate(self.numbers["layers"])}
        name = self.path.rpartition("/")[2]
        if self.path == "/v2/":
            self.answer(b"{}", "application/json")
        elif "/manifests/" in self.path and name in ("1", sha256(self.manifest)):
            self.answer(self.manifest, OCI + "manifest.v1+json")
        elif name == sha256(self.config):
            self.answer(self.config, "application/octet-stream")
        elif name in layers:
            self.send_layer(layers[name])
        else:
            self.send_error(404)

    def answer(self, body, media_type):
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", sha256(body))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def send_layer(self, layer):
        size = self.numbers["layers"][layer]["size"]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(wanted[1]) if wanted else 0
        end = min(size, int(wanted[2]) + 1) if wanted and wanted[2] else size
        if first >= end:
            return self.send_error(416)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - first))
        self.end_headers()
        if self.command == "GET":
            try:
                self.send_range(layer, first, end)
            except ConnectionError:
                self.close_connection = True

    def send_range(self, layer, first, end):
        at = 0
        for piece in blob(self.image, layer):
            if at >= end:
                break
            if at + len(piece) > first:
                self.wfile.write(piece[max(0, first - at) : end - at])
            at += len(piece)

    def log_message(self, *_):
        pass


class Server(socketserver.ForkingMixIn, http.server.HTTPServer):  # processes: making a layer is one core's work
    max_children = 64


def serve(image, numbers):
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in numbers["layers"]]},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": {"mediaType": OCI + "config.v1+json", "digest": sha256(config), "size": len(config)},
        "layers": [{"mediaType": image.media_type, "digest": layer["digest"], "size": layer["size"]} for layer in numbers["layers"]],
    }).encode()
    Handler.image, Handler.numbers, Handler.manifest, Handler.config = image, numbers, manifest, config
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"docker://127.0.0.1:{server.server_port}/generated:1", flush=True)
    sys.stdin.read()
    server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["serve", "check", "plan"])
    parser.add_argument("kind", choices=["big", "many"])
    parser.add_argument("--layers", type=int, help="by default 40 of big, 10 of many")
    parser.add_argument("--bytes", type=int, default=12 * 10**9, help="of big's files")
    parser.add_argument("--large-bytes", type=int, default=5 * 10**9, help="of big's one large file")
    parser.add_argument("--inodes", type=int, default=10**6, help="about so many, of many")
    parser.add_argument("--numbers", help="keep the computed numbers in this file")
    parser.add_argument("root", nargs="?", help="check: the tree")
    arguments = parser.parse_intermixed_args()
    image = {"big": Big, "many": Many}[arguments.kind](arguments)
    if arguments.command == "plan":
        print(image.disk_bytes)
    elif arguments.command == "serve":
        serve(image, numbers_of(image, arguments.numbers))
    else:
        print("as made:", image.check(arguments.root, numbers_of(image, arguments.numbers)))


main()
