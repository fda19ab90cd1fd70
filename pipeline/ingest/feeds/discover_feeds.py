"""A page of a site -> the feeds that it names (RSS Autodiscovery; RFC 4287 names the type of Atom)."""

from urllib.parse import urljoin

from lxml import etree

from pipeline.errors import NarrationError
from pipeline.ingest.articles.canonical_link import absolute_link
from pipeline.ingest.documents.markup import local_name
from pipeline.ingest.documents.markup_tree import parse_markup
from pipeline.ingest.documents.plain_line import plain_line

_TYPES = {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/json"}
_USUAL = ("feed", "rss", "atom.xml", "feed.xml", "rss.xml", "index.xml", "feed.json")


def find_feeds(data: bytes, *, url: str) -> list[tuple[str, str]]:
    """Address and title of each feed that the page names in its head, in the page's order."""
    try:
        root = parse_markup(data, name=url)
    except NarrationError:
        return []
    base = next((e.get("href") for e in root.iter() if local_name(e) == "base" and e.get("href")), None)
    start = absolute_link(url, base) or url
    found: dict[str, str] = {}
    for element in root.iter():
        if (
            local_name(element) == "link"
            and _is_feed(element)
            and (address := absolute_link(start, element.get("href")))
        ):
            found.setdefault(address, plain_line(element.get("title") or ""))
    return list(found.items())


def _is_feed(link: etree._Element) -> bool:
    relation = (link.get("rel") or "").lower().split()
    return "alternate" in relation and (link.get("type") or "").partition(";")[0].strip().lower() in _TYPES


def usual_addresses(url: str) -> list[str]:
    """Where sites keep a feed that no page of theirs names."""
    return [urljoin(url, f"/{name}") for name in _USUAL]
