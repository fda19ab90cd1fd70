"""Markdown (CommonMark with tables and footnotes) -> Document, by way of HTML.

A front matter block between `---` lines may give title, author (several with `;`), language, description, date,
series and series_index.
"""

import re

from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

from pipeline.ingest.documents.read_html import read_html
from pipeline.ingest.documents.read_plain_text import decode_text
from pipeline.model.book import BookMetadata
from pipeline.model.text import Document

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_FIELD = re.compile(r"^(\w+)[ \t]*+:(.*)$", re.MULTILINE)


def read_markdown(data: bytes, *, name: str, document_id: str) -> Document:
    """Read a Markdown file; headings of the highest level that repeats are its chapters."""
    text = decode_text(data)
    front = _FRONT_MATTER.match(text)
    fields = dict(_FIELD.findall(front.group(1))) if front else {}
    body = text[front.end() :] if front else text
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").use(footnote_plugin)
    return read_html(parser.render(body).encode(), name=name, document_id=document_id, metadata=_metadata(fields))


def _metadata(fields: dict[str, str]) -> BookMetadata:
    plain = {key.lower(): value.strip().strip("\"'") for key, value in fields.items()}
    return BookMetadata(
        title=plain.get("title", ""),
        authors=tuple(a.strip() for a in plain.get("author", "").split(";") if a.strip()),
        language=plain.get("language", plain.get("lang", "")),
        description=plain.get("description", ""),
        published=plain.get("date", ""),
        series=plain.get("series", ""),
        series_index=plain.get("series_index", ""),
    )
