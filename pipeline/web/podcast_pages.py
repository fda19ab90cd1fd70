"""Podcasts for apps: feeds, sound, transcripts and pictures, at an address that each subscriber has alone."""

import hashlib
import re
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from pipeline.model.book import Cover
from pipeline.model.podcast import Podcast
from pipeline.publish.podcast import page_count, podcast_xml
from pipeline.stages.context import Context
from pipeline.stages.cover import cover_of
from pipeline.stages.podcast import find_episode, find_podcast, transcript_files, with_pictures
from pipeline.stages.podcast_picture import podcast_picture
from pipeline.stages.subscribers import find_subscriber
from pipeline.web.errors import ApiError
from pipeline.web.feed_views import podcast_url
from pipeline.web.media import is_known

router = APIRouter(prefix="/podcast/{token}", include_in_schema=False)
_PAGE = re.compile(r"feed(?:-(\d{1,5}))?\.xml")
_TEXTS = {".vtt": "text/vtt", ".json": "application/json", ".chapters.json": "application/json+chapters"}
_FRESH = "private, no-cache"


@router.get("/episodes/{file}", response_class=Response)
@router.head("/episodes/{file}")
def get_episode_file(request: Request, token: str, file: str) -> Response:
    """The sound of an episode, its transcript, its chapters or its picture."""
    context = _admit(request, token)
    name, suffix = _split(file)
    episode = find_episode(context, name)
    if episode is None:
        raise _missing()
    if suffix == episode.audio.suffix:
        tag = f'"{episode.audio_key[:32]}-{episode.audio_bytes:x}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": _FRESH}
        if is_known(request, tag.strip('"')):
            return Response(status_code=304, headers=headers)
        return FileResponse(episode.audio, media_type=episode.media_type, headers=headers)
    if suffix in _TEXTS:
        return _answer(request, transcript_files(context, episode)[suffix], _TEXTS[suffix])
    cover = cover_of(context, name) if suffix in {".jpg", ".png"} else None
    return _picture(request, cover)


@router.get("/{kind}/{name}/{file}", response_class=Response)
@router.head("/{kind}/{name}/{file}")
def get_podcast_file(request: Request, token: str, kind: str, name: str, file: str) -> Response:
    """A page of a feed, or the picture of a podcast."""
    context = _admit(request, token)
    podcast = find_podcast(context, f"{kind}/{name}")
    if podcast is None:
        raise _missing()
    if match := _PAGE.fullmatch(file):
        return _feed(request, context, token, podcast, int(match[1] or 1))
    if file == podcast.picture:
        return _picture(request, podcast_picture(context, podcast.id))
    raise _missing()


def _admit(request: Request, token: str) -> Context:
    """Raises: ApiError for an address that nobody has, as for a file that is not there."""
    context: Context = request.app.state.context
    if find_subscriber(context, token) is None:
        raise _missing()
    return context


def _missing() -> ApiError:
    return ApiError(404, "not_found", "There is no such podcast")


def _split(file: str) -> tuple[str, str]:
    for suffix in sorted(_TEXTS, key=len, reverse=True):
        if file.endswith(suffix):
            return file.removesuffix(suffix), suffix
    name, dot, suffix = file.rpartition(".")
    return name, dot + suffix


def _feed(request: Request, context: Context, token: str, podcast: Podcast, page: int) -> Response:
    episodes = context.settings.podcast.page_episodes
    if not 1 <= page <= page_count(podcast, episodes):
        raise _missing()
    shown = slice((page - 1) * episodes, page * episodes)
    pictured = list(podcast.episodes)
    pictured[shown] = with_pictures(context, podcast.episodes[shown])
    found = replace(podcast, episodes=tuple(pictured))
    xml = podcast_xml(found, lambda place: podcast_url(request, token, place), page=page, page_episodes=episodes)
    return _answer(request, xml, "application/rss+xml; charset=utf-8")


def _picture(request: Request, cover: Cover | None) -> Response:
    if cover is None:
        raise _missing()
    return _answer(request, cover.data, cover.media_type)


def _answer(request: Request, data: bytes, kind: str) -> Response:
    tag = hashlib.sha256(data).hexdigest()[:32]
    headers = {"ETag": f'"{tag}"', "Cache-Control": _FRESH}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=kind, headers=headers)
