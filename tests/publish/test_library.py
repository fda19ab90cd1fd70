"""Releases lie where players look, and appear whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PublishError
from pipeline.model.audio import ChapterAudio
from pipeline.model.book import BookMetadata, Cover
from pipeline.publish.cover import find_usable_cover
from pipeline.publish.library import (
    ReleaseFile,
    chapter_file_name,
    file_name,
    metadata_json,
    place_release,
    release_folder,
)
from tests.makers import make_png, sample_cover


@given(st.text(max_size=300))
def test_any_title_is_a_safe_file_name(text: str) -> None:
    name = file_name(text, fallback="Untitled")
    assert name
    assert not set(name) & set('/\\:*?"<>|\x00\n')
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= 120


def test_folders_follow_author_series_and_title() -> None:
    facts = BookMetadata("The: Title", ("A. Author", "B. Other", "C. Third"))
    assert release_folder(Path("L"), facts) == Path("L/A. Author, B. Other/The Title")
    assert release_folder(Path("L"), BookMetadata("T", ("A",), series="S")) == Path("L/A/S/T")
    assert release_folder(Path("L"), BookMetadata("../..", ())) == Path("L/Unknown author/Untitled")


def test_chapter_files_sort_in_order() -> None:
    names = [chapter_file_name(n, 120, f"Chapter {n}/x", "mp3") for n in (1, 9, 10, 99, 100)]
    assert names == sorted(names)


def test_metadata_json_has_marks_in_seconds() -> None:
    chapters = [ChapterAudio("k", n, f"C{n}", 48_000, -20.0, 1.0) for n in range(2)]
    value = json.loads(metadata_json(BookMetadata("T", ("A",), series="S", series_index="2"), "N", chapters))
    assert value["chapters"][1] == {"id": 1, "start": 2.0, "end": 4.0, "title": "C1"}
    assert (value["title"], value["authors"], value["narrators"], value["series"]) == ("T", ["A"], ["N"], ["S #2"])


def test_a_failed_release_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    good = ReleaseFile("a.m4b", lambda path: path.write_bytes(b"x") and None)
    with pytest.raises(PublishError, match="No space left"):
        place_release(tmp_path / "book", [good, ReleaseFile("b.m4b", fail)])
    assert not list((tmp_path / "book").iterdir())


@pytest.mark.parametrize(
    ("picture", "kind"),
    [
        (make_png(np.zeros((8, 8, 3), np.uint8)), "image/png"),
        (sample_cover(), "image/png"),
        (
            b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="90"><rect width="60" height="90" fill="red"/></svg>',
            "image/jpeg",
        ),
    ],
)
def test_covers_become_what_players_take(picture: bytes, kind: str) -> None:
    cover = find_usable_cover(Cover("image/svg+xml" if b"svg" in picture[:9] else "image/x", picture))
    assert cover is not None
    assert cover.media_type == kind
    assert find_usable_cover(Cover("image/svg+xml" if b"svg" in picture[:9] else "image/x", picture)) == cover


def test_a_broken_cover_is_left_out() -> None:
    for data in (b"", b"\x89PNG\r\n\x1a\nbroken", b"\xff\xd8broken", b"<svg", b"GIF89a"):
        assert find_usable_cover(Cover("image/png", data)) is None
