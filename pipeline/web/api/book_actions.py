"""What can be done with books, for the forms of the page and the REST interface: every run is a flow run."""

import threading
from collections.abc import Sequence
from typing import Any, BinaryIO

from pipeline.errors import NotFound
from pipeline.ingest.read_document import MAX_BYTES
from pipeline.model.plan import ChunkState
from pipeline.narration.core.account import caps_of
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, resolve_formats, resolve_mastering
from pipeline.narration.reading.import_document import Source, fetch_source, import_source
from pipeline.narration.reading.parse_apart import parse_apart, read_apart
from pipeline.narration.running.choose_again import choose_again
from pipeline.narration.running.estimate import Estimate, estimate_book
from pipeline.narration.upkeep.edit_book import change_facts, change_pronunciation, speak_sentence_as
from pipeline.narration.upkeep.remove_book import Removed, archive_book, remove_book
from pipeline.publish.picture_size import MAX_PICTURE_BYTES
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.edits import StoredPronunciation
from pipeline.web.server.error_answers import ApiError
from pipeline.web.server.run_desk import RunDesk

MAX_TEXT_CHARS = MAX_BYTES["text"] // 4
READERS = 3
"""Documents that are read at once, each with the memory of one."""
WAITERS = 9
"""That wait for a reader; each of them holds one of the 40 threads that answer every other request (Starlette's)."""
READER_WAIT_S = 45.0
"""Longer than a small document may be read, so that three hostile ones do not turn away who comes after them."""
_readers = threading.BoundedSemaphore(READERS)
_places = threading.BoundedSemaphore(READERS + WAITERS)


def take_document(context: Context, name: str, data: bytes) -> StoredBook:
    """A document that was handed in. Raises: ApiError, DocumentError, StoreError."""
    return _take(context, Source(data, name=name.replace("\\", "/").rpartition("/")[2][:200] or "document"))


def take_text(context: Context, title: str, text: str) -> StoredBook:
    """A text that was typed or pasted. Raises: ApiError, DocumentError, StoreError."""
    if len(text) > MAX_TEXT_CHARS:
        raise ApiError(413, "too_large", f"A text may have {MAX_TEXT_CHARS:,} characters", remedy="give it as a file")
    title = " ".join(title.split())[:200] or " ".join(text.split()[:6]) or "Text"
    return _take(context, Source(f"# {title}\n\n{text}\n".encode(), name=f"{title}.md"))


def take_page(context: Context, url: str) -> StoredBook:
    """The article at a public web address. Raises: ApiError, DocumentError, StoreError."""
    return _take(context, fetch_source(context, url.strip(), read_apart))


def _take(context: Context, source: Source) -> StoredBook:
    """Read in a process of its own, so that no document of a stranger holds up anybody else, or the pages."""
    if not _places.acquire(blocking=False):
        raise _busy()
    try:
        if not _readers.acquire(timeout=READER_WAIT_S):
            raise _busy()
        try:
            return import_source(context, source, parse=parse_apart)
        finally:
            _readers.release()
    finally:
        _places.release()


def _busy() -> ApiError:
    return ApiError(503, "busy", "Too many documents are being read right now", remedy="try again in a minute")


def plan(context: Context, slug: str, order: Order) -> Estimate:
    """What a narration would take. Raises: SettingsError, UnsupportedLanguage, StoreError."""
    resolve_formats(context.settings, order)
    resolve_mastering(context.settings, order)
    return estimate_book(context, context.store.documents.get_book(slug), order)


def start_narration(context: Context, desk: RunDesk, slug: str, order: Order) -> str:
    """Start narrating a book; the id of the run.

    Raises:
        ApiError: it is being narrated already.
        SettingsError, UnsupportedLanguage, StoreError.
    """
    context.store.documents.get_book(slug)
    if slug in desk.active():
        raise ApiError(409, "conflict", "The book is being narrated already", remedy="wait for the end, or cancel it")
    caps_of(context.settings, order)
    plan(context, slug, order)
    return desk.start("narrate-document", {"source": slug, **_parameters(order)}, slug)


def rerun(
    context: Context,
    desk: RunDesk,
    slug: str,
    *,
    failed: bool = False,
    chapters: Sequence[int] = (),
    chunks: Sequence[str] = (),
    max_cost: float | None = None,
) -> str:
    """Speak chunks of a book again: those that failed, of chapters, or single ones; the id of the run.

    Without a `max_cost` of its own it goes on under the cap of the last narration.

    Raises:
        ApiError: there are none.
        SettingsError, StoreError.
    """
    chosen = choose_again(context, slug, failed=failed, chapters=chapters, chunks=chunks)
    if not chosen:
        raise ApiError(409, "nothing_to_do", "There is nothing that failed", remedy="choose chapters or chunks")
    caps_of(context.settings, _last_order(context, slug, max_cost=max_cost))
    parameters: dict[str, Any] = {"book": slug, "failed": failed, "chapters": list(chapters), "chunks": list(chunks)}
    given = {} if max_cost is None else {"max_cost": max_cost}
    return desk.start("rerun-failed-chunks", {**parameters, **given}, slug)


def rerun_failed_of_chapter(context: Context, desk: RunDesk, slug: str, number: int) -> str:
    """Speak the failed chunks of one chapter (from 1) again; the id of the run. Raises: ApiError, StoreError."""
    places = context.store.chunks.places(slug, state=ChunkState.FAILED, chapter=number - 1)
    if not places:
        raise ApiError(409, "nothing_to_do", "Nothing of this chapter failed")
    return rerun(context, desk, slug, chunks=[place.chunk.id for place in places])


def rebuild(context: Context, desk: RunDesk, slug: str, **options: Any) -> str:
    """Write the release again without speaking; the id of the run. Raises: StoreError."""
    context.store.documents.get_book(slug)
    return desk.start("rebuild-release", {"book": slug, **options}, slug)


def cancel(context: Context, desk: RunDesk, slug: str) -> None:
    """Stop what is under way for a book; everything done is kept. Raises: ApiError, StoreError."""
    context.store.documents.get_book(slug)
    run = desk.active().get(slug)
    if run is None:
        raise ApiError(409, "nothing_to_do", "Nothing is under way for this book")
    desk.cancel(run.id)


def remove(context: Context, desk: RunDesk, slug: str, *, keep_files: bool = False) -> Removed:
    """Forget a book; see `remove_book`. Raises: ApiError where it is being narrated, PublishError, StoreError."""
    _check_idle(desk, slug)
    return remove_book(context, slug, keep_files=keep_files)


def archive(context: Context, desk: RunDesk, slug: str) -> Removed:
    """Keep a book's release and let go of the work; see `archive_book`. Raises: ApiError, StoreError."""
    _check_idle(desk, slug)
    return archive_book(context, slug)


def _check_idle(desk: RunDesk, slug: str) -> None:
    if slug in desk.active():
        raise ApiError(409, "conflict", "The book is being narrated", remedy="wait for the end, or cancel it")


def change_sentence(context: Context, desk: RunDesk, slug: str, number: int, sentence_id: str, spoken: str) -> str:
    """Have a sentence spoken otherwise, or as before where `spoken` is empty; the id of the run that does it.

    Raises:
        SettingsError, StoreError.
    """
    speak_sentence_as(context, slug, number - 1, sentence_id, spoken)
    return _narrate_changed(context, desk, slug)


def change_word(context: Context, desk: RunDesk, word: StoredPronunciation, slug: str) -> str:
    """Have a word said otherwise; the id of the run that brings the book `slug` up to date.

    Other books follow when they are narrated next. Raises: SettingsError, StoreError.
    """
    change_pronunciation(context, word)
    return _narrate_changed(context, desk, slug)


def change_details(context: Context, desk: RunDesk, slug: str, facts: dict[str, Any], cover: bytes | None) -> str:
    """Write facts and cover of a book otherwise; the id of the run that rebuilds its release, or empty.

    Raises:
        SettingsError, StoreError.
    """
    change_facts(context, slug, facts, cover)
    return rebuild(context, desk, slug) if context.store.releases.files(slug) else ""


def read_cover(file: BinaryIO) -> bytes:
    """A picture that was uploaded, never more of it than a cover may have. Raises: ApiError."""
    data = file.read(MAX_PICTURE_BYTES + 1)
    if len(data) > MAX_PICTURE_BYTES:
        message = f"A cover may have {MAX_PICTURE_BYTES // 1_000_000} MB"
        raise ApiError(413, "too_large", message, param="cover", remedy="use a smaller picture")
    return data


def choose_take(context: Context, desk: RunDesk, slug: str, chunk: str, blob: str) -> str:
    """Let a former take of a chunk be heard; the id of the run that rebuilds its chapter. Raises: StoreError."""
    for place in context.store.chunks.places(slug, chunk_ids=[chunk]):
        context.store.takes.choose(place.chunk.clip_key, blob)
        break
    else:
        raise NotFound("There is no such chunk", remedy="load the page again")
    return rebuild(context, desk, slug)


def _narrate_changed(context: Context, desk: RunDesk, slug: str) -> str:
    """Narrate a book as it was narrated last, under the same cap; empty where it never was."""
    if not context.store.documents.get_book(slug).narration:
        return ""
    order = _last_order(context, slug)
    return desk.start("narrate-document", {"source": slug, **_parameters(order)}, slug)


def _last_order(context: Context, slug: str, *, max_cost: float | None = None) -> Order:
    return Order.from_options(context.store.documents.get_book(slug).narration, max_cost=max_cost)


def _parameters(order: Order) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in order.as_parameters().items()}
