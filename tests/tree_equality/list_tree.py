"""Lists a mounted tree as JSON, one entry a path: all that two equal trees have in common. Used as a module and a program."""

import hashlib
import json
import os
import stat
import sys


def _hash(path):
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _entry(path, info):
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
            stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}[stat.S_IFMT(info.st_mode)]
    entry = {"type": kind, "mode": oct(stat.S_IMODE(info.st_mode)), "owner": f"{info.st_uid}:{info.st_gid}"}
    if kind != "folder":  # folder times and sizes are not part of the promise
        entry["mtime_ns"] = info.st_mtime_ns
        entry["size"] = info.st_size
    if kind in ("char", "block"):
        entry["device"] = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    if kind == "symlink":
        entry["target"] = os.readlink(path).decode("latin-1")
    if kind == "file":
        entry["content"] = _hash(path)
    xattrs = {}
    for name in os.listxattr(path, follow_symlinks=False):
        xattrs[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    if xattrs:
        entry["xattrs"] = xattrs
    return entry


def list_tree(root):
    root = os.fsencode(root)
    entries = {}
    groups = {}

    def visit(path, name):
        try:
            info = os.lstat(path)
        except FileNotFoundError:
            return  # overlayfs may list a whiteout of its lowest layer, where nothing is
        key = name.decode("latin-1")
        entries[key] = _entry(path, info)
        if not stat.S_ISDIR(info.st_mode):
            groups.setdefault(info.st_ino, []).append(key)
            return
        for child in sorted(os.listdir(path)):
            visit(os.path.join(path, child), os.path.join(name, child))

    visit(root, b"")
    for names in groups.values():
        if len(names) > 1:
            for name in names:
                entries[name]["links"] = sorted(names)
    return entries


if __name__ == "__main__":
    json.dump(list_tree(sys.argv[1]), sys.stdout, indent=1, sort_keys=True)
