"""A book's facts and settings -> what players show."""

from pipeline.model.book import BookMetadata, ReleaseTags
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, resolve_voice
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.editions import StoredChapter


def narrator(context: Context, order: Order) -> str:
    """Who reads: the setting, else the voice and its engine."""
    choice, _ = resolve_voice(context.settings, order)
    return context.settings.publish.narrator or f"{choice.voice} ({choice.kind.rpartition(':')[2]})"


def book_tags(context: Context, book: StoredBook, order: Order) -> ReleaseTags:
    """Tags of the whole book in one file."""
    facts: BookMetadata = book.metadata
    return ReleaseTags(
        title=facts.title,
        album=facts.title,
        artist=", ".join(facts.authors) or "Unknown author",
        narrator=narrator(context, order),
        genre=context.settings.publish.genre,
        year=facts.published[:4],
        description=facts.description,
        series=facts.series,
        series_part=facts.series_index,
    )


def chapter_tags(context: Context, book: StoredBook, chapter: StoredChapter, order: Order) -> ReleaseTags:
    """Tags of one chapter's file."""
    whole = book_tags(context, book, order)
    return ReleaseTags(
        title=chapter.title,
        album=whole.album,
        artist=whole.artist,
        narrator=whole.narrator,
        genre=whole.genre,
        year=whole.year,
        series=whole.series,
        series_part=whole.series_part,
        track=chapter.position + 1,
        tracks=context.store.editions.count_beside(chapter.id),
    )
