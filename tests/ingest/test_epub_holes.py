"""A text of a book that is not there, or cannot be read, is never passed over without a word."""

import io
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DamagedDocument, DocumentError, EmptyDocument
from pipeline.ingest.read_document import parse_document
from pipeline.model.text import Block, BlockKind, Document
from pipeline.narration.reading.check_complete import check_complete
from pipeline.text.chunks import Packing, plan_chunks
from tests.makers import make_epub, make_zip, zip_entries

ONE_AND_TWO = {"a.xhtml": "<p>one</p>", "b.xhtml": "<p>two</p>"}


def read(data: bytes) -> Document:
    return parse_document(data, name="book.epub")


def spoken(document: Document) -> list[str]:
    return [b.text for c in document.chapters for b in c.blocks if not b.skip_reason]


def holes(document: Document) -> list[Block]:
    return [b for c in document.chapters for b in c.blocks if b.kind is BlockKind.MISSING]


def without(data: bytes, *names: str) -> bytes:
    """The archive without these files."""
    return make_zip({name: content for name, content in zip_entries(data).items() if name not in names})


def repackaged(data: bytes, old: str, new: str) -> bytes:
    """The book with another wording in its package document."""
    files = zip_entries(data)
    package = files["OEBPS/content.opf"].decode()
    assert old in package
    return make_zip({**files, "OEBPS/content.opf": package.replace(old, new)})


def repacked(data: bytes, name: str) -> bytes:
    """The book with one file in a packing that nobody knows."""
    method = struct.pack("<H", 97)
    header = data.index(name.encode()) - 30 + 8  # APPNOTE 4.3.7 and 4.3.12: where the method stands before the name
    directory = data.rindex(name.encode()) - 46 + 10
    return data[:header] + method + data[header + 2 : directory] + method + data[directory + 2 :]


def miscounted(data: bytes, name: str) -> bytes:
    """The book with one file whose checksum is wrong."""
    crc = struct.pack("<I", zipfile.ZipFile(io.BytesIO(data)).getinfo(name).CRC)
    return data.replace(crc, b"\0\0\0\0")


def test_a_chapter_that_the_archive_lacks_is_a_hole_in_its_place() -> None:
    files = {f"{n}.xhtml": f"<p>part {n}</p>" for n in (1, 2, 3)}
    book = read(without(make_epub(files), "OEBPS/2.xhtml"))
    assert [(b.text, b.skip_reason) for c in book.chapters for b in c.blocks] == [
        ("part 1", ""),
        ("OEBPS/2.xhtml", "missing from the file: OEBPS/2.xhtml"),
        ("part 3", ""),
    ]
    assert [c.title for c in book.chapters] == ["Chapter 1", "Chapter 3"]


@pytest.mark.parametrize("there", ["alpha.xhtml", "extra/Alpha.xhtml"])
def test_a_missing_chapter_is_not_mistaken_for_one_that_another_entry_names(there: str) -> None:
    files = {"Alpha.xhtml": "<p>first</p>", there: "<p>second</p>"}
    book = read(without(make_epub(files), "OEBPS/Alpha.xhtml"))
    assert spoken(book) == ["second"]
    assert [hole.text for hole in holes(book)] == ["OEBPS/Alpha.xhtml"]


UNREADABLE: dict[str, Callable[[], bytes]] = {
    "not in the archive": lambda: without(make_epub(ONE_AND_TWO), "OEBPS/b.xhtml"),
    "a wrong checksum": lambda: miscounted(make_epub(ONE_AND_TWO), "OEBPS/b.xhtml"),
    "an unknown packing": lambda: repacked(make_epub(ONE_AND_TWO), "OEBPS/b.xhtml"),
    "nothing in it": lambda: make_epub(ONE_AND_TWO, extra={"OEBPS/b.xhtml": ""}),
    "entities that name files": lambda: make_epub(
        {**ONE_AND_TWO, "b.xhtml": '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///x">]><html><body>&x;</body></html>'}
    ),
    "no entry of that name": lambda: make_epub(ONE_AND_TWO, spine='<itemref idref="i0"/><itemref idref="lost"/>'),
    "an empty address": lambda: repackaged(make_epub(ONE_AND_TWO), 'href="b.xhtml"', 'href=""'),
    "a type that is not text": lambda: repackaged(
        make_epub(ONE_AND_TWO, extra={"OEBPS/b.pdf": "%PDF-1.4"}),
        'href="b.xhtml" media-type="application/xhtml+xml"',
        'href="b.pdf" media-type="application/pdf"',
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_text_that_cannot_be_read_is_a_hole_and_the_rest_is_read(case: str) -> None:
    book = read(UNREADABLE[case]())
    assert spoken(book) == ["one"]
    (hole,) = holes(book)
    assert hole.skip_reason
    assert hole.text


def test_a_book_of_holes_alone_is_refused_by_name() -> None:
    with pytest.raises(DamagedDocument, match=r"missing from the file: OEBPS/a\.xhtml \(and 1 more\)"):
        read(without(make_epub(ONE_AND_TWO), "OEBPS/a.xhtml", "OEBPS/b.xhtml"))


@pytest.mark.parametrize("gone", ["aside.xhtml", "cover.xhtml", "wrapper.xhtml", "nav.xhtml", "picture.svg"])
def test_what_nobody_would_hear_leaves_no_hole(gone: str) -> None:
    files = dict.fromkeys(("cover.xhtml", "wrapper.xhtml", "a.xhtml", "aside.xhtml"), "<p>text</p>")
    refs = [f'<itemref idref="{name}"/>' for name in ("i0", "i1", "i2", "nav", "svg")]
    data = make_epub(
        files,
        toc=[("One", "a.xhtml")],
        spine="".join(refs) + '<itemref idref="i3" linear="no"/>',
        extra={"OEBPS/picture.svg": "<svg><g/></svg>"},
    )
    picture = '<item id="svg" href="picture.svg" media-type="image/svg+xml"/>'
    data = repackaged(data, "</manifest>", f"{picture}</manifest>")
    guide = '<guide><reference type="cover" href="wrapper.xhtml"/></guide>'
    data = repackaged(data, "</package>", f"{guide}</package>")
    assert not holes(read(without(data, f"OEBPS/{gone}")))
    assert holes(read(without(data, "OEBPS/a.xhtml")))


def test_an_aside_that_the_contents_name_is_heard_and_so_missed() -> None:
    spine = '<itemref idref="i0"/><itemref idref="i1" linear="no"/>'
    book = read(without(make_epub(ONE_AND_TWO, spine=spine), "OEBPS/b.xhtml"))
    assert [hole.text for hole in holes(book)] == ["OEBPS/b.xhtml"]


@pytest.mark.parametrize("name", ["OEBPS/nav.xhtml", "OEBPS/cover.png"])
def test_damaged_contents_or_cover_do_not_refuse_the_book(name: str) -> None:
    files = {"a.xhtml": "<h2>One</h2><p>text</p>", "b.xhtml": "<h2>Two</h2><p>text</p>"}
    data = make_epub(files, toc=[("One", "a.xhtml"), ("Two", "b.xhtml")], cover=b"picture")
    book = read(repacked(data, name))
    assert [chapter.title for chapter in book.chapters] == ["One", "Two"]
    assert not holes(book)


def test_a_page_that_stands_in_for_a_picture_is_read() -> None:
    picture = '<item id="page" href="page.png" media-type="image/png" fallback="i1"/>'
    data = make_epub(ONE_AND_TWO, spine='<itemref idref="i0"/><itemref idref="page"/>')
    assert spoken(read(repackaged(data, "</manifest>", f"{picture}</manifest>"))) == ["one", "two"]


def test_a_book_of_pictures_is_empty_not_damaged() -> None:
    picture = '<item id="page" href="page.png" media-type="image/png"/>'
    data = make_epub(ONE_AND_TWO, spine='<itemref idref="page"/>')
    with pytest.raises(EmptyDocument, match="pictures"):
        read(repackaged(data, "</manifest>", f"{picture}</manifest>"))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_changed_byte_loses_no_text_in_silence(drawn: st.DataObject) -> None:
    files = {f"{n}.xhtml": f"<p>part {n}</p>" for n in (1, 2, 3)}
    data = bytearray(make_epub(files))
    data[drawn.draw(st.integers(0, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    try:
        book = read(bytes(data))
    except DocumentError:
        return
    lost = {f"part {n}" for n in (1, 2, 3)} - set(spoken(book))
    assert len(lost) <= len(holes(book)), f"{lost} of {spoken(book)}"


def test_holes_stop_a_narration_before_it_begins() -> None:
    files = {f"{n}.xhtml": f"<p>part {n}</p>" for n in range(1, 9)}
    names = [f"OEBPS/{n}.xhtml" for n in range(2, 9)]
    blocks = [b for c in read(without(make_epub(files), *names)).chapters for b in c.blocks]
    with pytest.raises(DamagedDocument, match=r"OEBPS/2\.xhtml; .* and 2 more") as caught:
        check_complete(blocks, name="book.epub", allow_gaps=False)
    assert "--allow-gaps" in caught.value.remedy
    assert [hole.text for hole in check_complete(blocks, name="book.epub", allow_gaps=True)] == names
    assert not check_complete([b for b in blocks if b.text == "part 1"], name="book.epub", allow_gaps=False)


def test_holes_are_in_the_plan_with_their_reason() -> None:
    blocks = [b for c in read(without(make_epub(ONE_AND_TWO), "OEBPS/b.xhtml")).chapters for b in c.blocks]
    chunks = plan_chunks(blocks, lambda text, block: text, Packing(400))
    assert [chunk.skip_reason for chunk in chunks] == ["", "missing from the file: OEBPS/b.xhtml"]
