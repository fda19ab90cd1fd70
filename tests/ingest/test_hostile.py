"""Hostile and broken input: a typed error with a remedy, or a best reading; never a hang or a traceback."""

import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from pipeline.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    ProtectedDocument,
    UnsupportedFormat,
)
from pipeline.ingest.documents.plain_line import plain_text
from pipeline.ingest.read_document import parse_document
from tests.makers import make_epub, make_zip, xhtml

GOOD = {"a.xhtml": "<p>some text</p>"}
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 8}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><html><body><p>&i;</p></body></html>"
)
XXE = (
    '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body><p>&x;</p></body></html>'
)


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        with archive.open("OEBPS/a.xhtml", "w", force_zip64=True) as stream:
            for _ in range(600):
                stream.write(b" " * 1_000_000)
    return target.getvalue()


def liar() -> bytes:
    """States a small size for an entry that unpacks to a large one."""
    data = make_epub({"a.xhtml": "<p>" + "x " * 60_000 + "</p>"})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("OEBPS/a.xhtml").file_size
    return data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


def encryption(method: str) -> dict[str, str | bytes]:
    return {
        "META-INF/encryption.xml": '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        f'<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{method}"/>'
        "</EncryptedData></encryption>"
    }


REFUSED: dict[str, tuple[Callable[[], bytes], type[DocumentError]]] = {
    "zip bomb": (bomb, DocumentTooLarge),
    "entry larger than it says": (liar, DamagedDocument),
    "entity bomb": (lambda: make_epub({"a.xhtml": LAUGHS}), DamagedDocument),
    "external entity": (lambda: make_epub({"a.xhtml": XXE}), DamagedDocument),
    "entity bomb in the package": (
        lambda: make_epub(GOOD, extra={"OEBPS/content.opf": LAUGHS.replace("html", "package")}),
        DamagedDocument,
    ),
    "DRM": (
        lambda: make_epub(GOOD, extra=encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")),
        ProtectedDocument,
    ),
    "not a ZIP": (lambda: b"hello", DamagedDocument),
    "cut short": (lambda: make_epub(GOOD)[:-60], DamagedDocument),
    "ZIP without a package": (lambda: make_zip({"readme.txt": "x"}), DamagedDocument),
    "no file": (lambda: b"", EmptyDocument),
    "no text": (lambda: make_epub({"a.xhtml": "<p> </p><p>***</p>"}), EmptyDocument),
    "empty spine": (lambda: make_epub(GOOD, spine=""), DamagedDocument),
    "manifest of ghosts": (
        lambda: make_zip(
            {
                "mimetype": "application/epub+zip",
                "x.opf": '<package><manifest><item id="a" href="gone.xhtml" media-type="application/xhtml+xml"/></manifest>'
                '<spine><itemref idref="a"/></spine></package>',
            }
        ),
        DamagedDocument,
    ),
    "a file of tags": (lambda: make_epub({"a.xhtml": "".join(f"<b>{n}" for n in range(1_100_000))}), DocumentTooLarge),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), DamagedDocument),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_typed_error_quickly_and_in_little_memory(case: str) -> None:
    make, kind = REFUSED[case]
    data = make()
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(kind) as caught:
        parse_document(data, name="book.epub")
    assert time.monotonic() - began < 5
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    assert caught.value.exit_code == 3
    assert "book.epub" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def read_text(data: bytes) -> str:
    return " ".join(b.text for c in parse_document(data, name="book.epub").chapters for b in c.blocks)


def test_obfuscated_fonts_are_not_drm() -> None:
    assert read_text(make_epub(GOOD, extra=encryption("http://www.idpf.org/2008/embedding"))) == "some text"


def test_names_that_point_outside_the_archive_lead_nowhere() -> None:
    data = make_epub(
        GOOD, toc=[("x", "../../../etc/passwd"), ("A", "a.xhtml")], extra={"../../evil.xhtml": xhtml("<p>evil</p>")}
    )
    assert read_text(data) == "some text"


def test_a_package_with_faults_of_form_is_read() -> None:
    whole = make_epub(GOOD)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        left = {n: archive.read(n) for n in archive.namelist()}
    left["OEBPS/content.opf"] = left["OEBPS/content.opf"].replace(b"</spine></package>", b"</spine>")
    assert read_text(make_zip(left)) == "some text"


def test_very_deep_markup_does_not_overflow() -> None:
    deep = "<div>" * 20_000 + "deep text" + "</div>" * 20_000
    try:
        text = read_text(make_epub({"a.xhtml": deep, "b.xhtml": "<p>some text</p>"}))
    except DocumentError:
        return
    assert "some text" in text


@pytest.mark.parametrize("name", ["book.pdf", "book.docx", "book.exe", "book"])
def test_unknown_formats_name_those_that_are_read(name: str) -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        parse_document(b"\x00\x01\x02\x03data", name=name)
    assert ".epub" in caught.value.remedy


def test_binary_data_under_a_text_name_is_refused() -> None:
    with pytest.raises(UnsupportedFormat):
        parse_document(b"MZ\x00\x00\x01" * 100, name="book.txt")


def test_a_tag_with_a_crowd_of_attributes_is_refused_wherever_it_hides() -> None:
    crowd = " ".join(f"a{n}" for n in range(5_000))
    for tag in (f"<p {crowd}>", f"<p title='>' {crowd}>", f"<p <b {crowd}", f"<script>a</script><p {crowd}>"):
        with pytest.raises(DocumentTooLarge, match="attributes"):
            parse_document(f"<p>text{tag}".encode(), name="page.html")


def test_what_a_script_or_a_comment_holds_is_no_tag() -> None:
    words = " ".join(f"a{n}" for n in range(5_000))
    for hidden in (f"<script>if (a <b && {words})</script>", f"<!-- <p {words} -->", f"<style><p {words}</style>"):
        document = parse_document(f"<p>some text{hidden}<p>more".encode(), name="page.html")
        assert [b.text for c in document.chapters for b in c.blocks if not b.skip_reason] == ["some text", "more"]


def test_numbers_of_thousands_of_digits_are_no_error() -> None:
    assert plain_text("a &#" + "9" * 5_000 + "; b") == "a \ufffd b"
