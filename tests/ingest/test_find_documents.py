"""Folders are taken as they are: links, loops, what cannot be read, names that are not text, and many files."""

import os
from pathlib import Path

import pytest

from pipeline.errors import DocumentError
from pipeline.ingest.find_documents import find_documents


def names(folder: Path) -> list[str]:
    return [Path(path).name for path in find_documents([str(folder)]).documents]


def fill(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).write_text("Some text.\n")
    return folder


def test_documents_of_a_folder_come_by_name_and_all_else_stays_out(tmp_path: Path) -> None:
    fill(tmp_path / "shelf" / "b", "two.md")
    fill(tmp_path / "shelf" / ".hidden", "three.md")
    fill(tmp_path / "shelf", "one.TXT", "picture.jpg", "._one.txt", "notes.txt.part")
    os.mkfifo(tmp_path / "shelf" / "pipe.txt")
    assert names(tmp_path / "shelf") == ["two.md", "one.TXT"]


def test_links_are_followed_and_a_loop_ends(tmp_path: Path) -> None:
    shelf, elsewhere = fill(tmp_path / "shelf", "one.txt"), fill(tmp_path / "elsewhere", "two.txt")
    (shelf / "linked").symlink_to(elsewhere)
    (shelf / "again").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(shelf)
    (shelf / "file.txt").symlink_to(elsewhere / "two.txt")
    assert sorted(names(shelf)) == ["file.txt", "one.txt", "two.txt"]


def test_a_link_to_nothing_is_named_and_not_passed_over(tmp_path: Path) -> None:
    shelf = fill(tmp_path / "shelf", "one.txt")
    (shelf / "gone.txt").symlink_to("nowhere")
    (shelf / "self.txt").symlink_to("self.txt")
    assert names(shelf) == ["gone.txt", "one.txt", "self.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_cannot_be_read_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    shelf = fill(tmp_path / "shelf", "one.txt")
    fill(shelf / "closed", "two.txt").chmod(0)
    found = find_documents([str(shelf)])
    (shelf / "closed").chmod(0o700)
    assert len(found.documents) == 1
    assert [Path(error.path).name for error in found.errors] == ["closed"]


def test_a_folder_without_a_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="holds no document"):
        find_documents([str(fill(tmp_path / "shelf", "picture.jpg"))])


def test_addresses_and_files_stay_as_they_are_given() -> None:
    given = ["https://example.org/a", "no-such-file.epub"]
    assert find_documents(given).documents == given


def test_ten_thousand_files_are_found(tmp_path: Path) -> None:
    for n in range(10_000):
        (tmp_path / f"{n:05}.txt").touch()
    assert names(tmp_path) == [f"{n:05}.txt" for n in range(10_000)]
