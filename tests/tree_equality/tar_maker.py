"""Tar archives with every header under control: what tarfile would not write, or would write politely."""

BLOCK = 512


def _octal(value, size):
    return b"%0*o\0" % (size - 1, value)


def _number(value, size):
    """Octal where it fits, else GNU's base 256."""
    if 0 <= value < 8 ** (size - 1):
        return _octal(value, size)
    return bytes([0x80 if value >= 0 else 0xFF]) + (value & (1 << 8 * (size - 1)) - 1).to_bytes(size - 1, "big")


def pad(data):
    return data + bytes(-len(data) % BLOCK)


def header(name, type=b"0", mode=0o644, uid=0, gid=0, size=0, mtime=1_000_000_000, link=b"", device=(0, 0), magic="ustar",
           prefix=b"", tail=b""):
    block = bytearray(BLOCK)

    def put(at, data, size):
        assert len(data) <= size, (name, data)
        block[at:at + len(data)] = data

    put(0, name, 100)
    put(100, _number(mode, 8), 8)
    put(108, _number(uid, 8), 8)
    put(116, _number(gid, 8), 8)
    put(124, _number(size, 12), 12)
    put(136, _number(mtime, 12), 12)
    put(148, b" " * 8, 8)
    put(156, type, 1)
    put(157, link, 100)
    if magic != "v7":
        put(257, {"ustar": b"ustar\0" + b"00", "gnu": b"ustar  \0"}[magic], 8)
        put(329, _number(device[0], 8), 8)
        put(337, _number(device[1], 8), 8)
        put(345, prefix or tail, 167)
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(records, type=b"x", name=b"PaxHeaders/0"):
    body = b""
    for key, value in records:
        rest = b" " + key + b"=" + value + b"\n"
        size = len(rest) + 1
        while len(b"%d" % size) + len(rest) != size:
            size += 1
        body += b"%d" % size + rest
    return header(name, type, size=len(body)) + pad(body)


class Layer:
    """Entries in order. `pax` adds records in front; long names and xattrs become records by themselves."""

    def __init__(self):
        self.parts = []

    def raw(self, data):
        self.parts.append(data)
        return self

    def add(self, name, type=b"0", data=b"", link=b"", xattrs=(), pax_records=(), **fields):
        name = name.encode() if isinstance(name, str) else name
        link = link.encode() if isinstance(link, str) else link
        records = list(pax_records) + [(b"SCHILY.xattr." + key.encode(), value) for key, value in xattrs]
        if len(name) > 100:
            records.append((b"path", name))
            name = name[:100].rstrip(b"/")
        if len(link) > 100:
            records.append((b"linkpath", link))
            link = link[:100]
        if records:
            self.parts.append(pax(records))
        self.parts.append(header(name, type, size=len(data), link=link, **fields) + pad(data))
        return self

    def file(self, name, data=b"", **fields):
        return self.add(name, b"0", data, **fields)

    def folder(self, name, mode=0o755, **fields):
        return self.add(name + ("/" if isinstance(name, str) else b"/"), b"5", mode=mode, **fields)

    def symlink(self, name, target, **fields):
        return self.add(name, b"2", link=target, mode=0o777, **fields)

    def hard_link(self, name, target, **fields):
        return self.add(name, b"1", link=target, **fields)

    def char_device(self, name, major, minor, **fields):
        return self.add(name, b"3", device=(major, minor), **fields)

    def block_device(self, name, major, minor, **fields):
        return self.add(name, b"4", device=(major, minor), **fields)

    def fifo(self, name, **fields):
        return self.add(name, b"6", **fields)

    def whiteout(self, name):
        folder, slash, base = name.rpartition("/")
        return self.file(folder + slash + ".wh." + base)

    def opaque(self, folder):
        return self.file((folder + "/" if folder else "") + ".wh..wh..opq")

    def tar(self):
        return b"".join(self.parts) + bytes(2 * BLOCK)


def acl(*entries):
    """The xattr form of a POSIX ACL, of (tag, permissions, id): user_obj 1, user 2, group_obj 4, group 8, mask 16, other 32."""
    none = 0xFFFFFFFF
    data = (2).to_bytes(4, "little")
    for tag, permissions, *owner in entries:
        data += tag.to_bytes(2, "little") + permissions.to_bytes(2, "little")
        data += (owner[0] if owner else none).to_bytes(4, "little")
    return data


def capability(effective):
    return (0x02000001).to_bytes(4, "little") + effective.to_bytes(4, "little") + bytes(12)
