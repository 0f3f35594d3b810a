"""Question: what does the router cost on the way of a request, and how many streams does it carry at once?

One upstream (nginx that answers POST /invocations with 1 KiB) is reached directly, through the router (router_alone, one fixed
copy) and through nginx as a proxy with as many workers as the router has I/O threads, in interleaved rounds of wrk.
  - requests/s at full load: router over nginx.
  - at half of the router's full load: the 99th percentile of the latency through the router less that without a proxy.
  - the same requests signed, with the signature checked, for information.
  - 5,000 response streams open at once, each of which gets every piece; the router's memory with them.
Limits: 0.8 of nginx's requests/s, under 1 ms, all streams whole.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import hashlib
import hmac
import json
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import harness
from harness import Check, Outcome, median
from scaleout.shell import DemoError, say, step

ROUTER = harness.PROGRAMS / "router_alone"
PATH = "/endpoints/llm/invocations"
BODY = json.dumps({"inputs": "x" * 480})
CONNECTIONS = 64
STREAMS = 5000
PIECES = 5
KEY_ID, SECRET = "AKIDBENCH", "bench-secret"

UPSTREAM_CONF = """
daemon off; worker_processes 1; pid {work}/upstream.pid; error_log {work}/upstream.log crit;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {work}/upstream-body;
  server {{ listen 127.0.0.1:{port} reuseport; location / {{ default_type application/json; return 200 '{answer}'; }} }} }}
"""
PROXY_CONF = """
daemon off; worker_processes {threads}; pid {work}/proxy.pid; error_log {work}/proxy.log crit;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {work}/proxy-body; proxy_temp_path {work}/proxy-temp;
  client_body_buffer_size 64k;
  upstream copy {{ server {upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} reuseport;
    location {path} {{ proxy_pass http://copy/invocations; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
"""
WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = [[{body}]]
{headers}
{delay}
done = function(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, failed,
                         latency:percentile(50), latency:percentile(99)))
end
"""


def free_port() -> int:
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def nginx(work: Path, name: str, conf: str) -> Iterator[None]:
    path = work / f"{name}.conf"
    path.write_text(conf)
    process = subprocess.Popen(["nginx", "-c", str(path), "-p", str(work), "-e", str(work / f"{name}.log")])
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def router(threads: int, upstream: str, *key: str) -> Iterator[tuple[int, int]]:
    """The port of a router in front of one copy, and its process id."""
    process = subprocess.Popen([ROUTER, str(threads), upstream, *key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        process.wait(20)


def signed_headers(port: int) -> dict[str, str]:
    """Signature Version 4 of the bench's one request."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    scope = f"{day}/us-east-1/sagemaker/aws4_request"
    names = "content-type;host;x-amz-date"
    canonical = "\n".join(["POST", PATH, "", "content-type:application/json", f"host:127.0.0.1:{port}", f"x-amz-date:{stamp}", "", names,
                           hashlib.sha256(BODY.encode()).hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return {"X-Amz-Date": stamp,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}"}


def load(work: Path, port: int, path: str, seconds: int, delay_ms: int = 0, signed: bool = False) -> tuple[float, float]:
    """Requests/s and the 99th percentile of their latency in ms. Each connection waits delay_ms before each request."""
    headers = {"Content-Type": "application/json"} | (signed_headers(port) if signed else {})
    script = work / "load.lua"
    script.write_text(WRK_SCRIPT.format(
        body=BODY, headers="\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()),
        delay=f"delay = function() return {delay_ms} end" if delay_ms else ""))
    output = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}{path}"],
                            capture_output=True, text=True, check=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("RESULT"))
    requests, duration_us, failed, _, p99_us = map(int, line.split()[1:])
    if failed:
        raise DemoError(f"{failed} of {requests} requests to port {port} failed")
    return requests / (duration_us / 1e6), p99_us / 1000


class StreamingUpstream:
    """A container that sends PIECES pieces to each stream, the next ones when all streams are open."""

    def __init__(self) -> None:
        self.open = 0
        self.all_open = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            self.open += 1
            if self.open == STREAMS:
                self.all_open.set()
            await self.all_open.wait()
            for number in range(PIECES):
                writer.write(b"6\r\nnumb-%d\r\n" % number)
                await writer.drain()
                await asyncio.sleep(0.5)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        finally:
            writer.close()


async def one_stream(port: int, opened: asyncio.Semaphore) -> bool:
    async with opened:  # so many connect at once
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
        request = f"POST {PATH}-response-stream HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n{BODY}"
        writer.write(request.encode())
        text = await reader.readuntil(b"first")
    text += await reader.read(-1)
    writer.close()
    return text.startswith(b"HTTP/1.1 200") and text.count(b"PayloadPart") >= 2 and b"numb-%d" % (PIECES - 1) in text


def resident_mib(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def raise_descriptor_limit(count: int) -> None:
    """For this process and the router."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < count:
        raise DemoError(f"{STREAMS} streams need {count} open files, and the limit is {hard}: raise it (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def streams(threads: int) -> tuple[int, float, float]:
    """How many of STREAMS came whole, the router's MiB before, and with all of them open."""
    upstream = StreamingUpstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    with router(threads, f"127.0.0.1:{port}") as (router_port, pid):
        before = resident_mib(pid)
        opened = asyncio.Semaphore(200)
        tasks = [asyncio.create_task(one_stream(router_port, opened)) for _ in range(STREAMS)]
        await asyncio.wait_for(upstream.all_open.wait(), 120)
        with_all = resident_mib(pid)
        whole = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 120)
    server.close()
    return sum(one is True for one in whole), before, with_all


def measure(arguments: argparse.Namespace, work: Path) -> Outcome:
    if not ROUTER.exists():
        raise DemoError(f"{ROUTER} is missing: run ./dev build")
    threads, seconds = arguments.threads, arguments.seconds
    upstream_port, proxy_port = free_port(), free_port()
    upstream = f"127.0.0.1:{upstream_port}"
    answer = json.dumps({"outputs": "y" * 1000})
    measured: dict[str, list[float]] = {name: [] for name in ("nginx", "router", "signed", "p99_direct", "p99_router", "p99_nginx")}
    with ExitStack() as stack:
        stack.enter_context(nginx(work, "upstream", UPSTREAM_CONF.format(work=work, port=upstream_port, answer=answer)))
        stack.enter_context(nginx(work, "proxy", PROXY_CONF.format(work=work, port=proxy_port, upstream=upstream, path=PATH, threads=threads)))
        router_port, _ = stack.enter_context(router(threads, upstream))
        signed_port, _ = stack.enter_context(router(threads, upstream, KEY_ID, SECRET))
        time.sleep(0.5)
        for port, path in ((upstream_port, "/invocations"), (proxy_port, PATH), (router_port, PATH)):
            load(work, port, path, 1)
        with step(f"{arguments.rounds} rounds at full load"):
            for _ in range(arguments.rounds):
                measured["nginx"].append(load(work, proxy_port, PATH, seconds)[0])
                measured["router"].append(load(work, router_port, PATH, seconds)[0])
                measured["signed"].append(load(work, signed_port, PATH, seconds, signed=True)[0])
        delay_ms = max(1, round(1000 * CONNECTIONS / (median(measured["router"]) / 2)))
        with step(f"{arguments.rounds} rounds at half load"):
            for _ in range(arguments.rounds):
                measured["p99_direct"].append(load(work, upstream_port, "/invocations", seconds, delay_ms)[1])
                measured["p99_router"].append(load(work, router_port, PATH, seconds, delay_ms)[1])
                measured["p99_nginx"].append(load(work, proxy_port, PATH, seconds, delay_ms)[1])
    raise_descriptor_limit(3 * STREAMS)
    with step(f"{STREAMS} streams at once"):
        whole, before, with_all = asyncio.run(streams(threads))
    ratios = [own / rival for own, rival in zip(measured["router"], measured["nginx"], strict=True)]
    added = [own - direct for own, direct in zip(measured["p99_router"], measured["p99_direct"], strict=True)]
    added_nginx = [own - direct for own, direct in zip(measured["p99_nginx"], measured["p99_direct"], strict=True)]
    say(f"requests/s: router {median(measured['router']):,.0f}, with signatures checked {median(measured['signed']):,.0f}, "
        f"nginx {median(measured['nginx']):,.0f}")
    return Outcome(
        checks=[Check("requests/s of nginx", median(ratios), 0.8, at_least=True),
                Check("latency added at half load, 99th percentile", median(added), 1.0, unit="ms"),
                Check("concurrent streams that came whole", whole, STREAMS, at_least=True)],
        notes=[f"{threads} I/O thread(s), {CONNECTIONS} connections, {arguments.rounds} rounds of {seconds} s each",
               f"nginx adds {median(added_nginx):.2f} ms at the same load",
               f"with signatures checked {median(measured['signed']) / median(measured['nginx']):.2f} of nginx's requests/s",
               f"memory: {before:.0f} MiB, with {STREAMS} streams open {with_all:.0f} MiB"],
        measured=measured | {"ratios": ratios, "added_ms": added, "streams": whole, "mib": [before, with_all]})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each load")
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="of the router and of nginx")


if __name__ == "__main__":
    harness.run("router", __doc__ or "", measure, add_arguments)
