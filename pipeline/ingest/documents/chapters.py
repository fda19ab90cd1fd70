"""A run of blocks and the places where chapters start -> chapters; nothing is left between them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.ingest.documents.html_blocks import AnchoredBlock
from pipeline.model.text import Block, BlockKind, Chapter

_LONG_TITLE_CHARS = 1_000
"""A title that is longer takes no more in, else thousands of entries that lead to one place would never end."""


@dataclass(frozen=True, slots=True)
class ChapterStart:
    """Where an entry of the table of contents leads."""

    title: str
    level: int
    source: str
    at: int
    """Index of the first block that belongs to it."""


def divide_chapters(
    blocks: Sequence[AnchoredBlock], starts: Sequence[ChapterStart], *, book_title: str
) -> tuple[Chapter, ...]:
    """Chapters in reading order.

    Two entries that lead to the same place are one chapter with both titles. Text before the first
    entry is a chapter of its own. Without any entry the headings divide the text.
    """
    plain = [found.block for found in blocks]
    marks = _merged(sorted(starts, key=lambda start: start.at)) if starts else headings(plain)
    if not marks or marks[0].at > 0:
        marks.insert(
            0,
            ChapterStart(
                title=_opening_title(plain, marks, book_title), level=1, source=plain[0].source if plain else "", at=0
            ),
        )
    ends = [mark.at for mark in marks[1:]] + [len(plain)]
    chapters = [
        Chapter(
            title=mark.title or f"Chapter {number}",
            blocks=tuple(plain[mark.at : end]),
            level=mark.level,
            source=mark.source,
        )
        for number, (mark, end) in enumerate(zip(marks, ends, strict=True), start=1)
    ]
    return _fold_unspoken(chapters)


def _merged(starts: list[ChapterStart]) -> list[ChapterStart]:
    merged: list[ChapterStart] = []
    for start in starts:
        if merged and merged[-1].at == start.at:
            before = merged.pop()
            if _is_empty_page(before, start):
                merged.append(start)
                continue
            is_said = len(before.title) > _LONG_TITLE_CHARS or start.title in before.title
            titles = before.title if is_said else f"{before.title} — {start.title}"
            start = ChapterStart(title=titles, level=before.level, source=before.source, at=start.at)
        merged.append(start)
    return merged


def _is_empty_page(before: ChapterStart, after: ChapterStart) -> bool:
    """A page of its own without any text (a cover) leaves no title; one that opens a part lends it to its first."""
    return before.source.partition("#")[0] != after.source.partition("#")[0] and before.level >= after.level


def headings(blocks: Sequence[Block]) -> list[ChapterStart]:
    """Chapter starts at the headings of the highest level that occurs more than once, or of the only one."""
    found = [(i, b) for i, b in enumerate(blocks) if b.kind is BlockKind.HEADING and not b.skip_reason]
    levels = sorted({block.level for _, block in found})
    level = next((n for n in levels if sum(b.level == n for _, b in found) > 1), levels[0] if levels else 0)
    return [
        ChapterStart(title=" ".join(b.text.split()), level=1, source=b.source, at=i)
        for i, b in found
        if b.level == level
    ]


def _opening_title(blocks: Sequence[Block], marks: Sequence[ChapterStart], book_title: str) -> str:
    end = marks[0].at if marks else len(blocks)
    heading = next((b.text for b in blocks[:end] if b.kind is BlockKind.HEADING and not b.skip_reason), "")
    return " ".join(heading.split()) or book_title


def _fold_unspoken(chapters: list[Chapter]) -> tuple[Chapter, ...]:
    """A chapter in which nothing is spoken (a cover page) gives its blocks to its neighbour."""
    folded: list[tuple[Chapter, list[Block]]] = []
    waiting: list[Block] = []
    for chapter in chapters:
        if any(not block.skip_reason for block in chapter.blocks):
            folded.append((chapter, [*waiting, *chapter.blocks]))
            waiting = []
        elif folded:
            folded[-1][1].extend(chapter.blocks)
        else:
            waiting.extend(chapter.blocks)
    return tuple(replace(chapter, blocks=tuple(blocks)) for chapter, blocks in folded) or tuple(chapters)
