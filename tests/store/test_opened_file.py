"""A database file that is no longer the one that was opened is an error at once, and no new one is made in silence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store import Store


def delete(data: Path) -> None:
    for path in data.glob("bookcast.db*"):
        path.unlink()


def move_away(data: Path) -> None:
    (data / "bookcast.db").rename(data.parent / "elsewhere.db")


def replace(data: Path) -> None:
    shutil.copy(data / "bookcast.db", data.parent / "copy.db")
    (data.parent / "copy.db").replace(data / "bookcast.db")


def remove_all(data: Path) -> None:
    data.rename(data.parent / "gone")
    shutil.rmtree(data.parent / "gone", ignore_errors=True)  # a run may be writing to it


def unmount(data: Path) -> None:
    data.rename(data.parent / "unmounted")
    data.mkdir()


WAYS = (delete, move_away, replace, remove_all, unmount)


@pytest.mark.parametrize("lose", WAYS)
def test_reading_and_writing_say_that_the_database_is_gone(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    store = Store(tmp_path / "data")
    lose(store.data)
    for attempt in (
        lambda: store.clips.find(["k"]),
        lambda: store.claims.claim(["k"]),
        lambda: store.check(),
    ):
        with pytest.raises(StoreError, match="bookcast.db is no longer") as caught:
            attempt()
        assert "bookcast cache rebuild" in caught.value.remedy
    if lose is not replace:
        assert not (store.data / "bookcast.db").exists()
    store.close()


def test_a_new_connection_makes_no_new_database(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    with (
        pytest.raises(StoreError, match="no longer there"),
        store._database.reading() as first,
        store._database.reading() as second,
    ):
        first.connection()  # the only one that is open
        delete(store.data)
        second.connection()
    assert not list(store.data.glob("bookcast.db*"))


def test_what_was_being_written_to_a_lost_file_is_not_taken_for_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    with pytest.raises(StoreError, match="no longer there"), store._database.writing():
        delete(store.data)


def test_a_path_with_every_odd_sign_is_opened(tmp_path: Path) -> None:
    data = tmp_path / "odd ?mode=memory&x=%41#é"
    Store(data).close()
    assert (data / "bookcast.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [data.name]
