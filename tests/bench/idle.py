"""An idle `bookcast up`: CPU seconds of each of its processes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SETTLE_S = 60.0
"""After the start, until what a start leaves to be done is done."""
MEASURE_S = 300.0
_NAMES = {"server_process": "Prefect's server", "runner.deployments": "runner", "studio_process": "studio"}


def measure_idle(folder: Path, root: Path, *, settle_s: float = SETTLE_S, measure_s: float = MEASURE_S) -> None:
    """Print what each process took, and all of them together as a share of one core."""
    command = [sys.executable, "-m", "pipeline.cli", "--data", str(folder / "idle"), "up", "--port", "0", "--json"]
    up = psutil.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        assert up.stdout
        json.loads(next(line for line in up.stdout if line.startswith("{")))
        time.sleep(settle_s)
        before, began = _seconds(up), time.monotonic()
        time.sleep(measure_s)
        after, took = _seconds(up), time.monotonic() - began
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(30)
    used = {name: after[name] - before.get(name, 0.0) for name in after}
    for name, seconds in used.items():
        print(f"idle: {name}: {seconds:.2f} s of {took:.0f} s, {100 * seconds / took:.2f} %", flush=True)
    total = sum(used.values())
    print(f"idle: together {total:.2f} s, {100 * total / took:.2f} % of one core", flush=True)


def _seconds(up: psutil.Popen) -> dict[str, float]:
    """CPU seconds of the processes so far, with those of their children that have ended."""
    found: dict[str, float] = {}
    for process in [up, *up.children(recursive=True)]:
        times = process.cpu_times()
        name = next((name for part, name in _NAMES.items() if part in " ".join(process.cmdline())), "")
        name = name or ("up" if process.pid == up.pid else "others")
        own = times.user + times.system + times.children_user + times.children_system
        found[name] = found.get(name, 0.0) + own
    return found
