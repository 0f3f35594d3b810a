"""Running commands and telling the reader what happens, with the time that each step took."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# What a process started on an instance or for a service sees of the environment.
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}

# A process that was started for the demo dies with it, also when the demo is killed with SIGKILL.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")


class DemoError(Exception):
    """The demo cannot go on. The message is for the person at the terminal: what failed, why, what to do."""


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, indented; a note when there is none."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        return f"    (no log: {error})"
    return "\n".join("    " + line[:300] for line in text.splitlines()[-lines:]) or "    (empty)"


def output_of(command: Sequence[str | Path], timeout_s: float = 60) -> str:
    """Runs a command to its end and returns its standard output; DemoError with its messages when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=timeout_s)
    except FileNotFoundError as error:
        raise DemoError(f"{words[0]} is not installed: run ./dev packages run") from error
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"no end after {timeout_s:.0f} s: {' '.join(words)}") from error
    if done.returncode != 0:
        raise DemoError(f"exit code {done.returncode}: {' '.join(words)}\n{done.stdout[-1000:]}{done.stderr[-3000:]}".rstrip())
    return done.stdout


def say(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Prints what is being done and, at its end, how long it took."""
    print(f"  {what} ... ", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - start:.1f} s", flush=True)


def wait_until(ready: Callable[[], bool], what: str, timeout_s: float = 20) -> None:
    """Polls `ready` every 50 ms: for services that tell nobody when they are up."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise DemoError(f"{what} did not come up within {timeout_s:.0f} s")
        time.sleep(0.05)
