"""The REST interface behind the page: the same operations as the command line, as JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import Field

from pipeline.model.plan import ChunkState
from pipeline.narration.core.context import Context
from pipeline.narration.upkeep.checkup import check_backends, check_python, check_store
from pipeline.narration.upkeep.edit_book import count_touched
from pipeline.narration.upkeep.keep_cache import prune_cache, verify_cache
from pipeline.narration.upkeep.remove_book import Removed
from pipeline.web.api import book_actions
from pipeline.web.api.request_bodies import (
    Facts,
    NarrationOrder,
    Number,
    PageAddress,
    PastedText,
    RerunOrder,
    SpokenText,
    Word,
)
from pipeline.web.server.error_answers import ApiError, without_paths
from pipeline.web.server.run_desk import opened
from pipeline.web.views import book_views, chapter_views

router = APIRouter(prefix="/api", tags=["studio"])


def _started(request: Request, run: str) -> dict[str, str]:
    return {"run": run, "run_url": request.app.state.desk.run_url(run) if run else ""}


@router.get("/books")
async def list_books(
    request: Request,
    words: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> dict[str, Any]:
    """Books by title, a page at a time."""
    found = book_views.library(*opened(request), words, page)
    return {**found, "books": [asdict(card) for card in found["books"]]}


@router.post("/documents", status_code=201)
def add_document(request: Request, file: Annotated[UploadFile, File()]) -> dict[str, str]:
    """Hand a document in: EPUB, Markdown, HTML or plain text."""
    data = file.file.read()
    return {"book": book_actions.take_document(opened(request)[0], file.filename or "", data).slug}


@router.post("/pages", status_code=201)
def add_page(request: Request, page: PageAddress) -> dict[str, str]:
    """Hand in the article at a public web address."""
    return {"book": book_actions.take_page(opened(request)[0], page.url).slug}


@router.post("/texts", status_code=201)
def add_text(request: Request, text: PastedText) -> dict[str, str]:
    """Hand a text in."""
    return {"book": book_actions.take_text(opened(request)[0], text.title, text.text).slug}


@router.get("/books/{slug}")
async def get_book(request: Request, slug: str) -> dict[str, Any]:
    """A book with its chapters and files."""
    return book_views.book(*opened(request), slug)


@router.get("/books/{slug}/chapters/{number}")
async def get_chapter(request: Request, slug: str, number: Number) -> dict[str, Any]:
    """A chapter with its sentences and their times in seconds."""
    found = chapter_views.chapter(opened(request)[0], slug, number)
    return {**found, "blocks": [asdict(block) for block in found["blocks"]]}


@router.get("/books/{slug}/failed")
def list_failed(request: Request, slug: str) -> dict[str, Any]:
    """Chunks that failed, with why."""
    context = opened(request)[0]
    context.store.documents.get_book(slug)
    return {
        "failed": [
            book_views.failed_chunk(place) for place in context.store.chunks.places(slug, state=ChunkState.FAILED)
        ]
    }


@router.get("/books/{slug}/review")
def list_review(request: Request, slug: str) -> dict[str, Any]:
    """Chunks that a person should listen to, with why."""
    context = opened(request)[0]
    context.store.documents.get_book(slug)
    return {"review": book_views.review(context, slug)}


@router.post("/books/{slug}/plan")
def plan_narration(request: Request, slug: str, order: NarrationOrder) -> dict[str, Any]:
    """What a narration would take: chunks, characters, length, time and cost."""
    return book_actions.plan(opened(request)[0], slug, order.as_order()).as_json()


@router.post("/books/{slug}/narrate", status_code=202)
def narrate(request: Request, slug: str, order: NarrationOrder) -> dict[str, str]:
    """Start narrating a book."""
    return _started(request, book_actions.start_narration(*opened(request), slug, order.as_order()))


@router.post("/books/{slug}/rerun", status_code=202)
def rerun(request: Request, slug: str, order: RerunOrder) -> dict[str, str]:
    """Speak chunks of a book again and rebuild just their chapters."""
    run = book_actions.rerun(*opened(request), slug, **order.model_dump())
    return _started(request, run)


@router.post("/books/{slug}/rebuild", status_code=202)
def rebuild(request: Request, slug: str) -> dict[str, str]:
    """Write the release again from what is spoken already."""
    return _started(request, book_actions.rebuild(*opened(request), slug))


@router.post("/books/{slug}/cancel", status_code=202)
def cancel(request: Request, slug: str) -> dict[str, str]:
    """Stop what is under way for a book; everything done is kept."""
    book_actions.cancel(*opened(request), slug)
    return {"book": slug}


@router.delete("/books/{slug}")
def remove_book(request: Request, slug: str, keep_files: bool = False) -> dict[str, Any]:
    """Forget a book with its edits and, unless `keep_files`, its release."""
    return _removed(book_actions.remove(*opened(request), slug, keep_files=keep_files))


@router.post("/books/{slug}/archive")
def archive_book(request: Request, slug: str) -> dict[str, Any]:
    """Keep a book and its release; let go of the clips and chapters that it was made of."""
    return _removed(book_actions.archive(*opened(request), slug))


def _removed(found: Removed) -> dict[str, Any]:
    files = {"deleted": [Path(path).name for path in found.deleted], "kept": [Path(path).name for path in found.kept]}
    return {**asdict(found), **files}


@router.patch("/books/{slug}", status_code=202)
def change_facts(request: Request, slug: str, facts: Facts) -> dict[str, str]:
    """Write facts of a book otherwise; its release is rebuilt without speaking."""
    return _started(
        request, book_actions.change_details(*opened(request), slug, facts.model_dump(exclude_none=True), cover=None)
    )


@router.put("/books/{slug}/cover", status_code=202)
def change_cover(request: Request, slug: str, file: Annotated[UploadFile, File()]) -> dict[str, str]:
    """Give a book another cover."""
    return _started(
        request, book_actions.change_details(*opened(request), slug, {}, book_actions.read_cover(file.file))
    )


@router.put("/books/{slug}/chapters/{number}/sentences/{sentence}", status_code=202)
def change_sentence(request: Request, slug: str, number: Number, sentence: str, text: SpokenText) -> dict[str, str]:
    """Have a sentence spoken otherwise; only its chunk is spoken again."""
    return _started(request, book_actions.change_sentence(*opened(request), slug, number, sentence, text.spoken))


@router.post("/books/{slug}/chunks/{chunk}/take", status_code=202)
def choose_take(request: Request, slug: str, chunk: str, blob: Annotated[str, Form(max_length=64)]) -> dict[str, str]:
    """Let a former take of a chunk be heard."""
    return _started(request, book_actions.choose_take(*opened(request), slug, chunk, blob))


@router.get("/words")
def list_words(request: Request) -> dict[str, Any]:
    """Pronunciations that were set from the page."""
    return {"words": [asdict(word) for word in opened(request)[0].store.changes.pronunciations()]}


@router.post("/words/count")
def count_word(request: Request, word: Word) -> dict[str, Any]:
    """How many sentences a pronunciation would change."""
    return asdict(count_touched(opened(request)[0], word.as_stored()))


@router.post("/words", status_code=202)
def change_word(request: Request, word: Word, narrate: Annotated[str, Query(max_length=120)] = "") -> dict[str, str]:
    """Have a word said otherwise; the book `narrate`, or the word's own, is brought up to date at once."""
    slug = narrate or word.book
    if not slug:
        raise ApiError(400, "invalid_value", "narrate: name the book that is brought up to date", param="narrate")
    context, desk = opened(request)
    context.store.documents.get_book(slug)
    return _started(request, book_actions.change_word(context, desk, word.as_stored(), slug))


@router.delete("/words/{number}", status_code=204)
def forget_word(request: Request, number: Annotated[int, Field(ge=1, le=2**31)]) -> None:
    """Forget a pronunciation."""
    opened(request)[0].store.changes.remove_pronunciation(number)


@router.get("/voices")
def list_voices(request: Request) -> dict[str, Any]:
    """Who can speak."""
    return {"backends": book_views.voices(opened(request)[0])}


@router.get("/spend")
def list_spend(request: Request, book: Annotated[str, Query(max_length=120)] = "") -> dict[str, Any]:
    """What services cost, by month, backend and book."""
    lines = opened(request)[0].store.spend.account(book=book)
    return {"spend": [{**asdict(line), "cost": float(line.cost)} for line in lines]}


@router.get("/doctor")
def doctor(request: Request) -> dict[str, Any]:
    """Is everything there, and what to do where it is not."""
    return {"checks": checkup(opened(request)[0])}


def checkup(context: Context) -> list[dict[str, Any]]:
    """Findings of `bookcast doctor`."""
    folder = context.store.data
    found = [*check_python(), *check_store(context.store, folder), *check_backends(context.settings)]
    return [{**asdict(f), "detail": without_paths(f.detail), "remedy": without_paths(f.remedy)} for f in found]


@router.get("/cache")
def cache_stats(request: Request) -> dict[str, Any]:
    """What the clip cache holds."""
    return asdict(opened(request)[0].store.clips.stats())


@router.post("/cache/verify")
def cache_verify(request: Request) -> dict[str, int]:
    """Read every clip and drop the damaged."""
    found = verify_cache(opened(request)[0])
    return {
        "clips": found.clips,
        "damaged": found.dropped,
        "orphans": found.orphan_files,
        "rebuildable": found.rebuildable,
    }


@router.post("/cache/prune")
def cache_prune(request: Request, dry_run: bool = True) -> dict[str, Any]:
    """Delete what no book needs."""
    return asdict(prune_cache(opened(request)[0], dry_run=dry_run))


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request) -> StreamingResponse:
    """Server-sent events: how far the runs under way are."""
    return StreamingResponse(
        request.app.state.watch.stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )
