"""The pages of the studio; their forms work without scripts, which only make them quicker.

Pages that take a few milliseconds of reading are `async` and run on the event loop: threads that take turns on
one interpreter would make all of them slower. Whatever may take longer runs in a thread.
"""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.model.audio import FORMATS
from pipeline.stages.order import MASTERINGS, Order, parse_chapters
from pipeline.web import actions, views
from pipeline.web.api import checkup
from pipeline.web.errors import ApiError
from pipeline.web.feed_views import podcast_addresses
from pipeline.web.rendering import page
from pipeline.web.run_desk import opened
from pipeline.web.settings_view import settings_in_force
from pipeline.web.spend_view import spend_by_month

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Text = Annotated[str, Form()]


def back(address: str, did: str = "") -> RedirectResponse:
    """After a form: to a page that can be loaded again without doing anything twice."""
    return RedirectResponse(f"{address}?did={did}" if did else address, status_code=303)


@router.get("/")
async def show_library(
    request: Request,
    q: Annotated[str, Query(max_length=200)] = "",
    p: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> HTMLResponse:
    """The library."""
    return page(request, "library.html", **views.library(*opened(request), q, p))


@router.get("/new")
async def show_new(request: Request) -> HTMLResponse:
    """Where documents are handed in."""
    return page(request, "new.html")


@router.post("/new")
def take_new(
    request: Request,
    files: Annotated[list[UploadFile] | None, File()] = None,
    url: Text = "",
    title: Text = "",
    text: Text = "",
) -> RedirectResponse:
    """Take what was handed in, and go on to the plan."""
    context, taken = opened(request)[0], []
    for file in files or []:
        if file.filename:
            taken.append(actions.take_document(context, file.filename, file.file.read()))
    if url.strip():
        taken.append(actions.take_page(context, url))
    if text.strip():
        taken.append(actions.take_text(context, title, text))
    if not taken:
        raise ApiError(400, "invalid_value", "Nothing was handed in", remedy="choose a file, an address or a text")
    return back(f"/books/{taken[0].slug}/narrate" if len(taken) == 1 else "/")


@router.get("/books/{slug}")
async def show_book(request: Request, slug: str) -> HTMLResponse:
    """A book."""
    context, desk = opened(request)
    book = views.book(context, desk, slug)
    places = context.store.plans.places(slug, state="failed") if book["totals"]["failed"] else []
    failed = [views.failed_chunk(place) for place in places]
    addresses = podcast_addresses(request, f"books/{slug}")
    return page(request, "book.html", book=book, failed=failed, review=views.review(context, slug), addresses=addresses)


def _order(values: dict[str, Any]) -> Order:
    chapters = parse_chapters(str(values.get("chapters", "")))
    return views.order_of_form({**values, "chapters": chapters, "formats": tuple(values.get("formats") or ())})


@router.get("/books/{slug}/narrate")
def show_plan(
    request: Request,
    slug: str,
    backend: str = "",
    model: str = "",
    voice: str = "",
    speed: Annotated[float, Query(ge=0, le=4)] = 0.0,
    mastering: str = "",
    chapters: str = "",
    formats: Annotated[list[str] | None, Query()] = None,
) -> HTMLResponse:
    """The plan and the price, before anything is spoken."""
    context, desk = opened(request)
    stored = context.store.documents.get_book(slug)
    form = {
        "backend": backend, "model": model, "voice": voice, "speed": speed, "mastering": mastering,
        "chapters": chapters, "formats": formats or [],
    }  # fmt: skip
    if not request.url.query and stored.narration:
        form.update({key: stored.narration[key] or form[key] for key in form.keys() & stored.narration.keys()})
        form["chapters"] = ",".join(map(str, stored.narration.get("chapters", ())))
    return page(
        request,
        "narrate.html",
        book=views.book_card(stored, None, desk),
        form=form,
        plan=actions.plan(context, slug, _order(form)),
        backends=views.voices(context),
        formats=FORMATS,
        masterings=MASTERINGS,
        settings=context.settings,
    )


@router.post("/books/{slug}/narrate")
def start_narration(
    request: Request,
    slug: str,
    backend: Text = "",
    model: Text = "",
    voice: Text = "",
    speed: Annotated[float, Form(ge=0, le=4)] = 0.0,
    mastering: Text = "",
    chapters: Text = "",
    formats: Annotated[list[str] | None, Form()] = None,
    max_cost: Text = "",
) -> RedirectResponse:
    """Start narrating."""
    values = {
        "backend": backend, "model": model, "voice": voice, "speed": speed, "mastering": mastering,
        "chapters": chapters, "formats": formats, "max_cost": _amount(max_cost),
    }  # fmt: skip
    actions.start_narration(*opened(request), slug, _order(values))
    return back(f"/books/{slug}", "started")


def _amount(text: str) -> float | None:
    try:
        amount = float(text) if text.strip() else None
    except ValueError as error:
        raise ApiError(400, "invalid_value", f'"{text[:40]}" is no amount', param="max_cost") from error
    if amount is not None and not 0 <= amount < 1e9:
        raise ApiError(400, "invalid_value", "A cap is an amount from 0 on", param="max_cost")
    return amount


@router.post("/books/{slug}/rerun")
def rerun_failed(request: Request, slug: str, chunk: Text = "", chapter: Text = "") -> RedirectResponse:
    """Speak what failed again, in the whole book or a chapter; or one chunk, failed or not."""
    if chunk:
        actions.rerun(*opened(request), slug, chunks=[chunk])
    elif chapter.isdigit():
        actions.rerun_failed_of_chapter(*opened(request), slug, int(chapter))
    else:
        actions.rerun(*opened(request), slug, failed=True)
    return back(f"/books/{slug}/chapters/{chapter}" if chapter.isdigit() else f"/books/{slug}", "rerun")


@router.post("/books/{slug}/cancel")
def cancel(request: Request, slug: str) -> RedirectResponse:
    """Stop what is under way."""
    actions.cancel(*opened(request), slug)
    return back(f"/books/{slug}", "cancelled")


@router.post("/books/{slug}/rebuild")
def rebuild(request: Request, slug: str) -> RedirectResponse:
    """Write the release again."""
    actions.rebuild(*opened(request), slug)
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
) -> RedirectResponse:
    """Write facts and cover otherwise."""
    facts = {
        "title": title.strip(),
        "authors": [name.strip() for name in authors.split(";") if name.strip()],
        "series": series.strip(),
        "series_index": series_index.strip(),
        "published": published.strip(),
        "description": description.strip(),
    }
    picture = cover.file.read(20_000_000) if cover and cover.filename else None
    run = actions.change_details(*opened(request), slug, facts, picture)
    return back(f"/books/{slug}", "rebuild" if run else "saved")


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
