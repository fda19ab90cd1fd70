"""A stored book and an order -> everything that a run needs to know, worked out once."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, check_chapters
from pipeline.narration.core.run_state import MISSING, Wanted
from pipeline.narration.reading.chapter_text import text_of_stored
from pipeline.narration.reading.check_complete import check_complete
from pipeline.narration.reading.check_languages import check_languages
from pipeline.narration.reading.plan_chapter import Planner, plan_chapter
from pipeline.publish.library import check_folder, release_folder
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.editions import StoredChapter
from pipeline.text.language import ForeignPassage


@dataclass(frozen=True, slots=True)
class Prepared:
    """A narration that may begin: document, voice and languages are checked."""

    book: StoredBook
    order: Order
    wanted: Wanted
    chapters: tuple[StoredChapter, ...]
    """Those that the order asks for."""
    planner: Planner
    foreign: tuple[ForeignPassage, ...]
    """Passages in a language that the voice does not read but can pronounce."""


def prepare(context: Context, book: StoredBook, order: Order, wanted: Wanted = MISSING) -> Prepared:
    """Check what can be checked before any work.

    Raises:
        DamagedDocument: it has holes, and the order allows none.
        PublishError: the release cannot be written where it is to go.
        UnsupportedLanguage, SettingsError, StoreError.
    """
    chapters = context.store.editions.chapters(book.slug)
    chosen = chosen_chapters(chapters, order)
    check_folder(release_folder(context.library(order), book.metadata))
    # A generator, so that a long book is never held whole.
    blocks = (block for chapter in chosen for block in context.store.editions.blocks(chapter.id))
    check_complete(blocks, name=book.metadata.title, allow_gaps=order.allow_gaps)
    foreign = check_languages(context, [text_of_stored(context, chapter) for chapter in chapters], order)
    # Of all chapters, not just the chosen ones: an edit that has its chapter in this edition belongs nowhere else.
    digests = [chapter.digest for chapter in chapters]
    return Prepared(
        book=book,
        order=order,
        wanted=wanted,
        chapters=tuple(chosen),
        planner=Planner(context, order, book=book.slug, digests=digests),
        foreign=tuple(foreign),
    )


def chosen_chapters(chapters: Sequence[StoredChapter], order: Order) -> list[StoredChapter]:
    """Those of the chapters that the order asks for. Raises: SettingsError where there is none of that number."""
    check_chapters(order.chapters, len(chapters))
    return [c for c in chapters if not order.chapters or c.position + 1 in order.chapters]


def plan_ahead(context: Context, prepared: Prepared) -> None:
    """Plan every chapter while something else is waited for, and load the voice as soon as there is work for it."""
    is_warm = False
    for chapter in prepared.chapters:
        text = text_of_stored(context, chapter)
        plan = prepared.planner.find(text) or plan_chapter(context, prepared.planner, text)
        heard = context.store.heard.find(prepared.book.slug, plan.clip_keys)
        # Engines take time and memory to load, so a run that speaks nothing starts none.
        if not is_warm and prepared.wanted.chosen(plan, heard):
            context.makers(prepared.order).warm()
            is_warm = True
