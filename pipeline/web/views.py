"""What the page and the REST interface show, as plain values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from pipeline.model.audio import SAMPLE_RATE_HZ, Cue
from pipeline.model.text import BlockKind
from pipeline.speech.registry import describe_backend
from pipeline.stages.backends import backend_profile
from pipeline.stages.context import Context
from pipeline.stages.order import Order
from pipeline.store.documents import StoredBook, StoredChapter
from pipeline.store.plans import DONE, FAILED, PENDING, SKIPPED, ChunkPlace
from pipeline.store.runs import StoredRun
from pipeline.web.errors import without_paths
from pipeline.web.run_desk import RunDesk

PAGE_SIZE = 48
"""Books on one page of the library."""


@dataclass(frozen=True, slots=True)
class BookCard:
    """A book in the library."""

    book: str
    title: str
    authors: tuple[str, ...]
    series: str
    cover: str
    """Address of the picture, or empty."""
    state: str
    """new, scheduled, pending, running, cancelling, finished, failed or stopped."""
    run: str
    """Prefect's id of the newest flow run, or empty."""
    seconds: float
    """Length of the sound of the last narration."""
    failed: int
    chapters: int
    cost: str


def book_card(book: StoredBook, run: StoredRun | None, desk: RunDesk, cost: str = "") -> BookCard:
    """A book with how it is doing."""
    active = desk.active().get(book.slug)
    summary = run.summary if run else {}
    return BookCard(
        book=book.slug,
        title=book.metadata.title,
        authors=book.metadata.authors,
        series=f"{book.metadata.series} {book.metadata.series_index}".strip(),
        cover=f"/media/books/{book.slug}/cover?v={book.cover_digest[:12]}" if book.cover_digest else "",
        state=active.state if active else (run.state if run else "new"),
        run=active.id if active else (run.flow_run if run else ""),
        seconds=float(summary.get("audio_seconds", 0)),
        failed=int(summary.get("failed", 0)),
        chapters=int(summary.get("chapters", 0)),
        cost=cost,
    )


def card_of(context: Context, desk: RunDesk, slug: str) -> BookCard:
    """The book of that name with how it is doing, without its cost. Raises: StoreError."""
    return book_card(context.store.documents.get_book(slug), context.store.runs.newest([slug]).get(slug), desk)


def library(context: Context, desk: RunDesk, words: str = "", page: int = 1) -> dict[str, Any]:
    """One page of the library."""
    books, total = context.store.documents.search(words, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    slugs = [book.slug for book in books]
    runs = context.store.runs.newest(slugs) if slugs else {}
    costs = context.store.spend.of_books(slugs) if slugs else {}
    cards = [book_card(b, runs.get(b.slug), desk, _money(costs.get(b.slug, []))) for b in books]
    return {"books": cards, "total": total, "page": page, "pages": max(1, -(-total // PAGE_SIZE)), "words": words}


def _money(costs: Sequence[tuple[str, Any]]) -> str:
    return ", ".join(f"{amount:.4f} {currency}" for currency, amount in costs if amount)


def book(context: Context, desk: RunDesk, slug: str) -> dict[str, Any]:
    """A book with its chapters. Raises: StoreError."""
    stored = context.store.documents.get_book(slug)
    run = context.store.runs.newest([slug]).get(slug)
    counts, lengths = context.store.plans.counts(slug), context.store.releases.chapter_lengths(slug)
    chapters = [
        {
            "number": chapter.position + 1,
            "title": chapter.title,
            "level": chapter.level,
            "seconds": lengths[chapter.position][0] / SAMPLE_RATE_HZ if chapter.position in lengths else None,
            "lufs": lengths[chapter.position][1] if chapter.position in lengths else None,
            "audio": _audio_address(slug, chapter) if chapter.position in lengths else "",
            **{state: counts.get(chapter.position, {}).get(state, 0) for state in (DONE, FAILED, PENDING, SKIPPED)},
        }
        for chapter in context.store.documents.chapters(slug)
    ]
    card = book_card(stored, run, desk, _money(context.store.spend.of_books([slug]).get(slug, [])))
    facts = asdict(stored.metadata)
    seconds = sum(samples for samples, _ in lengths.values()) / SAMPLE_RATE_HZ
    return {
        **asdict(card),
        "seconds": seconds,
        "facts": facts,
        "chapters_list": chapters,
        "totals": {state: sum(c.get(state, 0) for c in counts.values()) for state in (DONE, FAILED, PENDING, SKIPPED)},
        "files": release_files(context, slug),
        "narration": {k: v for k, v in stored.narration.items() if v},
        "run_url": desk.run_url(card.run) if card.run else "",
    }


def _audio_address(slug: str, chapter: StoredChapter) -> str:
    return f"/media/books/{slug}/chapters/{chapter.position + 1}?v={chapter.audio_key[:12]}"


def release_files(context: Context, slug: str) -> list[dict[str, Any]]:
    """Published sound of a book."""
    found = [path for path in context.store.releases.releases(slug) if path.is_file()]
    sound = [path for path in found if path.suffix not in {".json", ".jpg", ".png"}]
    return [
        {"name": path.name, "bytes": path.stat().st_size, "address": f"/media/books/{slug}/files/{path.name}"}
        for path in dict.fromkeys(sound)
    ]


def release_path(context: Context, slug: str, name: str) -> Path | None:
    """The published file of that name; None for whatever else."""
    return next((p for p in context.store.releases.releases(slug) if p.name == name and p.is_file()), None)


@dataclass(frozen=True, slots=True)
class SentenceView:
    """A sentence on the page of its chapter."""

    id: str
    text: str
    state: str
    """done, pending, failed or skipped."""
    start_s: float | None
    end_s: float | None
    is_changed: bool
    reason: str
    chunk: str


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block on the page of its chapter."""

    kind: str
    level: int
    sentences: tuple[SentenceView, ...]


def chapter(context: Context, slug: str, number: int) -> dict[str, Any]:
    """A chapter (from 1) with its text, sentence by sentence. Raises: StoreError."""
    stored = get_chapter(context, slug, number)
    cues: dict[str, Cue] = {}
    if stored.audio_key and context.store.releases.find_chapter(stored.audio_key, position=0, title=""):
        cues = {cue.sentence_id: cue for cue in context.store.releases.cues(stored.audio_key)}
    changed = context.store.changes.sentences(slug, stored.position)
    planned = context.store.plans.places(slug, chapter=stored.position)
    blocks: dict[int, list[SentenceView]] = {}
    kinds: dict[int, BlockKind] = {}
    for place in planned:
        kinds[place.chunk.block_position] = place.kind
        blocks.setdefault(place.chunk.block_position, []).extend(_sentences(place, cues, set(changed)))
    levels = {i: b.level for i, b in enumerate(context.store.documents.blocks(stored.id)) if b.level}
    lengths = context.store.releases.chapter_lengths(slug).get(stored.position)
    return {
        "number": number,
        "title": stored.title,
        "count": len(context.store.documents.chapters(slug)),
        "audio": _audio_address(slug, stored) if lengths else "",
        "seconds": lengths[0] / SAMPLE_RATE_HZ if lengths else None,
        "blocks": [BlockView(kinds[at].value, levels.get(at, 0), tuple(blocks[at])) for at in sorted(blocks)],
        "failed": [failed_chunk(place) for place in planned if place.chunk.state == FAILED],
        "is_planned": bool(planned),
    }


def get_chapter(context: Context, slug: str, number: int) -> StoredChapter:
    """A stored chapter by number, from 1. Raises: StoreError."""
    context.store.documents.get_book(slug)
    found = context.store.documents.find_chapter(slug, number - 1)
    if found is None:
        raise StoreError(f"There is no book chapter {number}", remedy="choose one of the list")
    return found


def _sentences(place: ChunkPlace, cues: dict[str, Cue], changed: set[str]) -> list[SentenceView]:
    chunk = place.chunk
    if not chunk.sentences:
        return [SentenceView("", place.text, chunk.state, None, None, False, chunk.reason, chunk.id)]
    views = []
    for sentence in chunk.sentences:
        cue = cues.get(sentence.id)
        views.append(
            SentenceView(
                sentence.id,
                place.written(sentence),
                chunk.state,
                round(cue.start_samples / SAMPLE_RATE_HZ, 3) if cue else None,
                round(cue.end_samples / SAMPLE_RATE_HZ, 3) if cue else None,
                sentence.id in changed,
                chunk.reason,
                chunk.id,
            )
        )
    return views


def failed_chunk(place: ChunkPlace) -> dict[str, Any]:
    """A chunk that failed, with why."""
    return {
        "chapter": place.chapter_position + 1,
        "chapter_title": place.chapter_title,
        "chunk": place.chunk.id,
        "attempts": place.chunk.attempts,
        "reason": without_paths(place.chunk.reason),
        "text": " ".join(place.text.split()),
        "sentence": place.chunk.sentences[0].id if place.chunk.sentences else "",
    }


def review(context: Context, slug: str) -> list[dict[str, Any]]:
    """Chunks of a book that a person should listen to, with why."""
    return [
        {
            "chapter": place.chapter_position + 1,
            "chunk": place.chunk.id,
            "remark": remark,
            "text": " ".join(place.text.split()),
            "sentence": place.chunk.sentences[0].id if place.chunk.sentences else "",
        }
        for place, remark in context.store.plans.remarks(slug)
    ]


def voices(context: Context) -> list[dict[str, Any]]:
    """Every backend with its models and the voices they take."""
    rows = []
    for name in sorted(context.settings.backends, key=lambda n: (n != context.settings.narration.backend, n)):
        able = describe_backend(backend_profile(context.settings, name))
        models = [
            {
                "model": model,
                "voices": list(able.voices_of(model)),
                "any_voice": model in able.open_models,
                "price_per_1k_chars": able.price_per_1k_chars(model),
            }
            for model in able.models
        ]
        facts = [{"voice": v.name, "language": v.language, "description": v.description} for v in able.voices]
        rows.append(
            {"backend": name, "is_remote": able.is_remote, "currency": able.currency, "models": models, "voices": facts}
        )
    return rows


def order_of_form(values: dict[str, Any]) -> Order:
    """The order that a form's fields stand for; empty ones are left to the settings."""
    given = {key: value for key, value in values.items() if value not in ("", None, [], ())}
    return Order.from_options(given, max_cost=given.get("max_cost"))
