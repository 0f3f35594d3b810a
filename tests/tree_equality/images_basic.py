"""Images about single entries: types, names, numbers, times, xattrs, sparse files, compression."""

from tar_maker import Layer, acl, capability, header, pad, pax


def pattern(size, seed=1):
    """Bytes that differ from block to block."""
    return b"".join((seed * 1_000_003 + at).to_bytes(16, "little") for at in range(0, size, 16))[:size]


def types():
    layer = Layer()
    layer.folder("dev").folder("empty").folder("bin", mode=0o1777, uid=5, gid=6)
    for size in (0, 1, 4095, 4096, 4097, 65536, 1048576 + 1, 3 * 1048576):
        layer.file(f"bin/size-{size}", pattern(size, size + 1), mode=0o755)
    layer.file("bin/setuid", b"x", mode=0o4755, uid=1000, gid=1000).file("bin/setgid", b"y", mode=0o2711)
    layer.file("bin/none", b"z", mode=0)
    layer.symlink("relative", "bin/size-1").symlink("absolute", "/bin/size-1").symlink("dangling", "no/such")
    layer.symlink("long-link", "d/" * 1500 + "x", uid=7, gid=8, mtime=12345)
    layer.char_device("dev/null", 1, 3, mode=0o666).char_device("dev/large", 4095, 1048575, mode=0o600)
    layer.block_device("dev/sda", 8, 0, mode=0o660, gid=6).fifo("dev/pipe", mode=0o622, uid=9)
    layer.char_device("dev/too-large", 4096 + 5, 1048576 + 7)
    layer.folder("sticky", mode=0o1777).folder("setgid", mode=0o2775, gid=50)
    return [layer]


def names():
    layer = Layer()
    layer.folder("n" * 255).file("n" * 255 + "/" + "m" * 255, b"pax name")
    deep = "/".join(["deep" * 20] * 20)
    layer.file(deep + "/file", b"deep")
    layer.hard_link("hard", deep + "/file").symlink("soft", deep + "/file")
    long_name = b"gnu/" + b"long-name-" * 20 + b"/" + b"x" * 150
    layer.raw(header(b"././@LongLink", b"L", size=len(long_name) + 1, magic="gnu") + pad(long_name + b"\0"))
    layer.file("short", b"gnu long name", magic="gnu")
    link = b"elsewhere/" * 30
    layer.raw(header(b"././@LongLink", b"K", size=len(link) + 1, magic="gnu") + pad(link + b"\0"))
    layer.symlink("gnu-long-link", "short", magic="gnu")
    layer.file(b"latin-\xe9\xff\xfe", b"not UTF-8").folder(b"\x80dir").file(b"\x80dir/\xc3\x28", b"broken UTF-8")
    layer.file("utf-8-\u00e9\u4e2d", b"UTF-8").file("new\nline\ttab \\ \" '", b"odd")
    layer.file("ustar-name", b"prefix", prefix=b"ustar/prefix").file("./dot/./slash//name", b"cleaned")
    layer.file("trailing/", b"a file all the same").add("old", b"\0", magic="v7")
    layer.folder("old-folder", magic="v7").add("old-folder-by-slash/", b"\0", magic="v7", mode=0o700)
    layer.file(".whatever", b"no whiteout").file("a.wh.b", b"nor this")
    layer.raw(pax([(b"comment", b"0123"), (b"mtime", b"5")], type=b"g", name=b"pax_global_header"))
    layer.file("after-global", b"unchanged by it")
    return [layer]


def root_entry():
    layer = Layer()
    layer.add("./", b"5", mode=0o700, uid=3, gid=4).file("./inside", b"1").add(".", b"5", mode=0o711)
    return [layer, Layer().add("/", b"5", mode=0o777, uid=8).file("upper", b"2")]


def owners():
    layer = Layer().folder("o")
    layer.file("o/base256", b"1", uid=3_000_000, gid=2**32 - 2).file("o/octal", b"2", uid=65536, gid=65537)
    layer.file("o/pax", b"3", pax_records=[(b"uid", b"4000000000"), (b"gid", b"100000")])
    layer.symlink("o/link", "pax", uid=70000, gid=70001).folder("o/folder", uid=2**31, gid=2**31 + 1)
    layer.fifo("o/fifo", uid=99999, gid=99998)
    return [layer]


def times():
    layer = Layer().folder("t")
    for number, text in enumerate([b"1.5", b"1234567890.123456789", b"1234567890.1234567899", b"0", b"0.000000001", b"-1", b"-1.5",
                                   b"9223372036.854775807", b"9223372036.854775808", b"9999999999", b"2147483648.25", b"17."]):
        layer.file(f"t/pax-{number}", text, pax_records=[(b"mtime", text), (b"atime", b"99"), (b"ctime", b"98")])
        layer.symlink(f"t/link-{number}", "x", pax_records=[(b"mtime", text)])
    for number, value in enumerate([-1, -2**40, 2**33, 2**34, 2**35, 0]):
        layer.file(f"t/header-{number}", b"x", mtime=value, magic="gnu")
    return [layer]


def xattrs():
    base = Layer()
    base.folder("x", xattrs=[("user.folder", b"1"), ("trusted.overlay.opaque", b"y")])
    base.file("x/capable", b"x", mode=0o755, xattrs=[("security.capability", capability(1 << 13))])
    base.file("x/many", b"x", xattrs=[(f"user.key{n}", b"%d" % n) for n in range(30)])
    base.file("x/values", b"x", xattrs=[("user.empty", b""), ("user.binary", bytes(range(256))), ("user.large", b"v" * 2000),
                                        ("user." + "n" * 200, b"long name"), ("security.selinux", b"label\0")])
    base.file("x/dropped", b"x", xattrs=[("trusted.secret", b"1"), ("unknown.space", b"2"), ("plain", b"3"), ("system.other", b"4"),
                                         ("user.kept", b"5")])
    base.symlink("x/symlink", "many", xattrs=[("user.nope", b"1"), ("security.label", b"2"), ("trusted.no", b"3")])
    base.fifo("x/fifo", xattrs=[("user.nope", b"1"), ("security.label", b"2")])
    base.char_device("x/device", 1, 3, xattrs=[("user.nope", b"1")])
    base.file("x/linked", b"x", xattrs=[("security.capability", capability(1)), ("user.stays", b"1")])
    base.hard_link("x/link", "x/linked", xattrs=[("user.added", b"2")])
    base.folder("x/twice", xattrs=[("user.first", b"1"), ("user.both", b"1")])
    base.folder("x/twice", mode=0o700, xattrs=[("user.second", b"2"), ("user.both", b"2")])
    upper = Layer().folder("x", mode=0o711, xattrs=[("user.upper", b"1")]).file("x/many", b"y")
    return [base, upper]


def acls():
    named = acl((1, 7), (2, 5, 1000), (2, 4, 1001), (4, 7), (8, 6, 50), (16, 7), (32, 4))
    layer = Layer().folder("a")
    layer.file("a/access", b"x", mode=0o640, xattrs=[("system.posix_acl_access", named)])
    layer.file("a/minimal", b"x", mode=0o604, xattrs=[("system.posix_acl_access", acl((1, 7), (4, 7), (32, 7)))])
    layer.file("a/empty", b"x", xattrs=[("system.posix_acl_access", acl())])
    layer.symlink("a/symlink", "access", xattrs=[("system.posix_acl_access", named)])
    layer.fifo("a/fifo", mode=0o600, xattrs=[("system.posix_acl_access", named)])
    layer.folder("a/default", mode=0o2750, gid=12, xattrs=[("system.posix_acl_default", named), ("system.posix_acl_access", named)])
    layer.file("a/default/file", b"x", mode=0o604).folder("a/default/folder", mode=0o701).symlink("a/default/symlink", "file")
    layer.fifo("a/default/fifo", mode=0o666).char_device("a/default/null", 1, 3, mode=0o666)
    layer.file("a/default/folder/below", b"x", mode=0o600)
    layer.file("a/default/implicit/below", b"x", mode=0o644)
    layer.file("a/default/own", b"x", mode=0o640, xattrs=[("system.posix_acl_access", acl((1, 6), (4, 4), (8, 7, 9), (16, 7), (32, 0)))])
    layer.hard_link("a/hard", "a/access", mode=0o755)
    layer.folder("a/plain-default", xattrs=[("system.posix_acl_default", acl((1, 7), (4, 5), (32, 0)))])
    layer.file("a/plain-default/file", b"x", mode=0o666)
    return [layer]


def hard_links():
    base = Layer().folder("h")
    base.file("h/one", b"content", mode=0o600, uid=1).hard_link("h/two", "h/one", mode=0o644, uid=2, gid=3, mtime=77)
    base.hard_link("h/three", "./h//two", mode=0o640, mtime=78).hard_link("h/absolute", "/h/one", mode=0o640)
    base.symlink("h/symlink", "one").hard_link("h/symlink-too", "h/symlink", uid=4, mtime=79)
    base.char_device("h/null", 1, 3).hard_link("h/null-too", "h/null", mode=0o600).fifo("h/fifo").hard_link("h/fifo-too", "h/fifo")
    base.file("h/replaced", b"first").hard_link("h/keeps", "h/replaced", mode=0o611).file("h/replaced", b"second")
    base.file("h/empty").hard_link("h/empty-too", "h/empty")
    base.symlink("way", "h").hard_link("through-symlink", "way/one", mode=0o640).hard_link("way/into", "h/one", mode=0o640)
    base.file("h/climb", b"c").hard_link("contained", "../../h/climb")
    upper = Layer().folder("h").whiteout("h/two").file("h/three", b"new").file("h/a", b"upper").hard_link("h/b", "h/a")
    return [base, upper]


def _sparse_1_0(name, real, regions, data):
    table = b"".join(b"%d\n" % number for number in [len(regions)] + [number for region in regions for number in region])
    body = pad(table) + data
    records = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", name),
               (b"GNU.sparse.realsize", b"%d" % real)]
    return pax(records) + header(b"GNUSparseFile.0/x", size=len(body)) + pad(body)


def sparse():
    layer = Layer().folder("s")
    data = pattern(8192)
    layer.raw(_sparse_1_0(b"s/v1.0", 5_000_000, [(0, 4096), (4_000_000, 4096), (5_000_000, 0)], data))
    layer.raw(_sparse_1_0(b"s/all-hole", 3_000_000, [(3_000_000, 0)], b""))
    layer.raw(_sparse_1_0(b"s/tail", 1_048_576 * 3 + 5, [(1_048_576 * 3 - 95, 100)], data[:100]))
    layer.raw(pax([(b"GNU.sparse.size", b"100000"), (b"GNU.sparse.numblocks", b"2"), (b"GNU.sparse.name", b"s/v0.1"),
                   (b"GNU.sparse.map", b"10,512,90000,7680")]))
    layer.file("GNUSparseFile.0/x", data)
    layer.raw(pax([(b"GNU.sparse.size", b"70000"), (b"GNU.sparse.numblocks", b"2"), (b"GNU.sparse.offset", b"512"),
                   (b"GNU.sparse.numbytes", b"4096"), (b"GNU.sparse.offset", b"60000"), (b"GNU.sparse.numbytes", b"4096")]))
    layer.file("s/v0.0", data)
    layer.file("s/after", b"the archive goes on")
    return [layer]


def old_gnu_sparse():
    """containerd refuses this type; GNU tar's own extraction is the reference."""

    def entry(name, real, regions, data):
        block = bytearray(header(name, b"S", size=len(data), magic="gnu"))
        more, here = regions[4:], regions[:4]

        def put(block, at, regions):
            for offset, length in regions:
                block[at:at + 24] = b"%011o\0%011o\0" % (offset, length)
                at += 24

        put(block, 386, here)
        block[482] = 1 if more else 0
        block[483:495] = b"%011o\0" % real
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        extension = b""
        while more:
            piece = bytearray(512)
            put(piece, 0, more[:21])
            more = more[21:]
            piece[504] = 1 if more else 0
            extension += bytes(piece)
        return bytes(block) + extension + pad(data)

    layer = Layer().folder("s")
    layer.raw(entry(b"s/few", 1_000_000, [(0, 512), (500_000, 1024), (1_000_000, 0)], pattern(1536)))
    regions = [(number * 10_240, 512) for number in range(60)]
    layer.raw(entry(b"s/many", 60 * 10_240, regions + [(60 * 10_240, 0)], pattern(60 * 512)))
    layer.file("s/after", b"on it goes")
    return {"layers": [layer, Layer().file("s/upper", b"1")], "reference": "gnu-tar"}


def large_file():
    size = 4 * 1024**3 + 8192 + 17
    data = pattern(4096 + 17)
    layer = Layer().folder("l")
    layer.raw(_sparse_1_0(b"l/large", size, [(4096, 4096), (size - 17, 17)], data)).file("l/behind", b"addresses above 4 GiB")
    return [layer]


def compressions():
    def layer(name):
        return Layer().file(f"c/{name}", pattern(300_000, len(name))).tar()

    return [(layer("gzip"), "gzip"), (layer("members"), "gzip-members"), (layer("zstd"), "zstd"), (layer("none"), "none"),
            (layer("trailing") + b"bytes behind the end marker" * 3000, "gzip"), (layer("unended")[:-1024], "gzip")]


BASIC = {made.__name__.replace("_", "-"): made for made in (
    types, names, root_entry, owners, times, xattrs, acls, hard_links, sparse, old_gnu_sparse, large_file, compressions)}
