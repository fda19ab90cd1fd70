"""A file is whole or absent, also on disks that know less than others."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store.files.whole_file import whole_file


@pytest.fixture
def refuse_folders(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """refuse_folders(number): a disk that answers with this error where a folder is to be synced."""
    real = os.fsync

    def refuse(number: int) -> None:
        def fsync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    return refuse


def write(target: Path) -> None:
    with whole_file(target) as temporary:
        temporary.write_text("whole")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES])
def test_a_file_is_written_on_a_disk_that_cannot_sync_folders(
    refuse_folders: Callable[[int], None], tmp_path: Path, number: int
) -> None:
    refuse_folders(number)
    write(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_broken_is_still_told(refuse_folders: Callable[[int], None], tmp_path: Path) -> None:
    refuse_folders(errno.EIO)
    with pytest.raises(StoreError, match="file cannot be written"):
        write(tmp_path / "file")
