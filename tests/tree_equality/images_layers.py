"""Images about layers over layers: whiteouts, opaque folders, replacements, missing parents, links on the way."""

from tar_maker import Layer, acl


def whiteouts():
    base = Layer().folder("w")
    for name in ("file", "kept", "again", "link", "one", "two"):
        base.file("w/" + name, name.encode())
    base.hard_link("w/hard", "w/one").folder("w/folder").file("w/folder/inside", b"1").folder("w/folder/below").file(
        "w/folder/below/deep", b"2").folder("gone").file("gone/x", b"3").symlink("w/symlink", "file").file("top", b"4")
    middle = Layer().folder("w").whiteout("w/file").whiteout("w/again").whiteout("w/nothing-there").whiteout("w/folder/below")
    middle.whiteout("gone").whiteout("w/symlink").whiteout("w/one").whiteout("top").whiteout("missing/parent")
    upper = Layer().file("w/again", b"again").folder("gone").file("gone/y", b"new").whiteout("w/folder").file("top", b"t")
    return [base, middle, upper, Layer().folder("w/folder").file("w/folder/new", b"5")]


def whiteout_lowest():
    """Whiteouts with nothing below them, in the lowest layer: not seen by who looks."""
    return [Layer().folder("w").whiteout("w/file").whiteout("top").file("w/x", b"1").char_device("w/null", 0, 0)]


def aufs():
    base = Layer().folder("d").file("d/x", b"1")
    upper = Layer().file(".wh..wh.aufs", b"").add(".wh..wh.plnk/", b"5", mode=0o700).file("d/.wh..wh.orph", b"").file("d/y", b"2")
    upper.file(".wh..wh.plnk/12.34", b"pseudo link")
    return [base, upper]


def opaque():
    base = Layer()
    for name in ("before", "after", "implicit", "middle", "merged"):
        base.folder(name, mode=0o700, uid=5).file(f"{name}/low", b"1").folder(f"{name}/sub").file(f"{name}/sub/low", b"2")
    base.file("root-low", b"3")
    middle = Layer().folder("middle").opaque("middle").file("middle/mid", b"4").folder("merged").file("merged/mid", b"5")
    middle.folder("merged/sub").opaque("merged/sub")
    upper = Layer().folder("before").opaque("before").file("before/high", b"6")
    upper.folder("after").file("after/high", b"7").opaque("after").opaque("after")
    upper.opaque("implicit").file("implicit/high", b"8").folder("middle").file("middle/high", b"9").file("merged/sub/high", b"a")
    upper.file("before/sub/implicit", b"b")
    return [base, middle, upper]


def opaque_root():
    return [Layer().file("low", b"1").folder("d").file("d/low", b"2"), Layer().opaque("").file("high", b"3").file("d/high", b"4")]


def replacements():
    base = Layer()
    for name in ("to-file", "to-link", "and-back", "to-device"):
        base.folder(name, mode=0o750, uid=3).file(f"{name}/a", b"1").folder(f"{name}/b").file(f"{name}/b/c", b"2")
    base.file("to-folder", b"3").symlink("link-to-folder", "to-file").file("file-to-link", b"4").symlink("link-to-file", "x")
    second = Layer().file("to-file", b"5").symlink("to-link", "and-back").file("and-back", b"6").char_device("to-device", 1, 3)
    second.folder("to-folder").file("to-folder/x", b"7").folder("link-to-folder").file("link-to-folder/y", b"8")
    second.symlink("file-to-link", "nowhere").file("link-to-file", b"9")
    third = Layer().folder("and-back", mode=0o711).file("and-back/new", b"a").folder("to-folder").file("to-folder/z", b"b")
    return [base, second, third]


def replaced_within():
    """One layer puts one thing after another under a name; only what it leaves counts, and lower layers shine through."""
    base = Layer().folder("r").folder("r/f").file("r/f/low", b"1").file("r/file", b"2")
    upper = Layer().folder("r").file("r/same", b"first").file("r/same", b"second", mode=0o600)
    upper.folder("r/f").file("r/f/gone", b"3").file("r/f", b"a file").folder("r/f", mode=0o711).file("r/f/new", b"4")
    upper.folder("r/dir", mtime=55).file("r/dir", b"its time is the folder's", mtime=66)
    upper.symlink("r/file", "same").file("r/file", b"5").folder("r/x", mtime=5).symlink("r/x", "f").folder("r/y").fifo("r/y", mtime=9)
    upper.file("r/z", b"6").symlink("r/z", "f").folder("r/z", mode=0o700).file("r/z/in", b"7")
    return [base, upper]


def missing_parents():
    base = Layer().file("a/b/c", b"1").folder("owned", mode=0o2770, uid=11, gid=12, mtime=5, xattrs=[("user.low", b"1"), ("user.both", b"1")])
    base.folder("owned/sub", mode=0o701, uid=13).symlink("alias", "owned").folder("locked", mode=0o700, uid=14)
    base.folder("acl", mode=0o750, xattrs=[("system.posix_acl_access", acl((1, 7), (2, 5, 1000), (4, 5), (16, 5), (32, 0)))])
    base.folder("late", mode=0o711, uid=15, xattrs=[("user.low", b"2"), ("user.both", b"2")])
    base.folder("setgid", mode=0o2775, gid=77)
    upper = Layer().file("owned/sub/new", b"2").file("alias/other", b"3").file("nowhere/x", b"4").file("acl/y", b"5")
    upper.file("late/z", b"6").folder("late", mode=0o755, xattrs=[("user.both", b"3")]).folder("here", mode=0o2770, gid=78)
    upper.file("here/made/w", b"7")
    top = Layer().file("owned/sub/newer", b"8").file("nowhere/v", b"9").file("alias/third", b"a").whiteout("locked")
    return [base, upper, top, Layer().file("owned/sub/last", b"b").file("locked/again", b"c")]


def missing_parents_odd():
    """Whom containerd asks for a missing folder's attributes is each lower layer by itself, not what they show together."""
    base = Layer().folder("o", mode=0o750, uid=21).folder("o/sub", mode=0o705, uid=22).folder("real", mode=0o711, uid=23)
    base.folder("link", mode=0o744, uid=24)
    middle = Layer().folder("o", mode=0o751).opaque("o").symlink("link", "real")
    return [base, middle, Layer().file("o/sub/x", b"1").file("link/y", b"2")]


def links_on_the_way():
    layer = Layer().folder("real").folder("real/sub").symlink("link", "real").symlink("absolute", "/real/sub")
    layer.symlink("chain", "link").symlink("real/up", "../real").symlink("far-up", "../../../real").symlink("dangling", "made/later")
    layer.file("link/by-link", b"1").file("absolute/by-absolute", b"2").file("chain/by-chain", b"3").file("real/up/by-up", b"4")
    layer.file("far-up/by-far-up", b"5").file("dangling/by-dangling", b"6").folder("link/sub", mode=0o700).symlink("link/n", "sub")
    layer.file("chain/n/by-two", b"7").file("chain/n/new/parents/too", b"8").whiteout("chain/whited")
    layer.symlink("p", "q").symlink("q", "d/e").folder("d").folder("d/e").symlink("d/e/l", "../z").folder("d/z").file("p/l/odd", b"9")
    layer.symlink("to-root", "/").file("to-root/at-root", b"a").symlink("dot", ".").file("dot/dot/dotted", b"b")
    upper = Layer().symlink("real/sub", "../elsewhere").file("link", b"a file now").opaque("chain-opaque")
    return [layer, upper]


def whiteout_and_folder():
    base = Layer()
    for name in ("white-first", "device", "file"):
        base.folder(name, mode=0o700).file(f"{name}/low", b"1")
    base.file("lone", b"2").file("devices", b"3").file("blocks", b"4")
    upper = Layer().whiteout("white-first").folder("white-first").file("white-first/high", b"5")
    upper.char_device("device", 0, 0).folder("device", mode=0o711).file("device/high", b"6").whiteout("file").file("file", b"7")
    upper.char_device("lone", 0, 0, mode=0o600, uid=5).char_device("devices", 0, 1).block_device("blocks", 0, 0)
    return [base, upper]


def many_layers():
    layers = [Layer().folder("m").file("m/counter", b"0").file("m/base", b"base")]
    for number in range(1, 128):
        layer = Layer().file("m/counter", b"%d" % number)
        if number % 3 == 0:
            layer.folder(f"m/{number // 10}", mode=0o700 + number % 64)
        layer.file(f"m/{number // 10}/{number}", b"%d" % number * number)
        if number % 5 == 0:
            layer.whiteout(f"m/{(number - 5) // 10}/{number - 5}")
        layers.append(layer)
    return layers


def empty_and_double():
    content = Layer().folder("e").file("e/x", b"1" * 5000).file("e/y", b"2").hard_link("e/z", "e/y")
    change = Layer().whiteout("e/x").file("e/y", b"3")
    folders = Layer().folder("only").folder("only/folders")
    return [Layer(), content, Layer(), content, change, folders, content, Layer().file("e/none"), (Layer(), "gzip"), change]


LAYERS = {made.__name__.replace("_", "-"): made for made in (
    whiteouts, whiteout_lowest, aufs, opaque, opaque_root, replacements, replaced_within, missing_parents, missing_parents_odd,
    links_on_the_way, whiteout_and_folder, many_layers, empty_and_double)}
