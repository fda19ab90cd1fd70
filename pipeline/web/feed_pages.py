"""The page of the feeds."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from pipeline.stages.context import Context
from pipeline.stages.read_feed import add_feed
from pipeline.web.pages import back
from pipeline.web.rendering import page

router = APIRouter(prefix="/feeds", include_in_schema=False, default_response_class=HTMLResponse)
Address = Annotated[str, Form(max_length=4096)]
FEEDS = "*feeds"
"""What stands for all feeds where runs are told apart by their book; no book can be called so."""
SHOWN = 20
"""Articles of a feed on the page."""


@router.get("")
async def show_feeds(request: Request) -> HTMLResponse:
    """The feeds with their newest articles."""
    context: Context = request.app.state.context
    store = context.store.feeds
    feeds = [(feed, store.items(feed.url)[:SHOWN]) for feed in store.all()]
    return page(request, "feeds.html", feeds=feeds, is_active=FEEDS in request.app.state.desk.active())


@router.post("")
def take_feed(request: Request, url: Address) -> RedirectResponse:
    """Take a feed up."""
    add_feed(request.app.state.context, url.strip())
    return back("/feeds", "saved")


@router.post("/remove")
def remove_feed(request: Request, url: Address) -> RedirectResponse:
    """Drop a feed."""
    request.app.state.context.store.feeds.remove(url)
    return back("/feeds", "saved")


@router.post("/update")
def update_feeds(request: Request) -> RedirectResponse:
    """Narrate the new articles."""
    request.app.state.desk.start("convert-feeds", {}, FEEDS)
    return back("/feeds", "started")
