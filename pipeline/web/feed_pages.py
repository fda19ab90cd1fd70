"""The pages of the feeds and of their podcasts."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.errors import SettingsError
from pipeline.stages.context import Context
from pipeline.stages.read_feed import ALL_FEEDS
from pipeline.web import feed_actions, feed_views, views
from pipeline.web.guard import is_local
from pipeline.web.pages import back
from pipeline.web.rendering import page
from pipeline.web.run_desk import opened

router = APIRouter(prefix="/feeds", include_in_schema=False, default_response_class=HTMLResponse)
Address = Annotated[str, Form(max_length=4096)]
Guid = Annotated[str, Form(max_length=1000)]
Name = Annotated[str, Form(max_length=200)]


@router.get("")
async def show_feeds(request: Request) -> HTMLResponse:
    """The feeds, and who listens to them."""
    context, desk = opened(request)
    return page(
        request,
        "feeds.html",
        feeds=feed_views.feeds(context),
        is_active=ALL_FEEDS in desk.active(),
        addresses=feed_views.all_podcast(request),
        schedule=context.settings.feeds.schedule,
        is_local=is_local(request.url.hostname or ""),
    )


@router.post("")
def take_feed(request: Request, url: Address) -> RedirectResponse:
    """Take a feed up."""
    feed = feed_actions.take_feed(request.app.state.context, url)
    return back(f"/feeds/{feed.name}", "saved")


@router.post("/update")
def update_feeds(request: Request) -> RedirectResponse:
    """Narrate what is new."""
    feed_actions.start_update(request.app.state.desk)
    return back("/feeds", "started")


@router.post("/subscribers")
def add_subscriber(request: Request, name: Name) -> RedirectResponse:
    """Give somebody an address."""
    feed_actions.add_subscriber(request.app.state.context, name)
    return back("/feeds", "saved")


@router.post("/subscribers/remove")
def remove_subscriber(request: Request, subscriber: Name) -> RedirectResponse:
    """Make the address of somebody lead nowhere."""
    request.app.state.context.store.podcasts.remove_subscriber(subscriber)
    return back("/feeds", "saved")


@router.get("/{name}")
async def show_feed(request: Request, name: str) -> HTMLResponse:
    """One feed: its episodes, what failed, how it is narrated, and its podcast."""
    context, desk = opened(request)
    return page(
        request,
        "feed.html",
        feed=feed_views.feed(context, name),
        is_active=ALL_FEEDS in desk.active(),
        addresses=feed_views.podcast_addresses(request, f"feeds/{name}"),
        backends=views.voices(context),
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


@router.post("/{name}/options")
async def change_feed(request: Request, name: str) -> RedirectResponse:
    """Narrate the feed otherwise from now on."""
    form = {key: str(value) for key, value in (await request.form()).items()}
    try:
        values = feed_views.changed_options(form)
    except ValueError as error:
        raise SettingsError(f"A figure is wrong: {error}", key="options", remedy="mend the field") from error
    feed_actions.change_options(request.app.state.context, name, values)
    return back(f"/feeds/{name}", "saved")


@router.post("/{name}/remove")
def remove_feed(request: Request, name: str) -> RedirectResponse:
    """Drop a feed; its books stay."""
    context: Context = request.app.state.context
    context.store.feeds.remove(feed_views.get_feed(context, name).url)
    return back("/feeds", "saved")
