"""A document, stored or only read -> what its narration would take. Nothing is spoken, and nothing is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.model.plan import PlannedChunk
from pipeline.model.voice import Capabilities
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, check_chapters
from pipeline.narration.reading.chapter_text import ChapterText, text_of_stored, texts_of_document
from pipeline.narration.reading.check_languages import check_languages
from pipeline.narration.reading.import_document import find_known, open_source, read_source
from pipeline.narration.reading.plan_chapter import Planner
from pipeline.store.records.documents import StoredBook

SECONDS_PER_CHAR = 0.064
"""Length of speech with its pauses: 17,960 s for the 277,520 characters of a novel (hibari, November 2026)."""
STARTUP_S = 3.0
LOCAL_REALTIME = 130.0
"""Audio seconds a wall second on two cores with the embedded voice (November 2026)."""
REMOTE_REALTIME = 5.0
"""Audio seconds a wall second of one request to a service; a guess, for services do not say."""


@dataclass
class Estimate:
    """What a narration would take."""

    book: str
    """Slug of the book that the document is, or would be."""
    title: str
    chapters: int = 0
    chunks: int = 0
    cached: int = 0
    requests: int = 0
    """Clips to be made: the same words are spoken once."""
    chars: int = 0
    chars_to_speak: int = 0
    chars_saved: int = 0
    """Characters of chunks that are spoken already, or twice."""
    chars_billed: int = 0
    """Characters that a service would bill."""
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    cost: float | None = None
    """None where nothing is known of the price."""
    cost_saved: float = 0.0
    currency: str = ""
    skipped: dict[str, int] = field(default_factory=dict)
    """Number of passages by the reason why they are not spoken."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, times rounded to a second."""
        return {**asdict(self), "audio_seconds": round(self.audio_seconds), "wall_seconds": round(self.wall_seconds)}


def estimate(context: Context, source: str, order: Order) -> Estimate:
    """What the narration of a document would take: a path, an address, or the name of a book.

    Raises:
        DocumentError: it cannot be read.
        UnsupportedLanguage, SettingsError, StoreError.
    """
    opened = open_source(context, source)
    book = opened if isinstance(opened, StoredBook) else find_known(context, opened)
    if book is not None:
        return estimate_book(context, book, order)
    assert not isinstance(opened, StoredBook)
    read = read_source(opened)
    present = context.store.documents.find_identified(read.identity, read.slug)
    slug = present.slug if present else ""
    texts = texts_of_document(read.document)
    found = _estimate(context, texts, order, book=slug, title=read.document.metadata.title)
    found.book = slug or read.slug
    return found


def estimate_book(context: Context, book: StoredBook, order: Order) -> Estimate:
    """The same of a stored book."""
    texts = [text_of_stored(context, chapter) for chapter in context.store.editions.chapters(book.slug)]
    return _estimate(context, texts, order, book=book.slug, title=book.metadata.title)


def _estimate(context: Context, texts: Sequence[ChapterText], order: Order, *, book: str, title: str) -> Estimate:
    # A language that the run would refuse is refused here as well: a figure would promise too much.
    check_languages(context, texts, order)
    check_chapters(order.chapters, len(texts))
    chosen = [text for text in texts if not order.chapters or text.position + 1 in order.chapters]
    planner = Planner(context, order, book=book, digests=(text.digest for text in texts))
    found = Estimate(book, title, len(chosen))
    skipped: Counter[str] = Counter()
    # By clip key over all chapters, because the same words are spoken, and paid for, once.
    to_speak: dict[str, int] = {}
    for text in chosen:
        # In memory only: an estimate must not change what a run relies on.
        plan = planner.find(text) or planner.plan(text)
        missing = _missing(context, planner, plan.spoken, book)
        found.chunks += len(plan.spoken)
        found.cached += len(plan.spoken) - len(missing)
        found.chars += sum(chunk.spoken_chars for chunk in plan.spoken)
        to_speak.update({chunk.clip_key: chunk.spoken_chars for chunk in missing})
        skipped.update(chunk.skip_reason for chunk in plan.chunks if not chunk.clip_key)
    found.skipped = dict(skipped)
    found.requests, found.chars_to_speak = len(to_speak), sum(to_speak.values())
    found.chars_saved = found.chars - found.chars_to_speak
    _estimate_time(found, planner.rules.able, planner.rules.choice.speed)
    _estimate_cost(found, planner.rules.able, planner.rules.choice.model)
    return found


def _missing(context: Context, planner: Planner, chunks: Sequence[PlannedChunk], book: str) -> list[PlannedChunk]:
    """Chunks that would have to be spoken."""
    heard = context.store.heard.find(book, (chunk.clip_key for chunk in chunks))
    silent = [chunk for chunk in chunks if chunk.clip_key not in heard]
    if not silent or not context.store.clips.has_former():
        return silent
    # Looked up, not adopted: an estimate writes nothing.
    former = context.store.clips.find_former(planner.former_keys(silent), planner.rules.choice)
    return [chunk for chunk in silent if chunk.clip_key not in former]


def _estimate_time(found: Estimate, able: Capabilities, speed: float) -> None:
    found.audio_seconds = found.chars * SECONDS_PER_CHAR / speed
    to_speak_s = found.chars_to_speak * SECONDS_PER_CHAR / speed
    pace = REMOTE_REALTIME * able.concurrency if able.is_remote else LOCAL_REALTIME
    by_rate_s = found.requests * 60 / able.requests_per_minute if able.requests_per_minute else 0.0
    # Voice and rate limit work at the same time, so the slower one sets the pace.
    found.wall_seconds = STARTUP_S + max(to_speak_s / pace, by_rate_s)


def _estimate_cost(found: Estimate, able: Capabilities, model: str) -> None:
    price = able.price_per_1k_chars(model)
    found.chars_billed = found.chars_to_speak if able.is_remote else 0
    found.currency = able.currency
    # A service without a price in its profile may cost anything: better no figure than 0.
    if price or not able.is_remote:
        found.cost = round(found.chars_billed / 1000 * price, 6)
        found.cost_saved = round(found.chars_saved / 1000 * price, 6)
