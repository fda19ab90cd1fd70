"""A web address -> what lies there, fetched from public addresses only; redirects go through the same door."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx

from pipeline.errors import DocumentError, PageUnavailable
from pipeline.ingest.address import checked_request, host_of
from pipeline.ingest.body import ENCODINGS, read_body
from pipeline.model.headers import parse_freshness, parse_retry_after

MAX_REDIRECTS = 5
TIMEOUT_S = 60.0
"""For a whole answer."""
_SILENCE_S = 20.0
"""For its next piece."""
_PERMANENT = {301, 308}
_WANTED = "text/html, application/rss+xml, application/atom+xml, application/feed+json, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier answer of an address said of itself (RFC 9110, 8.8)."""

    etag: str = ""
    last_modified: str = ""

    def headers(self) -> dict[str, str]:
        """The fields of a conditional request; none where nothing is known."""
        values = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies at an address."""

    url: str
    """Where it came from in the end."""
    data: bytes
    media_type: str
    """In lower case, without parameters."""
    content_type: str = ""
    """With parameters, as sent."""
    is_unchanged: bool = False
    """It is still what was known; there are no bytes then."""
    known: Known = field(default=Known())
    """For the next request."""
    moved_to: str = ""
    """Where it has moved to for good (301, 308), or empty."""
    fresh_s: float = 0.0
    """Seconds for which asking again is no use."""


Gate = Callable[[str], AbstractContextManager[object]]
"""gate(host) is held while a server is asked."""


def fetch(
    url: str,
    *,
    max_bytes: int,
    private_addresses: bool = False,
    known: Known | None = None,
    gate: Gate = lambda host: nullcontext(),
    timeout_s: float = TIMEOUT_S,
) -> Fetched:
    """The document at `url`.

    Args:
        url: of http or https.
        max_bytes: of the document, decoded.
        private_addresses: addresses of the own network are asked, too.
        known: what the answer before said of itself; what has not changed comes without bytes.
        gate: entered for each server that is asked.
        timeout_s: for each answer as a whole.

    Raises:
        UnsupportedFormat: not http or https.
        DocumentTooLarge: over `max_bytes`.
        PageUnavailable: the server answers with an error, or not in time; has `status` and `retry_after_s`.
        DocumentError: the address is not a public one, or it cannot be fetched.
    """
    moved_to, for_good = "", True
    for _ in range(MAX_REDIRECTS + 1):
        with gate(host_of(url)):
            found = _run(_ask(url, known or Known(), max_bytes, timeout_s, private_addresses=private_addresses))
        if isinstance(found, _Answer):
            return found.as_fetched(url, moved_to)
        url = urljoin(url, found.location)
        for_good = for_good and found.status in _PERMANENT
        moved_to = url if for_good else moved_to
    raise DocumentError(f"{url} leads to ever other addresses", path=url, remedy="save the page and give the file")


def _run(asking: "Coroutine[Any, Any, _Answer | _Redirect]") -> "_Answer | _Redirect":
    """What it gives; in a thread of its own where this one has an event loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asking)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asking).result()


@dataclass(frozen=True, slots=True)
class _Redirect:
    status: int
    location: str


@dataclass(frozen=True, slots=True)
class _Answer:
    data: bytes
    headers: httpx.Headers
    is_unchanged: bool

    def as_fetched(self, url: str, moved_to: str) -> Fetched:
        kind = str(self.headers.get("content-type", ""))
        return Fetched(
            url,
            self.data,
            kind.partition(";")[0].strip().lower(),
            kind,
            self.is_unchanged,
            Known(str(self.headers.get("etag", "")), str(self.headers.get("last-modified", ""))),
            moved_to,
            parse_freshness(str(self.headers.get("cache-control", ""))),
        )


async def _ask(
    url: str, known: Known, max_bytes: int, timeout_s: float, *, private_addresses: bool
) -> _Answer | _Redirect:
    """One request. Asynchronous because only so a server that drips its answer is held to a time as a whole."""
    headers = {"Accept": _WANTED, "Accept-Encoding": ENCODINGS, **known.headers()}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_SILENCE_S) as client:
            request = checked_request(client, url, headers, private_addresses=private_addresses)
            async with asyncio.timeout(timeout_s):
                answer = await client.send(request, stream=True, follow_redirects=False)
                return await _read(answer, url, max_bytes)
    except (httpx.TimeoutException, TimeoutError) as error:
        raise PageUnavailable(f"{url} does not answer in time", path=url, remedy="try again later") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PageUnavailable(f"{url} cannot be fetched: {error}", path=url, remedy="check the address") from error


async def _read(answer: httpx.Response, url: str, max_bytes: int) -> _Answer | _Redirect:
    try:
        if answer.has_redirect_location:
            return _Redirect(answer.status_code, str(answer.headers["location"]))
        if answer.status_code == 304:
            return _Answer(b"", answer.headers, is_unchanged=True)
        if answer.status_code != 200:
            raise _refused(answer, url)
        return _Answer(await read_body(answer, url, max_bytes=max_bytes), answer.headers, is_unchanged=False)
    finally:
        await answer.aclose()


def _refused(answer: httpx.Response, url: str) -> PageUnavailable:
    return PageUnavailable(
        f"{url} answers with status {answer.status_code}",
        path=url,
        status=answer.status_code,
        retry_after_s=parse_retry_after(answer.headers.get("retry-after", "")),
        remedy="open it in a browser first",
    )
