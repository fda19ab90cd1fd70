"""The pages of the studio; their forms work without scripts, which only make them quicker.

Pages that take a few milliseconds of reading are `async` and run on the event loop: threads that take turns on
one interpreter would make all of them slower. Whatever may take longer runs in a thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import NotFound
from pipeline.model.plan import ChunkState
from pipeline.model.syndication.podcast import PodcastId, PodcastKind
from pipeline.narration.core.context import Context
from pipeline.store.records.documents import StoredBook
from pipeline.web.api import book_actions
from pipeline.web.api.book_api import checkup
from pipeline.web.pages.form_faults import FORM_ERRORS, FormFault, fault_of
from pipeline.web.server.error_answers import ApiError
from pipeline.web.server.rendering import page
from pipeline.web.server.run_desk import opened
from pipeline.web.views import book_views
from pipeline.web.views.feed_views import podcast_addresses
from pipeline.web.views.settings_view import settings_in_force
from pipeline.web.views.spend_view import spend_by_month

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Text = Annotated[str, Form()]


def back(address: str, did: str = "", *, place: str = "") -> RedirectResponse:
    """After a form: to a page that can be loaded again without doing anything twice, at the element `place` of it."""
    said = f"?did={did}" if did else ""
    return RedirectResponse(f"{address}{said}{place and f'#{place}'}", status_code=303)


@router.get("/")
async def show_library(
    request: Request,
    q: Annotated[str, Query(max_length=200)] = "",
    p: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> HTMLResponse:
    """The library."""
    return page(request, "library.html", **book_views.library(*opened(request), q, p))


@router.get("/new")
async def show_new(request: Request) -> HTMLResponse:
    """Where documents are added."""
    return _new(request)


@router.post("/new")
def take_new(
    request: Request,
    files: Annotated[list[UploadFile] | None, File()] = None,
    url: Text = "",
    title: Text = "",
    text: Text = "",
) -> Response:
    """Add what was given, and go on to the plan; what cannot be read is named, each with its reason."""
    context = opened(request)[0]
    sources = [_Source("files", file.filename, partial(_read_file, context, file)) for file in files or []]
    sources.append(_Source("url", url.strip(), lambda: book_actions.take_page(context, url)))
    sources.append(_Source("text", text.strip(), lambda: book_actions.take_text(context, title, text)))
    given = [source for source in sources if source.name]
    taken, faults = _take(given)
    if not given:
        faults = [("", FormFault("Nothing was added. Try: choose a file, or give an address or a text.", "files"))]
    if faults:
        wrong = {fault.field for _, fault in faults}
        typed = {"url": ("url", url), "title": ("text", title), "text": ("text", text)}
        kept = {name: value if field in wrong else "" for name, (field, value) in typed.items()}
        return _new(request, kept, faults, taken)
    return back(f"/books/{taken[0].slug}/narrate" if len(taken) == 1 else "/")


@dataclass(frozen=True, slots=True)
class _Source:
    """Something that was given on the page of new books."""

    field: str
    name: str | None
    """Of the file, or what was typed; empty where nothing was."""
    take: Callable[[], StoredBook]


def _take(sources: Sequence[_Source]) -> tuple[list[StoredBook], list[tuple[str, FormFault]]]:
    """The books that were made of them, and what was wrong with the others, each with the name of its file."""
    taken, faults = [], []
    for source in sources:
        try:
            taken.append(source.take())
        except FORM_ERRORS as error:
            name = source.name if source.field == "files" else ""
            faults.append((name or "", replace(fault_of(error), field=source.field)))
    return taken, faults


def _read_file(context: Context, file: UploadFile) -> StoredBook:
    return book_actions.take_document(context, file.filename or "", file.file.read())


def _new(
    request: Request,
    typed: dict[str, str] | None = None,
    faults: Sequence[tuple[str, FormFault]] = (),
    taken: Sequence[StoredBook] = (),
) -> HTMLResponse:
    status = faults[0][1].status if faults else 200
    values = {"typed": typed or {"url": "", "title": "", "text": ""}, "faults": faults, "taken": taken}
    return page(request, "new.html", status=status, max_bytes=request.app.state.max_upload_bytes, **values)


@router.get("/books/{slug}")
async def show_book(request: Request, slug: str) -> HTMLResponse:
    """A book."""
    return _book(request, slug)


def _book(
    request: Request, slug: str, details: dict[str, str] | None = None, fault: FormFault | None = None
) -> HTMLResponse:
    """The page of a book; `details` are what was typed of it, where not all of that is right."""
    context, desk = opened(request)
    with context.store.snapshot():
        book = book_views.book(context, desk, slug)
        places = context.store.chunks.places(slug, state=ChunkState.FAILED) if book["totals"]["failed"] else []
        review = book_views.review(context, slug)
    return page(
        request,
        "book.html",
        status=fault.status if fault else 200,
        book=book,
        failed=[book_views.failed_chunk(place) for place in places],
        review=review,
        addresses=podcast_addresses(request, PodcastId(PodcastKind.BOOKS, slug)),
        details=details or {**book["facts"], "authors": "; ".join(book["facts"]["authors"])},
        fault=fault,
    )


@router.post("/books/{slug}/rerun")
def rerun_failed(request: Request, slug: str, chunk: Text = "", chapter: Text = "") -> RedirectResponse:
    """Speak what failed again, in the whole book or a chapter; or one chunk, failed or not."""
    if chunk:
        book_actions.rerun(*opened(request), slug, chunks=[chunk])
    elif chapter.isdigit():
        book_actions.rerun_failed_of_chapter(*opened(request), slug, int(chapter))
    else:
        book_actions.rerun(*opened(request), slug, failed=True)
    return back(f"/books/{slug}/chapters/{chapter}" if chapter.isdigit() else f"/books/{slug}", "rerun")


@router.post("/books/{slug}/cancel")
def cancel(request: Request, slug: str) -> RedirectResponse:
    """Stop what is under way."""
    book_actions.cancel(*opened(request), slug)
    return back(f"/books/{slug}", "cancelled")


@router.post("/books/{slug}/rebuild")
def rebuild(request: Request, slug: str) -> RedirectResponse:
    """Write the release again."""
    book_actions.rebuild(*opened(request), slug)
    return back(f"/books/{slug}", "rebuild")


@router.post("/books/{slug}/details")
def change_details(
    request: Request,
    slug: str,
    title: Text = "",
    authors: Text = "",
    series: Text = "",
    series_index: Text = "",
    published: Text = "",
    description: Text = "",
    cover: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Write facts and cover otherwise."""
    typed = {
        "title": title, "authors": authors, "series": series, "series_index": series_index,
        "published": published, "description": description,
    }  # fmt: skip
    facts: dict[str, Any] = {name: value.strip() for name, value in typed.items()}
    facts["authors"] = [name.strip() for name in authors.split(";") if name.strip()]
    try:
        picture = book_actions.read_cover(cover.file) if cover and cover.filename else None
        run = book_actions.change_details(*opened(request), slug, facts, picture)
    except NotFound:
        raise
    except FORM_ERRORS as error:
        return _book(request, slug, typed, fault_of(error))
    return back(f"/books/{slug}", "rebuild" if run else "saved")


@router.post("/books/{slug}/remove")
def remove_book(request: Request, slug: str, what: Text = "") -> RedirectResponse:
    """Forget a book, forget it and keep its files, or keep it and let go of the work."""
    if what == "archive":
        book_actions.archive(*opened(request), slug)
        return back(f"/books/{slug}", "archived")
    if what not in {"all", "book"}:
        raise ApiError(400, "invalid_value", "Choose what is to be removed", param="what")
    book_actions.remove(*opened(request), slug, keep_files=what == "book")
    return back("/", "removed")


@router.get("/spend")
async def show_spend(request: Request) -> HTMLResponse:
    """What services cost."""
    return page(request, "spend.html", **spend_by_month(opened(request)[0]))


@router.get("/settings")
async def show_settings(request: Request) -> HTMLResponse:
    """What is in force, with its file and key."""
    context = opened(request)[0]
    words = context.store.changes.pronunciations()
    return page(request, "settings.html", rows=settings_in_force(context.settings), words=words, checks=None)


@router.post("/settings/doctor")
def show_doctor(request: Request) -> HTMLResponse:
    """The same with the findings of `bookcast doctor`."""
    context = opened(request)[0]
    words, checks = context.store.changes.pronunciations(), checkup(context)
    return page(request, "settings.html", rows=settings_in_force(context.settings), words=words, checks=checks)


@router.post("/settings/words/{number}/forget")
def forget_word(request: Request, number: int) -> RedirectResponse:
    """Forget a pronunciation."""
    opened(request)[0].store.changes.remove_pronunciation(number)
    return back("/settings", "saved")


@router.get("/docs")
def show_docs(request: Request) -> HTMLResponse:
    """The REST interface, described from its OpenAPI document."""
    return page(request, "docs.html", operations=_operations(request.app.openapi()))


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
