"""What the page and the REST interface show, as plain values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.plan import ChunkState
from pipeline.model.states import ActiveState, RunState
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.speech.registry import describe_backend
from pipeline.store.records.chunk_states import ChunkPlace
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.editions import StoredChapter
from pipeline.store.records.runs import StoredRun
from pipeline.web.server.error_answers import without_paths
from pipeline.web.server.run_desk import RunDesk
from pipeline.web.views.one_moment import of_one_moment

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
    state: ActiveState | RunState | Literal["new"]
    """Of the run under way, else of the newest."""
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
        state=active.state if active else (RunState(run.state) if run else "new"),
        run=active.id if active else (run.flow_run if run else ""),
        seconds=float(summary.get("audio_seconds", 0)),
        failed=int(summary.get("failed", 0)),
        chapters=int(summary.get("chapters", 0)),
        cost=cost,
    )


def card_of(context: Context, desk: RunDesk, slug: str) -> BookCard:
    """The book of that name with how it is doing, without its cost. Raises: NotFound."""
    return book_card(context.store.documents.get_book(slug), context.store.runs.newest([slug]).get(slug), desk)


@of_one_moment
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


@of_one_moment
def book(context: Context, desk: RunDesk, slug: str) -> dict[str, Any]:
    """A book with its chapters. Raises: NotFound."""
    stored = context.store.documents.get_book(slug)
    run = context.store.runs.newest([slug]).get(slug)
    counts, lengths = context.store.chunks.counts(slug), context.store.chapters.lengths(slug)
    chapters = [
        {
            "number": chapter.position + 1,
            "title": chapter.title,
            "level": chapter.level,
            "seconds": lengths[chapter.position][0] / SAMPLE_RATE_HZ if chapter.position in lengths else None,
            "lufs": lengths[chapter.position][1] if chapter.position in lengths else None,
            "audio": audio_address(slug, chapter) if chapter.position in lengths else "",
            **{state: counts.get(chapter.position, {}).get(state, 0) for state in ChunkState},
        }
        for chapter in context.store.editions.chapters(slug)
    ]
    card = book_card(stored, run, desk, _money(context.store.spend.of_books([slug]).get(slug, [])))
    facts = asdict(stored.metadata)
    seconds = sum(samples for samples, _ in lengths.values()) / SAMPLE_RATE_HZ
    return {
        **asdict(card),
        "seconds": seconds,
        "facts": facts,
        "chapters_list": chapters,
        "totals": {state: sum(c.get(state, 0) for c in counts.values()) for state in ChunkState},
        "files": release_files(context, slug),
        "narration": {k: v for k, v in stored.narration.items() if v and k != "cap_id"},
        "run_url": desk.run_url(card.run) if card.run else "",
    }


def audio_address(slug: str, chapter: StoredChapter) -> str:
    """Where the sound of a chapter is served; another one when the sound is another."""
    return f"/media/books/{slug}/chapters/{chapter.position + 1}?v={chapter.audio_key[:12]}"


def release_files(context: Context, slug: str) -> list[dict[str, Any]]:
    """Published sound of a book."""
    found = [path for path in context.store.releases.files(slug) if path.is_file()]
    sound = [path for path in found if path.suffix not in {".json", ".jpg", ".png"}]
    return [
        {"name": path.name, "bytes": path.stat().st_size, "address": _file_address(slug, path.name)}
        for path in dict.fromkeys(sound)
    ]


def _file_address(slug: str, name: str) -> str:
    """Titles may hold "#" and "%", which mean something in an address."""
    return f"/media/books/{quote(slug, safe='')}/files/{quote(name, safe='')}"


def release_path(context: Context, slug: str, name: str) -> Path | None:
    """The published file of that name; None for whatever else."""
    return next((p for p in context.store.releases.files(slug) if p.name == name and p.is_file()), None)


def failed_chunk(place: ChunkPlace) -> dict[str, Any]:
    """A chunk that failed, with why."""
    return {
        "chapter": place.chapter_position + 1,
        "chapter_title": place.chapter_title,
        "chunk": place.chunk.id,
        "attempts": place.attempts,
        "reason": without_paths(place.reason),
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
        for place, remark in context.store.chunks.remarks(slug)
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
            {
                "backend": name,
                "is_remote": able.is_remote,
                "languages": list(able.languages),
                "currency": able.currency,
                "models": models,
                "voices": facts,
            }
        )
    return rows


def order_of_form(values: dict[str, Any]) -> Order:
    """The order that a form's fields stand for; empty ones are left to the settings."""
    given = {key: value for key, value in values.items() if value not in ("", None, [], ())}
    return Order.from_options(given)
