#!/usr/bin/env python3
"""Writes fuzz/corpus/tar: small archives, one for each thing that tar's dialects can say and most that they must not.

A case is one letter for its compression (n none, g gzip, z zstd, d to be detected) and then the stream. Made by hand where a
writer would refuse, else by Python's tarfile and by GNU tar. Usage: make_corpus.py FOLDER
"""
import gzip
import io
import os
import struct
import subprocess
import sys
import tarfile
import tempfile

ZEROS = bytes(1024)


def octal(value, size):
    return b"%0*o\0" % (size - 1, value)


def base256(value, size):
    return bytes([(value >> (8 * (size - 1))) & 0xFF | 0x80]) + (value & (1 << (8 * (size - 1))) - 1).to_bytes(size - 1, "big")


def sealed(block, signed=False):
    block = bytearray(block)
    block[148:156] = b" " * 8
    total = sum(b - 256 if signed and b > 127 else b for b in block)
    block[148:156] = b"%06o\0 " % total
    return bytes(block)


def header(name, flag=b"0", size=0, link=b"", magic=b"ustar\x0000", mode=0o644, uid=0, gid=0, mtime=1700000000, signed=False,
           fields=()):
    block = bytearray(512)
    for at, text in [(0, name), (100, octal(mode, 8)), (108, octal(uid, 8)), (116, octal(gid, 8)), (124, octal(size, 12)),
                     (136, octal(mtime, 12)), (156, flag), (157, link), (257, magic), *fields]:
        block[at:at + len(text)] = text
    return sealed(block, signed)


def padded(data):
    return data + bytes(-len(data) % 512)


def entry(name, data=b"", **keys):
    return header(name, size=len(data), **keys) + padded(data)


def record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    size = len(body)
    while len(str(size)) + len(body) != size:
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def pax(*records, flag=b"x"):
    return entry(b"pax", b"".join(record(key, value) for key, value in records), flag=flag)


FILE = entry(b"file", b"hello")
GNU = b"ustar  \0"
DEVICE = ((329, octal(8, 8)), (337, octal(1, 8)))


def old_sparse(regions, size, data, more=b"\0", extension=b""):
    fields = [(483, octal(size, 12)), (482, more)]
    for i, (offset, length) in enumerate(regions):
        fields += [(386 + 24 * i, octal(offset, 12)), (398 + 24 * i, octal(length, 12))]
    return header(b"sparse", flag=b"S", size=len(data), magic=GNU, fields=fields) + extension + padded(data)


def sparse_1_0(lines, data, size):
    keys = ((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"sparse"),
            (b"GNU.sparse.realsize", b"%d" % size))
    return pax(*keys) + entry(b"GNUSparseFile.0/sparse", padded(lines) + data)


def by_tarfile(kind, *members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, data, keys in members:
            info = tarfile.TarInfo(name)
            info.mtime, info.size = 1700000000, len(data)
            for key, value in keys.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def by_gnu_tar(*options):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/sparse", "wb") as file:
            for i in range(8):
                file.seek(i * 16384 + 4096)
                file.write(bytes([65 + i]) * 1024)
            file.truncate(200000)
        with open(f"{folder}/holes", "wb") as file:
            file.truncate(100000)
        return subprocess.run(["tar", "-C", folder, "--sparse", "--hole-detection=raw", "--mtime=@1700000000", "--owner=root:0",
                               "--group=root:0", "--mode=0644", "--sort=name", *options, "-cf", "-", "sparse", "holes"],
                              check=True, stdout=subprocess.PIPE).stdout


def plain_cases():
    end = ZEROS
    yield "empty", b""
    yield "end-marker-alone", end
    yield "no-end-marker", FILE
    yield "one-zero-block", FILE + bytes(512)
    yield "zero-block-then-entry", FILE + bytes(512) + FILE + end
    yield "bytes-after-the-end", FILE + end + b"rest" * 3000
    yield "truncated-header", FILE[:300]
    yield "truncated-data", header(b"file", size=600) + b"x" * 512
    yield "truncated-padding", header(b"file", size=5) + b"hello"
    yield "v7-plain", entry(b"file", b"hello", flag=b"\0", magic=b"") + end
    yield "v7-folder-by-slash", entry(b"dir/", flag=b"\0", magic=b"") + entry(b"dir/file", b"x", flag=b"\0", magic=b"") + end
    yield "ustar-file-with-slash", entry(b"file/", b"hello") + end
    yield "ustar-types", (entry(b"dir/", flag=b"5", mode=0o1777) + FILE + entry(b"hard", flag=b"1", link=b"file") +
                          entry(b"soft", flag=b"2", link=b"../x") + header(b"tty", flag=b"3", fields=DEVICE) +
                          header(b"disk", flag=b"4", fields=DEVICE) + entry(b"pipe", flag=b"6") +
                          entry(b"setuid", b"#!", mode=0o104755) + end)
    yield "ustar-prefix", header(b"name", fields=((345, b"a/long/prefix"),)) + end
    yield "ustar-full-name", header(b"n" * 100, fields=((345, b"p" * 155),)) + end
    yield "ustar-not-utf8", entry(b"caf\xe9", b"x") + end
    yield "star-prefix", header(b"name", fields=((345, b"prefix"), (476, octal(1, 12)), (488, octal(2, 12)),
                                                 (508, b"tar\0"))) + end
    yield "unknown-types", entry(b"volume", flag=b"V", magic=GNU) + entry(b"contiguous", b"data", flag=b"7") + FILE + end
    yield "link-with-size", header(b"hard", flag=b"1", link=b"file", size=5) + FILE + end
    yield "folder-with-size", header(b"dir", flag=b"5", size=4096) + FILE + end
    yield "numbers-with-spaces", header(b"file", fields=((100, b"   644 \0"), (136, b" 14524770400"))) + end
    yield "number-with-letters", header(b"file", fields=((100, b"0000x44\0"),)) + end
    yield "checksum-wrong", FILE[:10] + b"!" + FILE[11:] + end
    yield "checksum-signed", header(b"caf\xe9\xff", signed=True) + end
    yield "negative-size", header(b"file", magic=GNU, fields=((124, base256(-1, 12)),)) + end
    yield "base256", header(b"file", magic=GNU, fields=((108, base256(3000000, 8)), (116, base256(4294967294, 8)),
                                                        (136, base256(-5, 12)), (124, base256(0, 12)))) + end
    yield "base256-overflow", header(b"file", magic=GNU, fields=((136, base256(1 << 63, 12)),)) + end
    yield "owner-minus-one", header(b"file", magic=GNU, fields=((108, base256(-1, 8)), (116, base256(-2, 8)))) + end
    yield "gnu-long-name", by_tarfile(tarfile.GNU_FORMAT, ("d/" * 80 + "name", b"hello", {}))
    yield "gnu-long-link", by_tarfile(tarfile.GNU_FORMAT, ("l", b"", {"type": tarfile.SYMTYPE, "linkname": "t/" * 90 + "t"}))
    yield "gnu-long-name-over-pax", pax((b"path", b"pax")) + entry(b"L", b"gnu\0junk", flag=b"L", magic=GNU) + FILE + end
    yield "gnu-long-name-empty", entry(b"L", b"\0", flag=b"L", magic=GNU) + FILE + end
    yield "gnu-prefix-of-old-go", header(b"name", magic=GNU, fields=((345, b"prefix"),)) + end
    yield "gnu-times", header(b"name", magic=GNU, fields=((345, octal(5, 12)), (357, octal(6, 12)))) + end
    yield "pax-long-name", by_tarfile(tarfile.PAX_FORMAT, ("d/" * 200 + "näme", b"hello", {}))
    yield "pax-long-link", by_tarfile(tarfile.PAX_FORMAT, ("l", b"", {"type": tarfile.LNKTYPE, "linkname": "t/" * 90 + "t"}))
    yield "pax-nanoseconds", pax((b"mtime", b"1700000000.123456789")) + FILE + end
    yield "pax-time-negative", pax((b"mtime", b"-1.25")) + FILE + pax((b"mtime", b"-0.5")) + FILE + end
    yield "pax-time-short-and-long", pax((b"mtime", b"7.")) + FILE + pax((b"mtime", b"7.0000000019")) + FILE + end
    yield "pax-time-bad", pax((b"mtime", b"7.x")) + FILE + end
    yield "pax-atime-bad", pax((b"atime", b"now")) + FILE + end
    yield "pax-owners", by_tarfile(tarfile.PAX_FORMAT, ("f", b"x", {"uid": 3000000000, "gid": 70000000}))
    yield "pax-owner-minus-one", pax((b"uid", b"-1"), (b"gid", b"4294967301")) + FILE + end
    yield "pax-owner-bad", pax((b"uid", b"root")) + FILE + end
    yield "pax-xattrs", pax((b"SCHILY.xattr.user.b", b"\0\xff="), (b"SCHILY.xattr.user.a", b""),
                            (b"SCHILY.xattr.security.capability", bytes(range(20)))) + FILE + end
    yield "pax-xattr-twice", pax((b"SCHILY.xattr.user.a", b"1"), (b"SCHILY.xattr.user.a", b"2")) + FILE + end
    yield "pax-empty-values", pax((b"path", b""), (b"size", b""), (b"mtime", b"")) + FILE + end
    yield "pax-size", pax((b"size", b"5")) + header(b"file", size=0) + padded(b"hello") + FILE + end
    yield "pax-size-of-2-to-the-63", pax((b"size", b"9223372036854775808")) + FILE + end
    yield "pax-signs", pax((b"uid", b"+7"), (b"gid", b"+-7")) + FILE + end
    yield "pax-nul-in-path", pax((b"path", b"a\0b")) + FILE + end
    yield "pax-nul-in-key", pax((b"a\0b", b"x")) + FILE + end
    yield "pax-no-key", pax((b"", b"x")) + FILE + end
    yield "pax-length-short", entry(b"pax", b"3 a=b\n", flag=b"x") + FILE + end
    yield "pax-length-long", entry(b"pax", b"30 a=b\n", flag=b"x") + FILE + end
    yield "pax-length-signed", entry(b"pax", b"+12 path=ab\n", flag=b"x") + FILE + end
    yield "pax-no-newline", entry(b"pax", b"11 path=abc", flag=b"x") + FILE + end
    yield "pax-not-utf8", pax((b"path", b"caf\xe9")) + FILE + end
    yield "pax-twice", pax((b"path", b"first"), (b"uid", b"5")) + pax((b"path", b"second")) + FILE + end
    yield "pax-at-the-end", FILE + pax((b"path", b"nothing")) + end
    yield "pax-global", pax((b"path", b"g"), (b"uid", b"5"), flag=b"g") + FILE + end
    yield "pax-global-between", pax((b"path", b"lost")) + pax((b"comment", b"c"), flag=b"g") + FILE + end
    yield "pax-global-bad", pax((b"uid", b"x"), flag=b"g") + FILE + end
    yield "pax-truncated", pax((b"path", b"x" * 600))[:700]
    yield "pax-too-large", header(b"pax", flag=b"x", size=(1 << 20) + 1) + bytes(1024)
    yield "sparse-old-by-gnu-tar", by_gnu_tar("--format=gnu")
    for version in ("0.0", "0.1", "1.0"):
        yield f"sparse-{version}-by-gnu-tar", by_gnu_tar("--format=posix", f"--sparse-version={version}",
                                                         "--pax-option=delete=atime,delete=ctime,exthdr.name=x")
    yield "sparse-old", old_sparse([(0, 512), (1024, 5)], 2000, b"a" * 517) + FILE + end
    extension = octal(2048, 12) + octal(3, 12) + bytes(512 - 24)
    yield "sparse-old-extended", old_sparse([(0, 512), (512, 512), (1024, 0), (1500, 1)], 4096, b"b" * 1028, b"\1",
                                            extension) + FILE + end
    yield "sparse-old-in-ustar", header(b"sparse", flag=b"S") + FILE + end
    yield "sparse-old-truncated", old_sparse([(0, 3)], 3, b"", b"\1")
    yield "sparse-overlapping", old_sparse([(0, 512), (100, 5)], 2000, b"a" * 517) + end
    yield "sparse-beyond-its-size", old_sparse([(0, 512), (1024, 5)], 1026, b"a" * 517) + end
    yield "sparse-with-too-little-data", old_sparse([(0, 512), (1024, 5)], 2000, b"a" * 516) + end
    yield "sparse-with-too-much-data", old_sparse([(0, 512), (1024, 5)], 2000, b"a" * 518) + end
    yield "sparse-1.0", sparse_1_0(b"2\n0\n3\n10\n2\n", b"abcde", 20) + FILE + end
    yield "sparse-1.0-no-regions", sparse_1_0(b"0\n", b"", 20) + FILE + end
    yield "sparse-1.0-huge", sparse_1_0(b"1\n1099511627776\n5\n", b"abcde", 1 << 42) + FILE + end
    yield "sparse-1.0-negative", sparse_1_0(b"1\n-5\n5\n", b"abcde", 20) + FILE + end
    yield "sparse-1.0-no-number", sparse_1_0(b"1\nx\n5\n", b"abcde", 20) + FILE + end
    yield "sparse-1.0-map-cut", sparse_1_0(b"900\n0\n3\n", b"", 20) + FILE + end
    yield "sparse-0.1-count-wrong", pax((b"GNU.sparse.map", b"0,5,10"), (b"GNU.sparse.numblocks", b"2"),
                                        (b"GNU.sparse.size", b"20")) + FILE + end
    yield "sparse-0.0-out-of-order", pax((b"GNU.sparse.numbytes", b"0"), (b"GNU.sparse.offset", b"5")) + FILE + end
    yield "sparse-unknown-version", pax((b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0")) + FILE + end
    yield "sparse-folder", pax((b"GNU.sparse.map", b"0,0"), (b"GNU.sparse.numblocks", b"1")) + entry(b"d", flag=b"5") + end


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c", "--check"], input=data, check=True, stdout=subprocess.PIPE).stdout


def cases():
    for name, data in plain_cases():
        yield name, b"n" + data
    data = FILE + ZEROS
    member = gzip.compress(data, mtime=0)
    named = b"\x1f\x8b\x08\x1c" + bytes(6) + b"\3\0abcname\0comment\0" + gzip.compress(data, mtime=0)[10:]
    with_crc = bytearray(b"\x1f\x8b\x08\x02" + bytes(6))
    with_crc += struct.pack("<H", __import__("zlib").crc32(with_crc) & 0xFFFF) + member[10:]
    yield "gzip", b"g" + member
    yield "gzip-members", b"d" + b"".join(gzip.compress(data[i:i + 300], mtime=0) for i in range(0, len(data), 300))
    yield "gzip-named", b"g" + named
    yield "gzip-header-checksum", b"g" + with_crc
    yield "gzip-header-checksum-wrong", b"g" + with_crc.replace(with_crc[10:12], b"\0\0", 1)
    yield "gzip-zeros-behind", b"g" + member + bytes(512)
    yield "gzip-garbage-behind", b"g" + member + b"garbage that is no member"
    yield "gzip-truncated", b"g" + member[:-12]
    yield "gzip-truncated-trailer", b"g" + member[:-3]
    yield "gzip-wrong-crc", b"g" + member[:-8] + bytes(4) + member[-4:]
    yield "gzip-wrong-size", b"g" + member[:-4] + bytes(4)
    frame = zstd(data)
    yield "zstd", b"z" + frame
    yield "zstd-frames", b"d" + zstd(data[:700]) + struct.pack("<II", 0x184D2A5E, 4) + b"skip" + zstd(data[700:])
    yield "zstd-skippable-first", b"d" + struct.pack("<II", 0x184D2A50, 3) + b"toc" + frame
    yield "zstd-truncated", b"z" + frame[:-6]
    yield "zstd-wrong-checksum", b"z" + frame[:-4] + bytes(4)
    yield "zstd-garbage-behind", b"z" + frame + b"garbage"


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for case, contents in cases():
    with open(os.path.join(folder, case), "wb") as out:
        out.write(contents)
