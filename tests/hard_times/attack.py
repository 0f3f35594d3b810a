"""attack.py garbage SEED ADDRESS:PORT..: sends to each what no protocol has, and waits for each connection's end or two seconds.
attack.py half-open COUNT ADDRESS:PORT: opens so many connections with the beginning of a request on each, prints how many are open
after a second, and holds them until its input ends."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import sys
import time

BEGINNING = b"POST /endpoints/llm/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nX-Half"


def pieces(random_: random.Random) -> list[bytes]:
    noise = random_.randbytes(5000)
    return [
        noise, b"", b"\0" * 70000, b"\r\n" * 40000, b"GET " + b"a" * 200000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n" + noise,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise[:500],  # a TLS hello that turns into noise
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff\xff\xff\x04\x00\x00\x00\x00\x00" + noise,  # HTTP/2 with a frame of 16 MiB
    ]


def address_of(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def garbage(seed: str, *targets: str) -> None:
    open_now = []
    for target in targets:
        for piece in pieces(random.Random(seed)):
            one = socket.create_connection(address_of(target), timeout=5)
            with contextlib.suppress(OSError):
                one.sendall(piece)
            open_now.append(one)
    end = time.monotonic() + 2
    while open_now and time.monotonic() < end:
        ready, _, _ = select.select(open_now, [], [], 0.1)
        for one in ready:
            with contextlib.suppress(OSError):
                if one.recv(65536):
                    continue
            open_now.remove(one)


def half_open(count: str, target: str) -> None:
    held = []
    for _ in range(int(count)):
        one = socket.create_connection(address_of(target), timeout=10)
        held.append(one)
        with contextlib.suppress(OSError):
            one.sendall(BEGINNING)
    time.sleep(1)
    poll = select.poll()  # select() ends at descriptor 1023
    for one in held:
        poll.register(one, select.POLLIN)
    print(len(held) - len(poll.poll(0)), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    {"garbage": garbage, "half-open": half_open}[sys.argv[1]](*sys.argv[2:])
