"""The REST interface to feeds and podcasts: what the page does, as JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from pipeline.model.syndication.podcast import PodcastId, PodcastKind
from pipeline.web.api import feed_actions
from pipeline.web.server.run_desk import opened
from pipeline.web.views import feed_views

router = APIRouter(prefix="/api", tags=["feeds"])


class FeedAddress(BaseModel):
    """A feed, or a site that names one."""

    url: str = Field(max_length=4096)


class ArticleOfFeed(BaseModel):
    """An article of a feed."""

    id: str = Field(max_length=1000)


class FeedChange(BaseModel):
    """How the articles of a feed are narrated; what is left out stays, empty is what the settings say."""

    backend: Annotated[str, Field(max_length=200)] | None = None
    model: Annotated[str, Field(max_length=200)] | None = None
    voice: Annotated[str, Field(max_length=200)] | None = None
    speed: float | None = Field(default=None, ge=0, le=4, allow_inf_nan=False)
    language: Annotated[str, Field(max_length=35)] | None = None
    include: Annotated[str, Field(max_length=500)] | None = None
    exclude: Annotated[str, Field(max_length=500)] | None = None
    min_chars: int | None = Field(default=None, ge=0, le=10_000_000)
    max_chars: int | None = Field(default=None, ge=0, le=10_000_000)
    begin_with: int | None = Field(default=None, ge=-1, le=1000)
    keep_days: int | None = Field(default=None, ge=-1, le=100_000)
    cron: Annotated[str, Field(max_length=200)] | None = None


class Listener(BaseModel):
    """Somebody who gets an address of the podcasts."""

    name: str = Field(min_length=1, max_length=200)


@router.get("/feeds")
async def list_feeds(request: Request) -> dict[str, Any]:
    """Every feed with its figures, and the addresses of the podcast of all of them."""
    context, _ = opened(request)
    return {"feeds": feed_views.feeds(context), "podcast": _without_codes(feed_views.all_podcast(request))}


@router.post("/feeds", status_code=201)
def take_feed(request: Request, body: FeedAddress) -> dict[str, Any]:
    """Take a feed up by its address or that of its site."""
    context, _ = opened(request)
    return feed_views.feed(context, feed_actions.take_feed(context, body.url).name)


@router.post("/feeds/update", status_code=202)
def update_feeds(request: Request) -> dict[str, str]:
    """Narrate what is new in every feed."""
    return {"run": feed_actions.start_update(request.app.state.desk)}


@router.get("/feeds/{name}")
async def get_feed(request: Request, name: str) -> dict[str, Any]:
    """One feed with its articles and the addresses of its podcast."""
    found = feed_views.feed(request.app.state.context, name)
    return {
        **found,
        "podcast": _without_codes(feed_views.podcast_addresses(request, PodcastId(PodcastKind.FEEDS, name))),
    }


@router.patch("/feeds/{name}")
def change_feed(request: Request, name: str, body: FeedChange) -> dict[str, Any]:
    """Narrate its articles otherwise from now on."""
    context, _ = opened(request)
    feed_actions.change_options(context, name, body.model_dump(exclude_none=True))
    return feed_views.feed(context, name)


@router.delete("/feeds/{name}", status_code=204)
def remove_feed(request: Request, name: str) -> None:
    """Drop a feed; its books stay."""
    context, _ = opened(request)
    context.store.feeds.remove(feed_views.get_feed(context, name).url)


@router.post("/feeds/{name}/update", status_code=202)
def update_feed(request: Request, name: str) -> dict[str, str]:
    """Narrate what is new in one feed."""
    context, desk = opened(request)
    return {"run": feed_actions.start_update(desk, feed_views.get_feed(context, name).url)}


@router.post("/feeds/{name}/rerun", status_code=202)
def rerun_article(request: Request, name: str, body: ArticleOfFeed) -> dict[str, str]:
    """Try one article anew."""
    return {"run": feed_actions.rerun_article(*opened(request), name, body.id)}


@router.post("/subscribers", status_code=201)
def add_subscriber(request: Request, body: Listener) -> dict[str, str]:
    """Give somebody an address of the podcasts of their own."""
    return {"subscriber": feed_actions.add_subscriber(request.app.state.context, body.name)}


@router.delete("/subscribers/{subscriber}", status_code=204)
def remove_subscriber(request: Request, subscriber: str) -> None:
    """Make the address of somebody lead nowhere."""
    request.app.state.context.store.podcasts.remove_subscriber(subscriber)


def _without_codes(addresses: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "qr"} for row in addresses]
