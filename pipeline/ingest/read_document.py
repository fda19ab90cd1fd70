"""Bytes -> Document: sniff what they are, read them, check that something can be spoken."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.errors import DocumentError, DocumentTooLarge, EmptyDocument, UnsupportedFormat
from pipeline.ingest.documents.read_html import read_html
from pipeline.ingest.documents.read_markdown import read_markdown
from pipeline.ingest.documents.read_plain_text import read_plain_text
from pipeline.ingest.epub.read_epub import read_epub
from pipeline.model.text import Document

_MIB = 1024 * 1024
MAX_BYTES = {"epub": 384 * _MIB, "html": 16 * _MIB, "markdown": 8 * _MIB, "text": 32 * _MIB}
"""Bounds that keep the reading of any document under 500 MB of memory; the longest novels have 4 MiB of text."""
_READERS: dict[str, Callable[..., Document]] = {
    "epub": read_epub,
    "html": read_html,
    "markdown": read_markdown,
    "text": read_plain_text,
}
_SUFFIXES = {
    ".epub": "epub",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
}
READABLE_SUFFIXES = frozenset(_SUFFIXES)


def read_document(path: Path) -> Document:
    """The document in the file at `path`. Raises: DocumentError, or one of its kinds."""
    return parse_document(read_bytes(path), name=path.name)


def parse_document(data: bytes, *, name: str) -> Document:
    """The document in `data`; `name` gives the format where the bytes do not show it.

    Raises:
        UnsupportedFormat, DamagedDocument, ProtectedDocument, DocumentTooLarge, EmptyDocument.
    """
    kind = _sniff(data, name)
    if len(data) > MAX_BYTES[kind]:
        raise DocumentTooLarge(
            f"{name} has {len(data) // _MIB} MiB; {kind} is read up to {MAX_BYTES[kind] // _MIB} MiB",
            path=name,
            remedy="split the document",
        )
    document_id = hashlib.sha256(data).hexdigest()
    document = _READERS[kind](data, name=name, document_id=document_id)
    if not any(c.isalnum() for ch in document.chapters for b in ch.blocks if not b.skip_reason for c in b.text):
        raise EmptyDocument(
            f"{name} holds no text to speak",
            path=name,
            remedy="if its pages are pictures, run a text recognition program on it first",
        )
    if document.metadata.title:
        return document
    return replace(document, metadata=replace(document.metadata, title=Path(name).stem))


def read_bytes(path: Path) -> bytes:
    """The bytes of the document at `path`. Raises: DocumentError, DocumentTooLarge, UnsupportedFormat."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise UnsupportedFormat(f"{path} is a folder", path=str(path), remedy="name the documents in it")
        if size > max(MAX_BYTES.values()):
            raise DocumentTooLarge(f"{path} has {size // 1_000_000} MB", path=str(path), remedy="split the document")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DocumentError(
            f"There is no file {path}", path=str(path), remedy="check the name and the folder"
        ) from error
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}", path=str(path)) from error


def _sniff(data: bytes, name: str) -> str:
    suffix = Path(name).suffix.lower()
    if not data.strip():
        raise EmptyDocument(f"{name} is empty", path=name, remedy="choose another file")
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        if suffix in {"", ".epub", ".zip"} or b"application/epub+zip" in data[:256]:
            return "epub"
    elif suffix == ".epub":
        return "epub"  # refused by the reader, which can say why
    elif suffix in _SUFFIXES and not _is_binary(data):
        return _SUFFIXES[suffix]
    raise UnsupportedFormat(
        f"{name} is not a kind of document that Bookcast reads",
        path=name,
        remedy="use EPUB, Markdown, HTML or plain text (" + " ".join(sorted(_SUFFIXES)) + ")",
    )


def _is_binary(data: bytes) -> bool:
    """NUL bytes stand in no text but UTF-16, which begins with its mark."""
    return b"\x00" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff")
