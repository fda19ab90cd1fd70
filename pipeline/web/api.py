"""The REST interface behind the page: the same operations as the command line, as JSON."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from pipeline.stages.checkup import check_backends, check_python, check_store
from pipeline.stages.context import Context
from pipeline.stages.edit_book import count_touched
from pipeline.stages.keep_cache import prune_cache, verify_cache
from pipeline.stages.order import Order
from pipeline.store.changes import StoredPronunciation
from pipeline.web import actions, views
from pipeline.web.errors import ApiError, without_paths
from pipeline.web.run_desk import opened

router = APIRouter(prefix="/api", tags=["studio"])
Number = Annotated[int, Field(ge=1, le=100_000)]
Short = Annotated[str, Field(max_length=200)]


class NarrationOrder(BaseModel):
    """How a book is to be narrated; what is left out stands for what the settings say."""

    backend: Short = ""
    model: Short = ""
    voice: Short = ""
    speed: float = Field(default=0.0, ge=0, le=4, allow_inf_nan=False)
    language: Annotated[str, Field(max_length=35)] = ""
    formats: list[Literal["m4b", "m4a", "mp3", "opus", "flac", "wav"]] = Field(default=[], max_length=6)
    mastering: Literal["", "audiobook", "podcast", "broadcast"] = ""
    chapters: list[Number] = Field(default=[], max_length=10_000, description="From 1; empty for all.")
    allow_gaps: bool = False
    max_cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    def as_order(self) -> Order:
        """As the stages take it."""
        return views.order_of_form(self.model_dump())


class RerunOrder(BaseModel):
    """Which chunks are to be spoken again."""

    failed: bool = True
    chapters: list[Number] = Field(default=[], max_length=10_000)
    chunks: list[Short] = Field(default=[], max_length=10_000)


class SpokenText(BaseModel):
    """How a sentence is spoken; empty for as it is written."""

    spoken: str = Field(max_length=4096)


class Word(BaseModel):
    """How a word is said."""

    written: Short
    say: Short = ""
    ipa: Short = ""
    match_case: bool = False
    book: Annotated[str, Field(max_length=120)] = Field(default="", description="Its name; empty for every book.")

    def as_stored(self) -> StoredPronunciation:
        """As the stages take it."""
        return StoredPronunciation(0, self.book, self.written, self.say, self.ipa, self.match_case)


class Facts(BaseModel):
    """Facts of a book that are to be written otherwise; what is left out stays."""

    title: str | None = Field(default=None, max_length=500)
    authors: list[Short] | None = Field(default=None, max_length=50)
    series: str | None = Field(default=None, max_length=500)
    series_index: str | None = Field(default=None, max_length=20)
    description: str | None = Field(default=None, max_length=20_000)
    published: str | None = Field(default=None, max_length=40)


class PageAddress(BaseModel):
    """A web page to be read."""

    url: str = Field(max_length=4096)


class PastedText(BaseModel):
    """A text to be read."""

    title: Annotated[str, Field(max_length=200)] = ""
    text: str = Field(max_length=actions.MAX_TEXT_CHARS)


def _started(request: Request, run: str) -> dict[str, str]:
    return {"run": run, "run_url": request.app.state.desk.run_url(run) if run else ""}


@router.get("/books")
async def list_books(
    request: Request,
    words: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> dict[str, Any]:
    """Books by title, a page at a time."""
    found = views.library(*opened(request), words, page)
    return {**found, "books": [asdict(card) for card in found["books"]]}


@router.post("/documents", status_code=201)
def add_document(request: Request, file: Annotated[UploadFile, File()]) -> dict[str, str]:
    """Hand a document in: EPUB, Markdown, HTML or plain text."""
    data = file.file.read()
    return {"book": actions.take_document(opened(request)[0], file.filename or "", data).slug}


@router.post("/pages", status_code=201)
def add_page(request: Request, page: PageAddress) -> dict[str, str]:
    """Hand in the article at a public web address."""
    return {"book": actions.take_page(opened(request)[0], page.url).slug}


@router.post("/texts", status_code=201)
def add_text(request: Request, text: PastedText) -> dict[str, str]:
    """Hand a text in."""
    return {"book": actions.take_text(opened(request)[0], text.title, text.text).slug}


@router.get("/books/{slug}")
async def get_book(request: Request, slug: str) -> dict[str, Any]:
    """A book with its chapters and files."""
    return views.book(*opened(request), slug)


@router.get("/books/{slug}/chapters/{number}")
async def get_chapter(request: Request, slug: str, number: Number) -> dict[str, Any]:
    """A chapter with its sentences and their times in seconds."""
    found = views.chapter(opened(request)[0], slug, number)
    return {**found, "blocks": [asdict(block) for block in found["blocks"]]}


@router.get("/books/{slug}/failed")
def list_failed(request: Request, slug: str) -> dict[str, Any]:
    """Chunks that failed, with why."""
    context = opened(request)[0]
    context.store.documents.get_book(slug)
    return {"failed": [views.failed_chunk(place) for place in context.store.plans.places(slug, state="failed")]}


@router.get("/books/{slug}/review")
def list_review(request: Request, slug: str) -> dict[str, Any]:
    """Chunks that a person should listen to, with why."""
    context = opened(request)[0]
    context.store.documents.get_book(slug)
    return {"review": views.review(context, slug)}


@router.post("/books/{slug}/plan")
def plan_narration(request: Request, slug: str, order: NarrationOrder) -> dict[str, Any]:
    """What a narration would take: chunks, characters, length, time and cost."""
    return actions.plan(opened(request)[0], slug, order.as_order()).as_json()


@router.post("/books/{slug}/narrate", status_code=202)
def narrate(request: Request, slug: str, order: NarrationOrder) -> dict[str, str]:
    """Start narrating a book."""
    return _started(request, actions.start_narration(*opened(request), slug, order.as_order()))


@router.post("/books/{slug}/rerun", status_code=202)
def rerun(request: Request, slug: str, order: RerunOrder) -> dict[str, str]:
    """Speak chunks of a book again and rebuild just their chapters."""
    run = actions.rerun(*opened(request), slug, failed=order.failed, chapters=order.chapters, chunks=order.chunks)
    return _started(request, run)


@router.post("/books/{slug}/rebuild", status_code=202)
def rebuild(request: Request, slug: str) -> dict[str, str]:
    """Write the release again from what is spoken already."""
    return _started(request, actions.rebuild(*opened(request), slug))


@router.post("/books/{slug}/cancel", status_code=202)
def cancel(request: Request, slug: str) -> dict[str, str]:
    """Stop what is under way for a book; everything done is kept."""
    actions.cancel(*opened(request), slug)
    return {"book": slug}


@router.patch("/books/{slug}", status_code=202)
def change_facts(request: Request, slug: str, facts: Facts) -> dict[str, str]:
    """Write facts of a book otherwise; its release is rebuilt without speaking."""
    return _started(
        request, actions.change_details(*opened(request), slug, facts.model_dump(exclude_none=True), cover=None)
    )


@router.put("/books/{slug}/cover", status_code=202)
def change_cover(request: Request, slug: str, file: Annotated[UploadFile, File()]) -> dict[str, str]:
    """Give a book another cover."""
    return _started(request, actions.change_details(*opened(request), slug, {}, file.file.read(20_000_000)))


@router.put("/books/{slug}/chapters/{number}/sentences/{sentence}", status_code=202)
def change_sentence(request: Request, slug: str, number: Number, sentence: str, text: SpokenText) -> dict[str, str]:
    """Have a sentence spoken otherwise; only its chunk is spoken again."""
    return _started(request, actions.change_sentence(*opened(request), slug, number, sentence, text.spoken))


@router.post("/books/{slug}/chunks/{chunk}/take", status_code=202)
def choose_take(request: Request, slug: str, chunk: str, blob: Annotated[str, Form(max_length=64)]) -> dict[str, str]:
    """Let a former take of a chunk be heard."""
    return _started(request, actions.choose_take(*opened(request), slug, chunk, blob))


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
    return _started(request, actions.change_word(context, desk, word.as_stored(), slug))


@router.delete("/words/{number}", status_code=204)
def forget_word(request: Request, number: Annotated[int, Field(ge=1, le=2**31)]) -> None:
    """Forget a pronunciation."""
    opened(request)[0].store.changes.remove_pronunciation(number)


@router.get("/voices")
def list_voices(request: Request) -> dict[str, Any]:
    """Who can speak."""
    return {"backends": views.voices(opened(request)[0])}


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
    total, damaged, orphans = verify_cache(opened(request)[0])
    return {"clips": total, "damaged": damaged, "orphans": orphans}


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
