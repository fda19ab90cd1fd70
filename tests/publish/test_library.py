"""Releases lie where players look, and appear whole or not at all."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PublishError
from pipeline.model.audio import ChapterAudio
from pipeline.model.book import BookMetadata
from pipeline.model.keys import MAX_SLUG_BYTES, book_slug
from pipeline.publish.library import (
    chapter_file_name,
    check_folder,
    detailed_name,
    file_name,
    metadata_json,
    release_folder,
    selection_name,
)


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


def test_a_selection_of_any_chapters_has_a_short_name_of_its_own() -> None:
    selections = [range(1, 400, 2), range(1, 402, 2), range(3, 400, 2), [1, 3, 4, 5], range(1, 10_000), [7]]
    names = [selection_name(list(selection)) for selection in selections]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) < 60
    assert names[3] == "chapters 1,3-5"


@given(st.text(max_size=300), st.sets(st.integers(1, 9999), min_size=1, max_size=400))
def test_a_book_s_file_has_a_name_that_every_disk_takes(title: str, chapters: set[int]) -> None:
    detail = f" ({selection_name(sorted(chapters))}) (part 12 of 34)"
    name = detailed_name(title, detail, ".m4b")
    assert name.endswith(detail + ".m4b")
    assert len(name.encode()) <= 143


def test_titles_in_chinese_are_bounded_in_bytes() -> None:
    title = "海上的灯亮了九十年" * 40
    assert len(book_slug(title, [title]).encode()) <= MAX_SLUG_BYTES
    assert len(f"{book_slug(title, [])}-2.99999.chapters.json".encode()) < 255
    assert len(file_name(title, fallback="x").encode()) <= 120
    assert len(chapter_file_name(3, 2000, title, "flac").encode()) <= 143


def test_a_long_title_is_cut_at_once() -> None:
    assert file_name("The Lamp " * 500_000, fallback="x").startswith("The Lamp The Lamp")


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(PublishError, match="cannot be written"):
        check_folder(tmp_path / "file" / "Author" / "Title")
    check_folder(tmp_path / "new" / "Author" / "Title")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
