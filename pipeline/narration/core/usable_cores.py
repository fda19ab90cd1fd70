"""The cores that this process may use, which are often fewer than the machine has: taskset, containers, services.

Linux, cgroup v2 `cpu.max` (kernel documentation, admin-guide/cgroup-v2), v1 `cpu.cfs_quota_us` (scheduler/sched-bwc).
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """How many processes can be at work at once; 1 or more. `root` is where /proc and /sys are."""
    return max(1, min([_allowed(), *(math.ceil(quota) for quota in _quotas(root))]))


def _allowed() -> int:
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on, where a user can also state the number
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """Cores' worth of time that each group of this process may use; none where nothing bounds it."""
    groups = _read(root / "proc/self/cgroup").splitlines()
    for _, controllers, name in (line.split(":", 2) for line in groups if line.count(":") >= 2):
        if not controllers:
            for folder in _up(root / "sys/fs/cgroup", name):
                yield from _share(*_read(folder / "cpu.max").split())
        elif "cpu" in controllers.split(","):
            for folder in _up(root / "sys/fs/cgroup/cpu", name):
                yield from _share(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _up(mount: Path, name: str) -> Iterator[Path]:
    """The group's folder and those above it, for each of them bounds what is in it.

    In a container that sees its own part of the tree only, the group's folder is missing, and the top bounds it.
    """
    folder = mount / name.strip("/")
    while folder != mount and folder.is_relative_to(mount):
        yield folder
        folder = folder.parent
    yield mount


def _share(quota: str = "", period: str = "", *_: str) -> Iterator[float]:
    if quota.strip().isdigit() and period.strip().isdigit() and int(period):  # else "max", -1 or no such file
        yield int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""
