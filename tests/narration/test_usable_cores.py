"""Work is spread over the cores that the process may use: of its mask, and of the time that its groups allow."""

import os
from pathlib import Path

import pytest

from pipeline.narration.core.usable_cores import usable_cores
from tests.conftest import Desk

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/cpu"
SELF = "proc/self/cgroup"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, CORES),
        ({SELF: "0::/\n", f"{V2}/cpu.max": "100000 100000\n"}, 1),
        ({SELF: "0::/\n", f"{V2}/cpu.max": "max 100000\n"}, CORES),
        ({SELF: "0::/a/b\n", f"{V2}/a/b/cpu.max": "max 100000\n", f"{V2}/a/cpu.max": "50000 100000\n"}, 1),
        ({SELF: "0::/docker/0123\n", f"{V2}/cpu.max": "100000 100000\n"}, 1),
        ({SELF: "0::/a\n", f"{V2}/a/cpu.max": "1000 100000\n"}, 1),
        ({SELF: "0::/a\n", f"{V2}/a/cpu.max": "99900000 100000\n"}, CORES),
        ({SELF: "4:cpu,cpuacct:/a\n", f"{V1}/a/cpu.cfs_quota_us": "50000", f"{V1}/a/cpu.cfs_period_us": "100000"}, 1),
        ({SELF: "4:cpu:/a\n", f"{V1}/a/cpu.cfs_quota_us": "-1", f"{V1}/a/cpu.cfs_period_us": "100000"}, CORES),
        ({SELF: "nonsense\n0::/../../..\n", f"{V2}/cpu.max": "nonsense\n"}, CORES),
        ({SELF: "0::/a\n", f"{V2}/a/cpu.max": "100000 0\n"}, CORES),
    ],
)
def test_the_quota_of_every_group_counts(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    assert usable_cores(tree(tmp_path, files)) == cores


def test_part_of_a_core_is_one_more_process(tmp_path: Path) -> None:
    root = tree(tmp_path, {SELF: "0::/\n", f"{V2}/cpu.max": "150000 100000\n"})
    assert usable_cores(root) == min(CORES, 2)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system pins no process")
def test_encoders_and_workers_are_as_many_as_the_process_may_use(desk: Desk) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        context = desk.open()
        assert usable_cores() == 1
        assert context.encoders._max_workers == 1
        context.close()
    finally:
        os.sched_setaffinity(0, allowed)
