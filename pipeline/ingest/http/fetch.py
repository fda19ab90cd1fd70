"""A web address -> what lies there, fetched from public addresses only; redirects go through the same door."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urljoin
from urllib.request import getproxies

import httpx
import socksio

from pipeline.errors import DocumentError, PageUnavailable, SettingsError
from pipeline.ingest.http.addresses import at_host, checked_hosts, checked_request, host_of
from pipeline.ingest.http.bodies import ENCODINGS, read_body
from pipeline.ingest.http.freshness import parse_freshness
from pipeline.model.network.http_fields import parse_retry_after
from pipeline.model.network.web_addresses import bare_address, proxy_for

MAX_REDIRECTS = 5
TIMEOUT_S = 60.0
"""For a whole answer, the look-up of the name included."""
_CONNECT_S = 10.0
"""For each address of a server."""
_SILENCE_S = 20.0
"""For its next piece."""
_PERMANENT = {301, 308}
_TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR")
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
    """Where it has moved to for good (301, 308), or empty; a move away from https is not remembered."""
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
        SettingsError: the environment names a proxy, or certificates, that cannot be used.
    """
    moved_to, for_good = "", True
    for _ in range(MAX_REDIRECTS + 1):
        with gate(host_of(url)):
            found = _run(_ask(url, known or Known(), max_bytes, timeout_s, private_addresses=private_addresses))
        if isinstance(found, _Answer):
            return found.as_fetched(url, moved_to)
        left, url = url, urljoin(url, found.location)
        for_good = for_good and found.status in _PERMANENT and not _is_unsafe_move(left, url)
        moved_to = url if for_good else moved_to
    raise DocumentError(f"{url} leads to ever other addresses", path=url, remedy="save the page and give the file")


def _is_unsafe_move(before: str, after: str) -> bool:
    """Remembered, it would leave the door open to everybody on the way from then on."""
    return before.lower().startswith("https:") and not after.lower().startswith("https:")


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
            url=url,
            data=self.data,
            media_type=kind.partition(";")[0].strip().lower(),
            content_type=kind,
            is_unchanged=self.is_unchanged,
            known=Known(str(self.headers.get("etag", "")), str(self.headers.get("last-modified", ""))),
            moved_to=moved_to,
            fresh_s=parse_freshness(str(self.headers.get("cache-control", ""))),
        )


async def _ask(
    url: str, known: Known, max_bytes: int, timeout_s: float, *, private_addresses: bool
) -> _Answer | _Redirect:
    """One request. Asynchronous because only so a server that drips its answer is held to a time as a whole."""
    headers = {"Accept": _WANTED, "Accept-Encoding": ENCODINGS, **known.headers()}
    proxy = proxy_for(at_host(url, host_of(url)), getproxies())
    via = f" through the proxy {bare_address(proxy)}" if proxy else ""
    try:
        async with asyncio.timeout(timeout_s):
            hosts = await checked_hosts(url, proxy, private_addresses=private_addresses)
            timeout = httpx.Timeout(_SILENCE_S, connect=min(_CONNECT_S, timeout_s / len(hosts)))
            async with httpx.AsyncClient(transport=_transport(proxy), timeout=timeout) as client:
                answer = await _send(client, [checked_request(client, url, host, headers) for host in hosts])
                return await _read(answer, url, max_bytes)
    except (httpx.TimeoutException, TimeoutError) as error:
        raise PageUnavailable(f"{url} does not answer in time{via}", path=url, remedy="try again later") from error
    except (httpx.HTTPError, httpx.InvalidURL, socksio.SOCKSError) as error:
        remedy = "check the address" + (f", and the proxy {bare_address(proxy)}" if proxy else "")
        raise PageUnavailable(f"{url} cannot be fetched{via}: {error}", path=url, remedy=remedy) from error


def _transport(proxy: str) -> httpx.AsyncHTTPTransport:
    try:
        return httpx.AsyncHTTPTransport(proxy=proxy or None, verify=_certificates(*map(os.environ.get, _TRUSTED)))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"Nothing can be fetched with what the environment says: {error}",
            key="SSL_CERT_FILE",
            remedy="check SSL_CERT_FILE and SSL_CERT_DIR in the environment",
        ) from error


@cache
def _certificates(*places: str | None) -> ssl.SSLContext:
    """Of those who are trusted in `places`: read once, which takes ten times as long as to ask a site."""
    return httpx.create_ssl_context()


async def _send(client: httpx.AsyncClient, requests: list[httpx.Request]) -> httpx.Response:
    """The answer of the first address that can be connected to."""
    *others, last = requests
    for request in others:
        with suppress(httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
            return await client.send(request, stream=True, follow_redirects=False)
    return await client.send(last, stream=True, follow_redirects=False)


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
        retry_after_s=parse_retry_after(answer.headers.get("retry-after", ""), now_s=time.time()),
        remedy="open it in a browser first",
    )
