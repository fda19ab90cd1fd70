"""What is read: documents, chapters and blocks, and what is planned from them: sentences and chunks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.model.book import BookMetadata, Cover


class BlockKind(StrEnum):
    """What a block is in the document; pauses and spoken forms depend on it."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    QUOTE = "quote"
    LIST_ITEM = "list_item"
    VERSE = "verse"
    SCENE_BREAK = "scene_break"
    CAPTION = "caption"
    NOTE = "note"
    CODE = "code"
    TABLE = "table"
    MISSING = "missing"
    """A hole: the document names a text here and does not hold it. The block's text is the name."""


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range [start, end) of character offsets, from 0."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The characters of `text` that this span covers."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Block:
    """A run of text that is read as one: a paragraph, a heading, a list item."""

    kind: BlockKind
    text: str
    """Whitespace folded, lines of verse and code kept apart by a newline."""
    source: str = ""
    """Where it stands in the document: file and element, such as `text/one.xhtml#p12`."""
    level: int = 0
    """1 to 6 for headings, else 0."""
    language: str = ""
    """BCP 47 tag declared by the document, or empty."""
    skip_reason: str = ""
    """Why it is never spoken (`page number`, `navigation`), or empty; a hole always has one."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One entry of the table of contents with the blocks that follow it."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 1
    """Depth in the table of contents, from 1."""
    source: str = ""
    """The entry's target in the document."""


@dataclass(frozen=True, slots=True)
class Document:
    """A book or an article as read, in reading order."""

    id: str
    """sha256 of the document's bytes, in hex."""
    metadata: BookMetadata
    chapters: tuple[Chapter, ...]
    cover: Cover | None = None


_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")
"""Letters and marks that are written without a space between sentences."""
_SHARED_MARKS = "\u2018\u2019\u201c\u201d\u2026\u2014"
"""Quotes, dots and dashes that Chinese and Latin text both have: the character beside them decides."""


def join_sentences(sentences: Sequence[str]) -> str:
    """One text of spoken sentences, exactly as a voice is given it: with spaces between them, but not in Chinese.

    >>> join_sentences(["One.", "Two."]), join_sentences(["一。", "二。"])
    ('One. Two.', '一。二。')
    """
    text = ""
    for sentence in sentences:
        before, after = text.rstrip(_SHARED_MARKS)[-1:], sentence.lstrip(_SHARED_MARKS)[:1]
        spaced = text and not (_CJK.match(before) and _CJK.match(after))
        text += f" {sentence}" if spaced else sentence
    return text


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a piece of one that is too long for a single request."""

    id: str
    """Hash of its folded text and its occurrence in the chapter: the same wherever it moves to."""
    span: Span
    """In the text of its block."""
    spoken: str
    """What the voice is given."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole sentences of one block: one request."""

    id: str
    block_index: int
    """Position of the block in its chapter, from 0."""
    span: Span
    """In the text of its block; the chunks of a block tile it."""
    sentences: tuple[Sentence, ...] = field(default=())
    skip_reason: str = ""
    """Why nothing of it is spoken, or empty."""
