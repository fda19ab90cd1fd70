"""A link -> the form in which two links to one article are equal."""

import re
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

_TRACKING = re.compile(r"^(utm_\w+|fbclid|gclid|mc_cid|mc_eid|ref|source|cmpid|igshid|ns_\w+|at_\w+)$", re.IGNORECASE)

MAX_ADDRESS_CHARS = 8_000
"""Servers refuse longer ones, and urllib may take the square of the length."""


def absolute_link(base: str, link: object) -> str:
    """A link of a document at `base`, made absolute; empty where it does not lead to the web."""
    try:
        address = urljoin(base, str(link)) if link and len(str(link)) <= MAX_ADDRESS_CHARS else ""
        return address if address.startswith(("http://", "https://")) and urlsplit(address).hostname else ""
    except ValueError:
        return ""


def canonical_link(url: str) -> str:
    """The link without scheme, `www.`, fragment, tracking parameters and closing slash; empty for none.

    >>> canonical_link("HTTPS://www.Example.org:443/a/?utm_source=rss&id=7#top")
    'example.org/a?id=7'
    """
    if len(url) > MAX_ADDRESS_CHARS:
        return ""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host:
        return ""
    place = host if port in {None, 80, 443} else f"{host}:{port}"
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)])
    return place + parts.path.rstrip("/") + (f"?{query}" if query else "")
