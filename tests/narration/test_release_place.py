"""Where a release is to go is looked at before anything is spoken."""

from pathlib import Path

import pytest

from pipeline.errors import PublishError
from pipeline.narration.core.order import Order
from tests.conftest import Desk
from tests.fakes import spoken
from tests.makers import make_epub


def test_a_library_that_cannot_be_written_is_found_out_before_anything_is_spoken(
    desk: Desk, short_epub: Path, fake_voice: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(PublishError, match="cannot be written") as caught:
        desk.narrate(short_epub, Order(backend="fake", output=str(tmp_path / "file" / "library")))
    assert "--output" in caught.value.remedy
    assert spoken(fake_voice) == []


@pytest.mark.long
def test_every_second_chapter_of_a_long_chinese_book_becomes_one_file(desk: Desk, tmp_path: Path) -> None:
    files = {f"c{n}.xhtml": f"<p>Page {n}.</p>" for n in range(1, 160)}
    book = tmp_path / "book.epub"
    book.write_bytes(make_epub(files, title="海上的灯亮了九十年" * 12, author="没有人知道是谁" * 12))
    summary = desk.narrate(book, Order(backend="tone", chapters=tuple(range(1, 160, 2))))
    (path,) = map(Path, summary.outputs)
    assert path.is_file()
    assert max(len(part.encode()) for part in path.parts) <= 143
    assert "80 chapters from 1 to 159" in path.name
