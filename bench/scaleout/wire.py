"""Bytes that came over an instance's link, by source: nftables counters in its network namespace, read by the harness."""

from __future__ import annotations

import json
import subprocess

from scaleout.shell import DemoError, output_of


def ruleset(sources: dict[str, str]) -> str:
    """A table that counts what arrives from each address: IP packets as the namespace receives them, headers included."""
    lines = ["table inet wire {"]
    lines += [f"  counter {name} {{ }}" for name in sources]
    lines += ["  chain arrivals {", "    type filter hook input priority 0; policy accept;"]
    lines += [f"    ip saddr {address} counter name {name}" for name, address in sources.items()]
    return "\n".join(lines + ["  }", "}", ""])


def install(pid: int, sources: dict[str, str]) -> None:
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "nft", "-f", "-"]
    done = subprocess.run(command, input=ruleset(sources), text=True, capture_output=True, timeout=30)
    if done.returncode != 0:
        raise DemoError(f"nftables refused the counters (kernel without nf_tables?):\n{done.stderr}")


def read(pid: int) -> dict[str, int]:
    """Bytes received so far by the namespace of `pid`, by source."""
    return parse(output_of(["nsenter", f"--net=/proc/{pid}/ns/net", "nft", "-j", "list", "counters", "table", "inet", "wire"]))


def parse(text: str) -> dict[str, int]:
    """The counters in nft's JSON output."""
    counters = [item["counter"] for item in json.loads(text)["nftables"] if "counter" in item]
    return {counter["name"]: int(counter["bytes"]) for counter in counters}
