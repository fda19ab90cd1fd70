"""Builds EPUBs, pictures and WAV files in code; `python -m tests.makers` rebuilds the committed sample."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)


def make_zip(files: Mapping[str, bytes | str]) -> bytes:
    """A ZIP archive with fixed dates; the mimetype is stored first, uncompressed (EPUB 3.3, OCF)."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (2026, 11, 23, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return target.getvalue()


def zip_entries(data: bytes) -> dict[str, bytes]:
    """The files of an archive by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def xhtml(body: str, *, title: str = "x", language: str = "en") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="{language}"><head><title>{title}</title></head>'
        f"<body>{body}</body></html>"
    )


def make_epub(
    files: dict[str, str],
    *,
    toc: list[tuple[str, str]] | None = None,
    nav: str | None = None,
    ncx: str | None = None,
    title: str = "A Book",
    author: str = "An Author",
    identifier: str = "",
    extra_metadata: str = "",
    cover: bytes | None = None,
    spine: str | None = None,
    extra: dict[str, bytes | str] | None = None,
) -> bytes:
    """An EPUB of XHTML bodies; `toc` is (title, href), or give `nav` or `ncx` whole.

    Args:
        files: body markup by file name; wrapped in XHTML unless it begins with `<?xml` or `<!`.
        spine: itemrefs, where they are not simply the files in order.
        extra: further archive entries, which may replace others.
    """
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(files)
    )
    refs = spine if spine is not None else "".join(f'<itemref idref="i{n}"/>' for n in range(len(files)))
    if nav is None and ncx is None:
        links = toc if toc is not None else [(f"Chapter {n}", name) for n, name in enumerate(files, 1)]
        nav = "<ol>" + "".join(f'<li><a href="{href}">{text}</a></li>' for text, href in links) + "</ol>"
    entries: dict[str, bytes | str] = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
    if nav is not None:
        items += '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        entries["OEBPS/nav.xhtml"] = xhtml(f'<nav epub:type="toc">{nav}</nav>')
    if ncx is not None:
        items += '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
        entries["OEBPS/toc.ncx"] = f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{ncx}</navMap></ncx>'
    if cover:
        items += '<item id="cover" href="cover.png" properties="cover-image" media-type="image/png"/>'
        entries["OEBPS/cover.png"] = cover
    entries["OEBPS/content.opf"] = (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
        'unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">{identifier or f"urn:x:{zlib.crc32(title.encode())}"}</dc:identifier>'
        f"<dc:title>{title}</dc:title>"
        f"<dc:creator>{author}</dc:creator><dc:language>en</dc:language>{extra_metadata}"
        f'<meta property="dcterms:modified">2026-11-23T00:00:00Z</meta></metadata><manifest>{items}</manifest>'
        f"<spine>{refs}</spine></package>"
    )
    for name, body in files.items():
        entries[f"OEBPS/{name}"] = body if body.lstrip().startswith(("<?xml", "<!", "<html")) else xhtml(body)
    return make_zip({**entries, **(extra or {})})


def make_png(pixels: np.ndarray) -> bytes:
    """A PNG of an array of shape (height, width, 3), uint8."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + pixels[y].astype(np.uint8).tobytes() for y in range(height))

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows, 9)) + part(b"IEND", b"")


def make_wav(samples: np.ndarray, *, rate: int = 24_000, channels: int = 1, data_size: int | None = None) -> bytes:
    """A 16-bit WAV file; `data_size` writes another size than the true one into its header."""
    data = samples.astype("<i2").tobytes()
    size = len(data) if data_size is None else data_size
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    riff = size if data_size in (0, 0xFFFFFFFF) else 36 + len(data)
    return (
        b"RIFF"
        + struct.pack("<I", riff)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size)
        + data
    )


def sample_cover() -> bytes:
    """A lighthouse by night: shapes only, so that no font is needed."""
    import resvg_py

    svg = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 900" width="600" height="900">
    <rect width="600" height="900" fill="#12243f"/><circle cx="470" cy="150" r="52" fill="#f3e9c6"/>
    <path d="M300 255 0 120V330Z" fill="#f6d66b" opacity=".35"/><path d="M300 255 600 330V470Z" fill="#f6d66b" opacity=".35"/>
    <path d="M250 760 272 290h56l22 470z" fill="#efe6d8"/><path d="M261 540h78l5 90h-88z" fill="#b6402f"/>
    <path d="M268 380h64l3 80h-70z" fill="#b6402f"/><rect x="262" y="232" width="76" height="58" fill="#f6d66b"/>
    <path d="M252 232h96l-48-52z" fill="#2b2b33"/><path d="M120 770q180-70 360 0v130H120z" fill="#3b4048"/>
    <path d="M0 800q75-28 150 0t150 0 150 0 150 0v100H0z" fill="#1d4a6b"/>
    <path d="M0 840q75-28 150 0t150 0 150 0 150 0v60H0z" fill="#163a56"/></svg>"""
    return bytes(resvg_py.svg_to_bytes(svg_string=svg))


def build_sample(markdown: str, cover: bytes) -> bytes:
    """The sample's EPUB 3 from its Markdown: a title page and one file a chapter."""
    fields = dict(re.findall(r"^(\w+): (.*)$", markdown.split("---")[1], re.MULTILINE))
    body = markdown.split("---\n", 2)[2]
    html = MarkdownIt("commonmark").use(footnote_plugin).render(body)
    notes = re.search(r'<hr class="footnotes-sep".*', html, re.DOTALL)
    note = re.search(r"<p>((?:(?!<p>).)*?)\s*<a href=\"#fnref1\"", html, re.DOTALL)
    html = html[: notes.start()] if notes else html
    html = re.sub(r'<sup class="footnote-ref">.*?</sup>', '<a epub:type="noteref" href="#fn1">1</a>', html)
    parts = re.split(r"(?=<h2>)", html)
    files = {"title.xhtml": f'<section epub:type="titlepage">{parts[0]}<p>By {fields["author"]}</p></section>'}
    toc = [("Title Page", "title.xhtml")]
    for number, part in enumerate(parts[1:], 1):
        aside = (
            f'<aside epub:type="footnote" id="fn1"><p>{note.group(1)}</p></aside>' if "noteref" in part and note else ""
        )
        text = part.replace("<p>***</p>", "<hr/>").replace("<hr>", "<hr/>")
        files[f"chapter-{number}.xhtml"] = f'<section epub:type="chapter">{text}{aside}</section>'
        toc.append((re.sub("<.*?>", "", part.split("</h2>")[0]).strip(), f"chapter-{number}.xhtml"))
    metadata = (
        f"<dc:description>{fields['description']}</dc:description><dc:date>{fields['date']}</dc:date>"
        f'<meta property="belongs-to-collection" id="series">{fields["series"]}</meta>'
        '<meta refines="#series" property="collection-type">series</meta>'
        f'<meta refines="#series" property="group-position">{fields["series_index"]}</meta>'
    )
    return make_epub(
        files, toc=toc, title=fields["title"], author=fields["author"], extra_metadata=metadata, cover=cover
    )


if __name__ == "__main__":
    text = (SAMPLES / "the-keeper-of-gull-rock.md").read_text("utf-8")
    (SAMPLES / "the-keeper-of-gull-rock.epub").write_bytes(build_sample(text, sample_cover()))
