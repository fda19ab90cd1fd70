"""A data directory is its owner's alone, and one that cannot be used is refused in one sentence."""

import hashlib
import itertools
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.narration.core.order import Order
from pipeline.store import Store
from pipeline.store.files.data_folder import check_room, open_data_folder
from tests.conftest import Desk
from tests.program import bookcast

TONE = Order(backend="tone")


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_data_directory_is_closed_to_everybody_but_its_owner(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    context = desk.open()
    assert [mode(desk.data / name) for name in ("", "work", "prefect")] == [0o700] * 3
    databases = sorted(desk.data.glob("bookcast.db*"))
    assert {path.suffix for path in databases} >= {".db", ".db-wal"}
    assert [mode(path) for path in databases] == [0o600] * len(databases)
    context.close()


def test_the_data_directory_of_an_older_bookcast_is_closed_when_it_is_opened(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    secrets = [desk.data / name for name in ("work/studio-token", "work/logs/studio.log", "prefect/prefect.db")]
    for path in secrets:
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret")
    for path in [desk.data, *desk.data.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    context = desk.open()
    closed = [desk.data / name for name in ("", "work", "work/logs", "prefect")]
    assert [mode(path) for path in closed] == [0o700] * 4
    assert [mode(path) for path in (desk.data / "bookcast.db", *secrets)] == [0o600] * 4
    context.close()


def test_a_library_elsewhere_keeps_the_modes_that_the_user_gives(desk: Desk, short_epub: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir(mode=0o755)
    outputs = desk.narrate(short_epub, Order(backend="tone", output=str(library))).outputs
    assert [mode(Path(path)) for path in outputs] == [0o644]
    assert {mode(path) for path in [library, *library.rglob("*")] if path.is_dir()} == {0o755}


def test_a_folder_that_is_there_for_everybody_stays_so(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    open_data_folder(shared, "work")
    assert mode(shared) == 0o1777
    assert mode(shared / "work") == 0o700


def test_a_folder_that_is_also_of_somebody_else_keeps_its_mode_and_those_of_their_files(tmp_path: Path) -> None:
    shared = tmp_path / "nas"
    files = [shared / "film.mkv", shared / "work" / "letter.txt", shared / "prefect" / "list.txt"]
    for path in files:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("not of Bookcast")
    for path in [shared, *shared.rglob("*")]:
        path.chmod(0o775 if path.is_dir() else 0o664)
    for _ in range(2):  # the second time there is a database
        Store(shared).close()
    assert [mode(path) for path in (shared, shared / "work", shared / "prefect")] == [0o775] * 3
    assert [mode(path) for path in files] == [0o664] * 3
    assert [mode(path) for path in (shared / "clips", shared / "library", shared / "inbox")] == [0o700] * 3
    assert {mode(path) for path in shared.glob("bookcast.db*")} == {0o600}


def test_an_empty_disk_that_is_to_hold_the_data_is_closed(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    tmp_path.chmod(0o755)
    open_data_folder(tmp_path, "work")
    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("command", [("status",), ("spend",), ("backup", "copy"), ("cache", "stats")])
def test_a_command_that_looks_makes_no_data_directory_among_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.mkv").touch()
    done = bookcast("--data", ".", *command)
    assert done.returncode == 7
    assert done.stderr.startswith(f"Error: {tmp_path} is not a data directory")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


UNWRITABLE = ("/proc/bookcast", "FILE/data", "FILE")
WRITERS = (("narrate", "BOOK", "--direct"), ("narrate", "BOOK"), ("up",))


@pytest.mark.parametrize(
    ("data", "command"),
    [*itertools.product(("/proc/self", *UNWRITABLE), WRITERS), *((data, ("status",)) for data in UNWRITABLE)],
)
def test_a_data_directory_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, short_epub: Path, data: str, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    data = data.replace("FILE", str(tmp_path / "file"))
    done = bookcast("--data", data, *[str(short_epub) if word == "BOOK" else word for word in command])
    assert done.returncode == 7, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith(f"Error: The data directory {Path(data).resolve()} cannot be written")
    assert len(lines) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_data_directory_that_is_read_only_is_refused(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    folders = [path for path in [desk.data, *desk.data.rglob("*")] if path.is_dir()]
    for path in folders:
        path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        Store(desk.data)
    for path in folders:
        path.chmod(0o700)


def test_a_lock_that_cannot_be_taken_is_one_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    store.close()
    lock = tmp_path / "data" / "work" / "locks" / f"{hashlib.sha256(b'database').hexdigest()[:32]}.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "data")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few MB, where the system lets one be made."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True)
    if not made or made.returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("command", [("narrate", "BOOK"), ("narrate", "BOOK", "--direct"), ("status",)])
def test_on_a_full_disk_every_command_names_the_disk(
    small_disk: Path, short_epub: Path, command: tuple[str, ...]
) -> None:
    Store(small_disk / "data").close()
    with suppress(OSError), open(small_disk / "fill", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    done = bookcast("--data", str(small_disk / "data"), *[str(short_epub) if w == "BOOK" else w for w in command])
    assert done.returncode == 7, done.stderr
    assert done.stderr.startswith(f"Error: The disk of the data directory {small_disk / 'data'} is full")
    assert "nothing that was finished is lost" in done.stderr


def test_a_full_disk_is_named_before_a_server_is_started_for_nothing(tmp_path: Path) -> None:
    check_room(tmp_path / "not" / "there")
    with pytest.raises(StoreError, match="disk of the data directory .* is full") as caught:
        check_room(tmp_path, least_bytes=shutil.disk_usage(tmp_path).total + 1)
    assert "free some space" in caught.value.remedy
