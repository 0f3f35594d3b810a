"""How much memory does `zeropull image convert` take?

    bench/convert_memory [--zeropull PROGRAM] [--scratch DIR] [INODES/LAYERS ...]

Converts generated images (tests/generator_registry.py) of so many inodes in so many layers, and looks every few milliseconds at what the
command and its layer workers hold together: their proportional set size, so that a shared page counts once, with mapped files. Limit: 256
MiB up to 500,000 inodes, 200 bytes an inode beyond. There is no rival: containerd's unpack makes the files and keeps no tree. Exits with 1
when an image needs more. As root: the workers' memory is private.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
LOOK_SECONDS = 0.005


def limit_of(inodes):
    return 256 * MIB + 200 * max(0, inodes - 500_000)


def memory_of(pid):
    """Anonymous and file-backed bytes of the process's share; nothing of one that is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            fields = dict(line.split(":") for line in file if line.startswith("Pss"))
    except OSError:
        return 0, 0
    kib = {name: int(value.split()[0]) for name, value in fields.items()}
    return kib["Pss_Anon"] * 1024, (kib["Pss"] - kib["Pss_Anon"]) * 1024


def children_of(pid):
    try:
        return [int(child) for task in os.listdir(f"/proc/{pid}/task")
                for child in open(f"/proc/{pid}/task/{task}/children").read().split()]
    except OSError:
        return []


def watch(process):
    """The most that the process and its workers held together, and the most that one process did."""
    peak = {"all": 0, "anonymous": 0, "converter": 0, "worker": 0}
    while process.poll() is None:
        own = memory_of(process.pid)
        workers = [memory_of(child) for child in children_of(process.pid)]
        everything = sum(own) + sum(sum(worker) for worker in workers)
        if everything > peak["all"]:
            peak["all"] = everything
            peak["anonymous"] = own[0] + sum(worker[0] for worker in workers)
        peak["converter"] = max(peak["converter"], sum(own))
        peak["worker"] = max([peak["worker"], *map(sum, workers)])
        time.sleep(LOOK_SECONDS)
    return peak


def measure(arguments, inodes, layers):
    sizes = ["--inodes", str(inodes), "--layers", str(layers)]
    registry = subprocess.Popen([os.path.join(HERE, "../../tests/generator_registry.py"), "serve", "many", *sizes],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with registry, tempfile.TemporaryDirectory(prefix="zp-convert-memory-", dir=arguments.scratch) as scratch:
        reference = registry.stdout.readline().decode().strip()
        began = time.monotonic()
        command = [arguments.zeropull, "image", "convert", "--plain-http", "--from", reference, "--to", scratch + "/volume"]
        with open(scratch + "/log", "w+") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            peak = watch(process)
            log.seek(0)
            if process.returncode != 0:
                sys.exit(f"convert failed: {log.read()}")
        seconds = time.monotonic() - began
        registry.stdin.close()
    limit = limit_of(inodes)
    verdict = "within" if peak["all"] <= limit else "MISSED"
    print(f"{inodes:>9,} inodes in {layers:>2} layers: {peak['all'] / MIB:4.0f} MiB of {limit / MIB:.0f}, {verdict} ({peak['anonymous'] / MIB:.0f}"
          f" of it anonymous; the converter itself {peak['converter'] / MIB:.0f}, the largest worker {peak['worker'] / MIB:.0f}; {seconds:.0f} s)",
          flush=True)
    return peak["all"] <= limit


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zeropull", default=os.path.join(HERE, "../../build/bin/zeropull"))
    parser.add_argument("--scratch", help="a folder on a disk with 4 GB for a million inodes", default="/var/tmp")
    parser.add_argument("images", nargs="*", default=["500000/10", "500000/1", "1000000/10", "1000000/1"], metavar="INODES/LAYERS")
    arguments = parser.parse_args()
    good = [measure(arguments, *map(int, image.split("/"))) for image in arguments.images]
    sys.exit(0 if all(good) else 1)


main()
