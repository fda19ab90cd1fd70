"""A chapter that can be planned: of a stored edition, or of a document that was only read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.model.keys import chapter_digest
from pipeline.model.text import Block, Document
from pipeline.narration.core.context import Context
from pipeline.store.records.editions import StoredChapter


@dataclass(frozen=True, slots=True)
class ChapterText:
    """A chapter whose blocks are read when they are needed, so that no book is held whole."""

    position: int
    """From 0."""
    title: str
    digest: str
    """Content address of its blocks."""
    read_blocks: Callable[[], Sequence[Block]]


def text_of_stored(context: Context, chapter: StoredChapter) -> ChapterText:
    """The text of a stored chapter."""
    read = partial(context.store.editions.blocks, chapter.id)
    return ChapterText(position=chapter.position, title=chapter.title, digest=chapter.digest, read_blocks=read)


def texts_of_document(document: Document) -> list[ChapterText]:
    """The chapters of a document that is in memory."""
    return [
        ChapterText(
            position=position,
            title=chapter.title,
            digest=chapter_digest(chapter.blocks),
            read_blocks=partial(tuple, chapter.blocks),
        )
        for position, chapter in enumerate(document.chapters)
    ]
