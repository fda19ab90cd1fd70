"""What can be done with books, for the forms of the page and the REST interface: every run is a flow run."""

import threading
from collections.abc import Sequence
from typing import Any

from pipeline.ingest import MAX_BYTES
from pipeline.stages.account import caps_of
from pipeline.stages.choose_again import choose_again
from pipeline.stages.context import Context
from pipeline.stages.edit_book import change_facts, change_pronunciation, speak_sentence_as
from pipeline.stages.estimate import Estimate, estimate_narration
from pipeline.stages.import_document import import_bytes, import_page
from pipeline.stages.order import Order, resolve_formats, resolve_mastering
from pipeline.store.changes import StoredPronunciation
from pipeline.store.documents import StoredBook
from pipeline.web.errors import ApiError
from pipeline.web.run_desk import RunDesk

_reading = threading.Lock()  # the bounds on memory are those of one document at a time
MAX_TEXT_CHARS = MAX_BYTES["text"] // 4


def take_document(context: Context, name: str, data: bytes) -> StoredBook:
    """A document that was handed in. Raises: DocumentError, StoreError."""
    with _reading:
        return import_bytes(context, data, name=name.replace("\\", "/").rpartition("/")[2][:200] or "document")


def take_text(context: Context, title: str, text: str) -> StoredBook:
    """A text that was typed or pasted. Raises: ApiError, DocumentError, StoreError."""
    if len(text) > MAX_TEXT_CHARS:
        raise ApiError(413, "too_large", f"A text may have {MAX_TEXT_CHARS:,} characters", remedy="give it as a file")
    title = " ".join(title.split())[:200] or " ".join(text.split()[:6]) or "Text"
    return import_bytes(context, f"# {title}\n\n{text}\n".encode(), name=f"{title}.md")


def take_page(context: Context, url: str) -> StoredBook:
    """The article at a public web address. Raises: DocumentError, StoreError."""
    return import_page(context, url.strip())


def plan(context: Context, slug: str, order: Order) -> Estimate:
    """What a narration would take. Raises: SettingsError, UnsupportedLanguage, StoreError."""
    resolve_formats(context.settings, order)
    resolve_mastering(context.settings, order)
    return estimate_narration(context, slug, order)


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
) -> str:
    """Speak chunks of a book again: those that failed, of chapters, or single ones; the id of the run.

    Raises:
        ApiError: there are none.
        SettingsError, StoreError.
    """
    chosen = choose_again(context, slug, failed=failed, chapters=chapters, chunks=chunks)
    if not chosen:
        raise ApiError(409, "nothing_to_do", "There is nothing that failed", remedy="choose chapters or chunks")
    parameters = {"book": slug, "failed": failed, "chapters": list(chapters), "chunks": list(chunks)}
    return desk.start("rerun-failed-chunks", parameters, slug)


def rerun_failed_of_chapter(context: Context, desk: RunDesk, slug: str, number: int) -> str:
    """Speak the failed chunks of one chapter (from 1) again; the id of the run. Raises: ApiError, StoreError."""
    places = context.store.plans.places(slug, state="failed", chapter=number - 1)
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
    return rebuild(context, desk, slug) if context.store.releases.releases(slug) else ""


def choose_take(context: Context, desk: RunDesk, slug: str, chunk: str, blob: str) -> str:
    """Let a former take of a chunk be heard; the id of the run that rebuilds its chapter. Raises: StoreError."""
    for place in context.store.plans.places(slug, chunk_ids=[chunk]):
        context.store.takes.choose(place.chunk.clip_key, blob)
        break
    else:
        raise ApiError(404, "not_found", "There is no such chunk")
    return rebuild(context, desk, slug)


def _narrate_changed(context: Context, desk: RunDesk, slug: str) -> str:
    """Narrate a book as it was narrated last; empty where it never was."""
    narration = context.store.documents.get_book(slug).narration
    if not narration:
        return ""
    order = Order.from_options(narration)
    return desk.start("narrate-document", {"source": slug, **_parameters(order)}, slug)


def _parameters(order: Order) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in order.as_parameters().items()}
