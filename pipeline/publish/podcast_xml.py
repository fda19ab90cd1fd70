"""A podcast -> RSS 2.0 with the tags of Apple (itunes) and of the podcast namespace (Podcasting 2.0).

Long feeds are cut into pages (RFC 5005, section 3). The same podcast gives the same bytes.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from lxml import etree

from pipeline.model.syndication.feed import MOMENT
from pipeline.model.syndication.podcast import Episode, Podcast

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PODCAST = "https://podcastindex.org/namespace/1.0"
ATOM = "http://www.w3.org/2005/Atom"
_NAMES = {"itunes": ITUNES, "podcast": PODCAST, "atom": ATOM}
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""

Address = Callable[[str], str]
"""address(place) is the URL of `feeds/NAME/feed.xml`, `episodes/ID.m4a` and so on, seen from the feed."""


def page_name(number: int) -> str:
    """The file name of a page of a feed, from 1."""
    return "feed.xml" if number == 1 else f"feed-{number}.xml"


def page_count(podcast: Podcast, page_episodes: int) -> int:
    """How many pages a podcast has; at least 1."""
    return max(1, -(-len(podcast.episodes) // page_episodes))


def podcast_xml(podcast: Podcast, address: Address, *, page: int = 1, page_episodes: int = 100) -> bytes:
    """One page of the feed.

    Args:
        podcast: with all of its episodes.
        address: where things lie.
        page: from 1.
        page_episodes: on each page.
    """
    rss = etree.Element("rss", {"version": "2.0"}, nsmap=_NAMES)
    channel = etree.SubElement(rss, "channel")
    _describe(channel, podcast, address)
    _link_pages(channel, podcast, address, page, page_count(podcast, page_episodes))
    for episode in podcast.episodes[(page - 1) * page_episodes : page * page_episodes]:
        _add_item(etree.SubElement(channel, "item"), podcast, episode, address)
    return bytes(etree.tostring(rss, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _add(parent: Any, name: str, text: str = "", **attributes: str) -> Any:
    prefix, _, local = name.rpartition(":")
    element = etree.SubElement(parent, f"{{{_NAMES[prefix]}}}{local}" if prefix else local)
    for key, value in attributes.items():
        element.set(key, _legal(value))
    if text:
        element.text = _legal(text)
    return element


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("", text)


def _describe(channel: Any, podcast: Podcast, address: Address) -> None:
    _add(channel, "title", podcast.title)
    _add(channel, "link", podcast.link or address(f"{podcast.id}/feed.xml"))
    _add(channel, "description", podcast.description or podcast.title)
    _add(channel, "language", podcast.language)
    _add(channel, "generator", "Bookcast")
    if podcast.changed_at:
        _add(channel, "lastBuildDate", format_datetime(podcast.changed_at.replace(tzinfo=UTC), usegmt=True))
    picture = address(f"{podcast.id}/{podcast.picture}")
    image = _add(channel, "image")
    _add(image, "url", picture)
    _add(image, "title", podcast.title)
    _add(image, "link", podcast.link or address(f"{podcast.id}/feed.xml"))
    _add(channel, "itunes:author", podcast.author)
    _add(channel, "itunes:image", href=picture)
    _add(channel, "itunes:category").set("text", _legal(podcast.category))
    _add(channel, "itunes:explicit", "false")
    _add(channel, "itunes:type", podcast.kind)
    _add(channel, "itunes:block", "Yes")
    _add(channel, "podcast:guid", podcast.guid)
    _add(channel, "podcast:medium", podcast.medium)
    _add(channel, "podcast:locked", "yes")


def _link_pages(channel: Any, podcast: Podcast, address: Address, page: int, pages: int) -> None:
    relations = {"self": page}
    if pages > 1:
        relations |= {"first": 1, "last": pages}
        relations |= {"previous": page - 1} if page > 1 else {}
        relations |= {"next": page + 1} if page < pages else {}
    for relation, number in relations.items():
        href = address(f"{podcast.id}/{page_name(number)}")
        _add(channel, "atom:link", rel=relation, href=href, type="application/rss+xml")


def _add_item(item: Any, podcast: Podcast, episode: Episode, address: Address) -> None:
    place = f"episodes/{episode.id}"
    _add(item, "title", episode.title)
    if episode.link:
        _add(item, "link", episode.link)
    _add(item, "description", _blurb(episode))
    _add(item, "guid", episode.guid, isPermaLink="false")
    moment = datetime.strptime(episode.published, MOMENT).replace(tzinfo=UTC)
    _add(item, "pubDate", format_datetime(moment, usegmt=True))
    audio = f"{place}{episode.audio.suffix}"
    _add(item, "enclosure", url=address(audio), length=str(episode.audio_bytes), type=episode.media_type)
    _add(item, "itunes:title", episode.title)
    _add(item, "itunes:duration", f"{episode.seconds:.1f}")
    _add(item, "itunes:explicit", "false")
    _add(item, "itunes:episodeType", "full")
    if episode.author:
        _add(item, "itunes:author", episode.author)
    if episode.number:
        _add(item, "itunes:episode", str(episode.number))
    if episode.picture:
        _add(item, "itunes:image", href=address(f"episodes/{episode.picture}"))
    language = {"language": episode.language} if episode.language else {}
    _add(item, "podcast:transcript", url=address(f"{place}.vtt"), type="text/vtt", **language)
    _add(item, "podcast:transcript", url=address(f"{place}.json"), type="application/json", **language)
    _add(item, "podcast:chapters", url=address(f"{place}.chapters.json"), type="application/json+chapters")
    if episode.author:
        _add(item, "podcast:person", episode.author, group="writing", role="author")
    if episode.narrator:
        _add(item, "podcast:person", episode.narrator, group="cast", role="narrator")


def _blurb(episode: Episode) -> str:
    return "\n\n".join(filter(None, [episode.summary, episode.link])) or episode.title
