"""A web address -> a request to a public server (server-side request forgery, OWASP).

Every name is resolved here, each of its addresses checked, and the connection made to the very address
that was checked. Certificates are checked for the name all the same.
"""

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from pipeline.errors import DocumentError, UnsupportedFormat

_AGENT = "Bookcast (narrates documents for their readers)"


def checked_request(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], *, private_addresses: bool
) -> httpx.Request:
    """A GET of the checked address itself, for the name that was asked for.

    Raises:
        UnsupportedFormat: no address of the web.
        DocumentError: there is no such server, or it stands in this network.
    """
    host, port = host_of(url), urlsplit(url).port
    port = port or (443 if url.lower().startswith("https:") else 80)
    address = _public_address(host, port, private_addresses=private_addresses)
    shown = f"[{address}]" if ":" in address else address
    target = httpx.URL(url).copy_with(host=shown, port=port, userinfo=b"")
    own = {"Host": urlsplit(url).netloc.rpartition("@")[2], "User-Agent": _AGENT}
    return client.build_request("GET", target, headers={**own, **headers}, extensions={"sni_hostname": host})


def host_of(url: str) -> str:
    """The name of the server in lower case. Raises: UnsupportedFormat for what is no address of the web."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        _ = parts.port
    except ValueError as error:
        raise UnsupportedFormat(f"{url} is no web address", path=url, remedy="copy it from the browser") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise UnsupportedFormat(f"{url} is no web address", path=url, remedy="give one that begins with https://")
    return host


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
