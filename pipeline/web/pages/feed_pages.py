"""The pages of the feeds and of their podcasts."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.errors import NotFound
from pipeline.feeds.read_feed import ALL_FEEDS
from pipeline.model.syndication.podcast import PodcastId, PodcastKind
from pipeline.narration.core.context import Context
from pipeline.web.api import feed_actions
from pipeline.web.pages.form_faults import FORM_ERRORS, FormFault, fault_of
from pipeline.web.pages.pages import back
from pipeline.web.server.guard import is_local
from pipeline.web.server.rendering import page
from pipeline.web.server.run_desk import opened
from pipeline.web.views import book_views, feed_views

router = APIRouter(prefix="/feeds", include_in_schema=False, default_response_class=HTMLResponse)
Address = Annotated[str, Form(max_length=4096)]
Guid = Annotated[str, Form(max_length=1000)]
Name = Annotated[str, Form(max_length=200)]


OPTION_FIELDS = (
    *("backend", "model", "voice", "speed", "language", "include", "exclude"),
    *("min_chars", "max_chars", "keep_days", "cron"),
)


@router.get("")
async def show_feeds(request: Request) -> HTMLResponse:
    """The feeds, and who listens to them."""
    return _feeds(request)


def _feeds(request: Request, fault: FormFault | None = None, *, url: str = "", name: str = "") -> HTMLResponse:
    """The feeds; `url` and `name` are what was typed, where not all of that is right."""
    context, desk = opened(request)
    return page(
        request,
        "feeds.html",
        status=fault.status if fault else 200,
        feeds=feed_views.feeds(context),
        is_active=ALL_FEEDS in desk.active(),
        addresses=feed_views.all_podcast(request),
        schedule=context.settings.feeds.schedule,
        is_local=is_local(request.url.hostname or ""),
        fault=fault,
        typed={"url": url, "name": name},
    )


@router.post("")
def take_feed(request: Request, url: Address) -> Response:
    """Subscribe to a feed."""
    try:
        feed = feed_actions.take_feed(request.app.state.context, url)
    except FORM_ERRORS as error:
        return _feeds(request, replace(fault_of(error), field="url"), url=url)
    return back(f"/feeds/{feed.name}", "saved")


@router.post("/update")
def update_feeds(request: Request) -> RedirectResponse:
    """Narrate what is new."""
    feed_actions.start_update(request.app.state.desk)
    return back("/feeds", "started")


@router.post("/subscribers")
def add_subscriber(request: Request, name: Name) -> Response:
    """Give somebody an address."""
    try:
        feed_actions.add_subscriber(request.app.state.context, name)
    except FORM_ERRORS as error:
        return _feeds(request, replace(fault_of(error), field="name"), name=name)
    return back("/feeds", "saved")


@router.post("/subscribers/remove")
def remove_subscriber(request: Request, subscriber: Name) -> RedirectResponse:
    """Make the address of somebody lead nowhere."""
    request.app.state.context.store.podcasts.remove_subscriber(subscriber)
    return back("/feeds", "saved")


@router.get("/{name}")
async def show_feed(request: Request, name: str) -> HTMLResponse:
    """One feed: its episodes, what failed, how it is narrated, and its podcast."""
    return _feed(request, name)


def _feed(
    request: Request, name: str, options: dict[str, Any] | None = None, fault: FormFault | None = None
) -> HTMLResponse:
    """A feed; `options` are what was typed of them, where not all of that is right."""
    context, desk = opened(request)
    feed = feed_views.feed(context, name)
    return page(
        request,
        "feed.html",
        status=fault.status if fault else 200,
        feed=feed,
        options=options or feed_views.shown_options(feed["options"]),
        is_active=ALL_FEEDS in desk.active(),
        addresses=feed_views.podcast_addresses(request, PodcastId(PodcastKind.FEEDS, name)),
        backends=book_views.voices(context),
        fault=fault,
        fields=OPTION_FIELDS,
    )


@router.post("/{name}/update")
def update_feed(request: Request, name: str) -> RedirectResponse:
    """Narrate what is new in one feed."""
    context, desk = opened(request)
    feed_actions.start_update(desk, feed_views.get_feed(context, name).url)
    return back(f"/feeds/{name}", "started")


@router.post("/{name}/rerun")
def rerun_article(request: Request, name: str, guid: Guid) -> RedirectResponse:
    """Try one article anew."""
    feed_actions.rerun_article(*opened(request), name, guid)
    return back(f"/feeds/{name}", "started")


async def _form(request: Request) -> dict[str, str]:
    return {key: str(value) for key, value in (await request.form()).items()}


@router.post("/{name}/options")
def change_feed(request: Request, name: str, form: Annotated[dict[str, str], Depends(_form)]) -> Response:
    """Narrate the feed otherwise from now on."""
    try:
        feed_actions.change_options(request.app.state.context, name, feed_views.changed_options(form))
    except NotFound:
        raise
    except FORM_ERRORS as error:
        typed = {field: form.get(field, "") for field in OPTION_FIELDS}
        return _feed(request, name, typed, fault_of(error))
    return back(f"/feeds/{name}", "saved")


@router.post("/{name}/remove")
def remove_feed(request: Request, name: str) -> RedirectResponse:
    """Drop a feed; its books stay."""
    context: Context = request.app.state.context
    context.store.feeds.remove(feed_views.get_feed(context, name).url)
    return back("/feeds", "saved")
