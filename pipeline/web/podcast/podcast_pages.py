"""Podcasts for apps: feeds, sound, transcripts and pictures, at an address that each subscriber has alone."""

import hashlib
import re
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from pipeline.errors import NotFound
from pipeline.model.book import Cover, PictureKind
from pipeline.model.syndication.podcast import Podcast, find_podcast_id, parse_episode_file
from pipeline.narration.core.context import Context
from pipeline.podcasts.find_podcast import episode_picture, find_episode, find_podcast, transcript_files, with_pictures
from pipeline.podcasts.podcast_picture import podcast_picture
from pipeline.podcasts.subscribers import find_subscriber
from pipeline.publish.podcast_xml import page_count, podcast_xml
from pipeline.web.server.media import is_known
from pipeline.web.views.feed_views import podcast_url

router = APIRouter(prefix="/podcast/{token}", include_in_schema=False)
_PAGE = re.compile(r"feed(?:-(\d{1,5}))?\.xml")
_TEXTS = {".vtt": "text/vtt", ".json": "application/json", ".chapters.json": "application/json+chapters"}
_PICTURES = {PictureKind.JPEG.suffix, PictureKind.PNG.suffix}
_FRESH = "private, no-cache"


@router.get("/episodes/{file}", response_class=Response)
@router.head("/episodes/{file}")
def get_episode_file(request: Request, token: str, file: str) -> Response:
    """The sound of an episode, its transcript, its chapters or its picture."""
    context = _admit(request, token)
    parsed = parse_episode_file(file)
    episode = find_episode(context, parsed[0]) if parsed else None
    if parsed is None or episode is None:
        raise _missing()
    asked, suffix = parsed
    if suffix == episode.audio.suffix:
        tag = f'"{episode.audio_key[:32]}-{episode.audio_bytes:x}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": _FRESH}
        if is_known(request, tag.strip('"')):
            return Response(status_code=304, headers=headers)
        return FileResponse(episode.audio, media_type=episode.media_type, headers=headers)
    if suffix in _TEXTS:
        return _answer(request, transcript_files(context, episode)[suffix], _TEXTS[suffix])
    return _picture(request, episode_picture(context, asked) if suffix in _PICTURES else None)


@router.get("/{kind}/{name}/{file}", response_class=Response)
@router.head("/{kind}/{name}/{file}")
def get_podcast_file(request: Request, token: str, kind: str, name: str, file: str) -> Response:
    """A page of a feed, or the picture of a podcast."""
    context = _admit(request, token)
    asked = find_podcast_id(kind, name)
    podcast = find_podcast(context, asked) if asked else None
    if podcast is None:
        raise _missing()
    if match := _PAGE.fullmatch(file):
        return _feed(request, context, token, podcast, int(match[1] or 1))
    if file == podcast.picture:
        return _picture(request, podcast_picture(context, podcast.id))
    raise _missing()


def _admit(request: Request, token: str) -> Context:
    """Raises: NotFound for an address that nobody has, as for a file that is not there."""
    context: Context = request.app.state.context
    if find_subscriber(context, token) is None:
        raise _missing()
    return context


def _missing() -> NotFound:
    return NotFound("There is no such podcast")


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
