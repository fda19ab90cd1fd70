"""One HTML file -> Document: its headings are the chapters."""

from dataclasses import replace

from lxml import etree

from pipeline.ingest.documents.chapters import divide_chapters
from pipeline.ingest.documents.html_blocks import read_blocks
from pipeline.ingest.documents.markup import local_name
from pipeline.ingest.documents.markup_tree import parse_markup
from pipeline.model.book import BookMetadata
from pipeline.model.text import BlockKind, Document


def read_html(data: bytes, *, name: str, document_id: str, metadata: BookMetadata | None = None) -> Document:
    """Read a page; what `metadata` leaves empty is taken from its head and headings.

    Raises:
        DamagedDocument: no readable markup.
    """
    root = parse_markup(data, name=name)
    blocks = read_blocks(root, source=name)
    given = metadata or BookMetadata(title="")
    heading = next((b.block.text for b in blocks if b.block.kind is BlockKind.HEADING), "")
    title = given.title or _head(root, "title") or " ".join(heading.split()) or name.rsplit(".", 1)[0]
    author = _meta(root, "author")
    facts = replace(
        given,
        title=title,
        authors=given.authors or ((author,) if author else ()),
        language=given.language or root.get("lang") or "",
        description=given.description or _meta(root, "description"),
        published=given.published or _meta(root, "date"),
        publisher=given.publisher or _meta(root, "publisher"),
        series=given.series or _meta(root, "belongs-to-collection"),
        identifier=given.identifier or _meta(root, "identifier"),
    )
    return Document(document_id, facts, divide_chapters(blocks, [], book_title=title))


def _head(root: etree._Element, tag: str) -> str:
    found = next((e for e in root.iter() if local_name(e) == tag), None)
    return " ".join("".join(found.itertext()).split()) if found is not None else ""


def _meta(root: etree._Element, name: str) -> str:
    metas = (e for e in root.iter() if local_name(e) == "meta")
    return next((e.get("content") or "" for e in metas if (e.get("name") or "").lower() == name), "")
