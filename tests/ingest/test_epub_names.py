"""However the archive writes the names of its files, every chapter is found."""

import itertools
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ProtectedDocument
from pipeline.ingest.epub.archive_names import ArchiveNames, resolve
from pipeline.ingest.read_document import parse_document
from pipeline.model.text import Document
from tests.makers import make_epub, make_zip, zip_entries


def read(data: bytes) -> Document:
    return parse_document(data, name="book.epub")


def spoken(document: Document) -> list[str]:
    return [b.text for c in document.chapters for b in c.blocks if not b.skip_reason]


def renamed(files: dict[str, str], names: dict[str, str]) -> bytes:
    """An EPUB whose archive calls some files otherwise than its manifest; "" leaves the file out."""
    moved = {f"OEBPS/{old}": new for old, new in names.items()}
    return make_zip(
        {new: data for name, data in zip_entries(make_epub(files)).items() if (new := moved.get(name, name))}
    )


def rename_raw(data: bytes, name: str, directory: bytes, header: bytes | None = None) -> bytes:
    """The archive with other bytes for one name, not marked as UTF-8, in its directory and before the file."""
    before, middle, after = data.split(name.encode())
    assert len(directory) == len(header or directory) == len(name), "the length stands elsewhere too"
    return before + (header or directory) + middle + directory + after


CAFE = "caf\u00e9.xhtml"
NAMES: dict[str, tuple[str, str]] = {
    "as it is": ("a.xhtml", "OEBPS/a.xhtml"),
    "case of the file": ("Alpha.xhtml", "OEBPS/alpha.xhtml"),
    "case of folder and ending": ("text/Beta.xhtml", "OEBPS/Text/beta.XHTML"),
    "accents in two signs": (CAFE, "OEBPS/" + unicodedata.normalize("NFD", CAFE)),
    "accents in one sign": (unicodedata.normalize("NFD", CAFE), "OEBPS/" + CAFE),
    "accents and case": (CAFE, "OEBPS/" + unicodedata.normalize("NFD", CAFE).upper()),
    "escaped in the manifest": ("delta%20one.xhtml", "OEBPS/delta one.xhtml"),
    "escaped in the archive too": ("delta%20one.xhtml", "OEBPS/delta%20one.xhtml"),
    "escaped in the archive alone": ("delta one.xhtml", "OEBPS/delta%20one.xhtml"),
    "escaped in latin-1": ("caf%E9.xhtml", "OEBPS/" + CAFE),
    "leading dot": ("./a.xhtml", "./OEBPS/a.xhtml"),
    "leading slash in the archive": ("a.xhtml", "/OEBPS/a.xhtml"),
    "leading slash in the manifest": ("/OEBPS/a.xhtml", "OEBPS/a.xhtml"),
    "leading slash for the package's folder": ("/text/a.xhtml", "OEBPS/text/a.xhtml"),
    "backslashes in the archive": ("text/a.xhtml", "OEBPS\\text\\a.xhtml"),
    "backslashes in the manifest": ("text\\a.xhtml", "OEBPS/text/a.xhtml"),
    "escaped backslashes": ("text%5Ca.xhtml", "OEBPS/text/a.xhtml"),
    "doubled slashes": ("text//a.xhtml", "OEBPS//text/a.xhtml"),
    "up and down": ("../OEBPS/x/../a.xhtml", "OEBPS/a.xhtml"),
    "above the root": ("../../OEBPS/a.xhtml", "OEBPS/a.xhtml"),
    "another folder": ("text/a.xhtml", "OEBPS/xhtml/a.xhtml"),
    "a folder around everything": ("text/a.xhtml", "Book/OEBPS/text/a.xhtml"),
}


@pytest.mark.parametrize("case", NAMES)
def test_every_chapter_is_found_however_its_name_is_written(case: str) -> None:
    href, name = NAMES[case]
    book = read(renamed({href: "<p>first</p>", "other.xhtml": "<p>second</p>"}, {href: name}))
    assert spoken(book) == ["first", "second"]
    assert [c.title for c in book.chapters] == ["Chapter 1", "Chapter 2"]


@pytest.mark.parametrize("change", [str.upper, lambda name: name.replace("/", "\\"), lambda name: f"Book/{name}"])
def test_the_whole_book_may_be_named_otherwise(change: Callable[[str], str]) -> None:
    files = {"a.xhtml": "<p>first</p>", "b.xhtml": "<p>second</p>"}
    whole = zip_entries(make_epub(files))
    assert spoken(read(make_zip({change(name): data for name, data in whole.items()}))) == ["first", "second"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp437", "cp1252", "gb18030", "shift_jis"])
def test_names_that_are_not_marked_as_utf_8_are_found_in_their_encoding(encoding: str) -> None:
    word = {"gb18030": "第一章", "shift_jis": "第一章"}.get(encoding, "été")
    raw = f"{word}.xhtml".encode(encoding)
    stand_in = "x" * (len(raw) - 6) + ".xhtml"
    href = f"{word}.xhtml"
    data = renamed({href: "<p>first</p>", "b.xhtml": "<p>second</p>"}, {href: f"OEBPS/{stand_in}"})
    assert spoken(read(rename_raw(data, stand_in, raw))) == ["first", "second"]


def test_a_name_that_differs_between_the_directory_and_the_file_is_the_directorys() -> None:
    data = renamed({"b1.xhtml": "<p>first</p>", "c.xhtml": "<p>second</p>"}, {"b1.xhtml": "OEBPS/zz.xhtml"})
    mended = rename_raw(data, "zz.xhtml", b"b1.xhtml", b"\xe9\xe9.xhtml")
    assert spoken(read(mended)) == ["first", "second"]


def test_of_two_names_that_fit_the_exact_one_is_taken() -> None:
    files = {"Alpha.xhtml": "<p>first</p>", "alpha.xhtml": "<p>second</p>", "a%20b.xhtml": "<p>third</p>"}
    book = read(renamed(files, {"a%20b.xhtml": "OEBPS/a b.xhtml"}))
    assert spoken(book) == ["first", "second", "third"]


LETTERS = st.sampled_from("abcxyzAÉéßñöK第章あ. -_'&+,()\u0301")
PATH = st.lists(
    st.text(LETTERS, min_size=1, max_size=6).filter(lambda part: part.strip(". ") == part), min_size=1, max_size=4
).map("/".join)


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


DISGUISES: list[Callable[[str], str]] = [
    lambda name: name,
    quote,
    lambda name: "./" + quote(name),
    lambda name: "x/../" + quote(name),
    lambda name: quote(name).replace("/", "//"),
    lambda name: quote(name, safe="").replace("%2F", "\\"),
    lambda name: quote(unicodedata.normalize("NFD", name)),
    lambda name: quote(unicodedata.normalize("NFC", name)),
    lambda name: quote(name.swapcase()),
]


@settings(max_examples=80, deadline=None)
@given(st.lists(PATH, min_size=1, max_size=6, unique_by=folded), st.data())
def test_every_file_is_found_under_every_disguise_of_its_name(names: list[str], data: st.DataObject) -> None:
    hrefs = {name: data.draw(st.sampled_from(DISGUISES))(name) for name in names}
    found = ArchiveNames(dict.fromkeys(names, ())).assign(resolve("", href) for href in hrefs.values())
    assert {name: found.get(resolve("", href).path) for name, href in hrefs.items()} == {name: name for name in names}


@settings(max_examples=80, deadline=None)
@given(st.sets(PATH, max_size=8), st.lists(PATH, max_size=8))
def test_no_file_is_given_to_two_addresses(names: set[str], hrefs: list[str]) -> None:
    found = ArchiveNames(dict.fromkeys(names, ())).assign([resolve("", quote(href)) for href in hrefs])
    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= names
    assert all(path == name or path not in names for path, name in found.items()), "an exact name is never passed over"


def test_thousands_of_names_alike_are_no_work() -> None:
    word = "abcdefghijklmn"
    alike = ["".join(p) for p in itertools.islice(itertools.product(*((c, c.upper()) for c in word)), 16_000)]
    names = ArchiveNames({f"{n}/{name}": () for n, name in enumerate(alike)})
    assert not names.assign([resolve("x", name) for name in alike[1:2_000:2]])


def test_protection_is_noticed_however_its_file_is_named() -> None:
    rights = '<encryption><EncryptionMethod Algorithm="aes"/></encryption>'
    with pytest.raises(ProtectedDocument):
        read(make_epub({"a.xhtml": "<p>one</p>"}, extra={"meta-inf\\Encryption.xml": rights}))
