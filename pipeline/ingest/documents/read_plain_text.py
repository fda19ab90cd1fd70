"""Plain text -> Document: paragraphs are parted by empty lines, headings and scene breaks are recognised."""

import codecs
import re
import unicodedata

from pipeline.ingest.documents.chapters import divide_chapters
from pipeline.ingest.documents.html_blocks import AnchoredBlock, is_decoration
from pipeline.model.book import BookMetadata
from pipeline.model.text import Block, BlockKind, Document

_HEADING = re.compile(
    r"^(chapter|part|book|volume|prologue|epilogue|preface|introduction|appendix|act|canto)\b[^\n]{0,80}$",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"^\s*([-*•–]|\d{1,3}[.)])\s+")


def decode_text(data: bytes) -> str:
    """Text of unknown encoding: by its byte order mark, else UTF-8, else windows-1252. Newlines become \\n."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            text = data.decode(encoding, errors="replace")
            break
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("windows-1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_plain_text(data: bytes, *, name: str, document_id: str) -> Document:
    """Read a text file; its title is its name."""
    blocks = []
    for number, paragraph in enumerate(re.split(r"\n\s*\n", decode_text(data)), start=1):
        if paragraph.strip():
            blocks.extend(_read_paragraph(paragraph, source=f"paragraph {number}"))
    title = re.sub(r"\.\w{1,5}$", "", name).replace("_", " ")
    return Document(document_id, BookMetadata(title=title), divide_chapters(blocks, [], book_title=title))


def _read_paragraph(paragraph: str, *, source: str) -> list[AnchoredBlock]:
    lines = [line for line in paragraph.split("\n") if line.strip()]
    if len(lines) > 1 and all(_LIST_ITEM.match(line) for line in lines):
        return [AnchoredBlock(Block(BlockKind.LIST_ITEM, _clean(line), source), ()) for line in lines]
    text = _clean(" ".join(lines))
    if is_decoration(text):
        return [AnchoredBlock(Block(BlockKind.SCENE_BREAK, text, source, skip_reason="scene break"), ())]
    if _HEADING.match(text) and not text.endswith((",", ";")):
        return [AnchoredBlock(Block(BlockKind.HEADING, text, source, level=2), ())]
    return [AnchoredBlock(Block(BlockKind.PARAGRAPH, text, source), ())] if text else []


def _clean(text: str) -> str:
    """Folds spaces and drops control characters, which no reader sees."""
    return " ".join("".join(c if unicodedata.category(c) != "Cc" else " " for c in text).split())
