"""A web address -> its bytes, fetched from public addresses only (server-side request forgery, OWASP).

Every name is resolved here, each of its addresses checked, and the connection made to the very address
that was checked; redirects go through the same door. Certificates are checked for the name all the same.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from pipeline.errors import DocumentError, DocumentTooLarge, UnsupportedFormat

MAX_REDIRECTS = 5
TIMEOUT_S = 30.0
_AGENT = "Bookcast (narrates documents for their readers)"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies at an address."""

    url: str
    """Where it came from in the end."""
    data: bytes
    media_type: str
    """In lower case, without parameters."""


def fetch(url: str, *, max_bytes: int, private_addresses: bool = False) -> Fetched:
    """The document at `url`.

    Raises:
        UnsupportedFormat: not http or https.
        DocumentTooLarge: over `max_bytes`.
        DocumentError: the address is not a public one, or it cannot be fetched.
    """
    with httpx.Client(trust_env=False, timeout=TIMEOUT_S, follow_redirects=False) as client:
        for _ in range(MAX_REDIRECTS + 1):
            found = _get(client, url, max_bytes, private_addresses=private_addresses)
            if isinstance(found, Fetched):
                return found
            url = urljoin(url, found)
    raise DocumentError(f"{url} leads to ever other addresses", path=url, remedy="save the page and give the file")


def _get(client: httpx.Client, url: str, max_bytes: int, *, private_addresses: bool) -> Fetched | str:
    """The document, or where it has moved to."""
    request = _request(client, url, private_addresses=private_addresses)
    try:
        answer = client.send(request, stream=True)
        try:
            if answer.is_redirect:
                return str(answer.headers["location"])
            if answer.status_code != 200:
                raise DocumentError(
                    f"{url} answers with status {answer.status_code}", path=url, remedy="open it in a browser first"
                )
            return Fetched(url, _body(answer, url, max_bytes), _media_type(answer))
        finally:
            answer.close()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DocumentError(f"{url} cannot be fetched: {error}", path=url, remedy="check the address") from error


def _body(answer: httpx.Response, url: str, max_bytes: int) -> bytes:
    pieces, size = [], 0
    for piece in answer.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise DocumentTooLarge(f"{url} has more than {max_bytes // 1_000_000} MB", path=url)
    return b"".join(pieces)


def _media_type(answer: httpx.Response) -> str:
    return str(answer.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _request(client: httpx.Client, url: str, *, private_addresses: bool) -> httpx.Request:
    """A request to the checked address itself, for the name that was asked for."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UnsupportedFormat(f"{url} is no web address", path=url, remedy="copy it from the browser") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise UnsupportedFormat(f"{url} is no web address", path=url, remedy="give one that begins with https://")
    port = port or (443 if parts.scheme == "https" else 80)
    address = _public_address(host, port, private_addresses=private_addresses)
    shown = f"[{address}]" if ":" in address else address
    target = httpx.URL(url).copy_with(host=shown, port=port, userinfo=b"")
    headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": _AGENT, "Accept": "text/html, */*;q=0.5"}
    return client.build_request("GET", target, headers=headers, extensions={"sni_hostname": host})


def _public_address(host: str, port: int, *, private_addresses: bool) -> str:
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (socket.gaierror, UnicodeError) as error:
        raise DocumentError(f"There is no server {host}", path=host, remedy="check the address") from error
    if not private_addresses and not all(map(is_public, found)):
        raise DocumentError(
            f"{host} is an address of this network, which is not fetched from",
            path=host,
            remedy="save the page and give the file, or set [studio] private_addresses = true",
        )
    return found[0]


def is_public(address: str) -> bool:
    """True for an address of the open internet (IANA special-purpose registries)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if inner is not None:
        ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved
