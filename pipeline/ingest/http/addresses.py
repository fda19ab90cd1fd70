"""A web address -> the hosts to connect to, checked (server-side request forgery, OWASP), and the request for each.

Every name is looked up here, each of its addresses is checked, and the connection is made to the very address that
was checked, also through a SOCKS proxy. Certificates are checked for the name all the same. A proxy that looks names
up by itself (HTTP, `socks5h`) is given the name; what the name means here is checked before.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import idna

from pipeline.errors import DocumentError, UnsupportedFormat
from pipeline.ingest.articles.canonical_link import MAX_ADDRESS_CHARS

_AGENT = "Bookcast (narrates documents for their readers)"
_LOOK_UP_S = 3.0
"""For a name that the proxy looks up itself; behind such proxies names of the world are often unknown."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_V4_COMPATIBLE = ipaddress.ip_network("::/96")
_ISATAP = {0x0000_5EFE, 0x0200_5EFE}

Found = list[str] | OSError | UnicodeError


def host_of(url: str) -> str:
    """The name of the server in lower case, in ASCII (IDNA 2008, UTS 46).

    Raises:
        UnsupportedFormat: not a web address.
    """
    try:
        parts = urlsplit(url if len(url) <= MAX_ADDRESS_CHARS else "")
        host = (parts.hostname or "").lower()
        host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
        _ = parts.port
    except ValueError as error:
        raise UnsupportedFormat(f"{url} is not a web address", path=url, remedy="copy it from the browser") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise UnsupportedFormat(f"{url} is not a web address", path=url, remedy="give one that begins with https://")
    return host


def at_host(url: str, host: str) -> str:
    """`url` with `host` in place of its own, without user name and password."""
    parts = urlsplit(url)
    shown = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{shown}:{parts.port}" if parts.port else shown).geturl()


async def checked_hosts(url: str, proxy: str, *, private_addresses: bool) -> list[str]:
    """What to connect to, in this order: each address of the server, or its name where the proxy looks it up.

    Args:
        url: of http or https.
        proxy: through which it is asked; empty for none.
        private_addresses: addresses of the own network are let through.

    Raises:
        UnsupportedFormat: not a web address.
        DocumentError: there is no such server, or it is in this network.
    """
    host, port = host_of(url), urlsplit(url).port or (443 if url.lower().startswith("https:") else 80)
    is_elsewhere = bool(proxy) and not proxy.startswith("socks5:")
    try:
        async with asyncio.timeout(_LOOK_UP_S if is_elsewhere else None):
            found = await _look_up(host, port)
    except (OSError, UnicodeError) as error:
        if not is_elsewhere:
            raise _no_server(host, proxy) from error
        found = []
    if not private_addresses and not all(map(is_public, found)):
        raise DocumentError(
            f"{host} is an address of this network, which is not fetched from",
            path=host,
            remedy="save the page and give the file, or set [studio] private_addresses = true",
        )
    return [host] if is_elsewhere else found


def checked_request(client: httpx.AsyncClient, url: str, host: str, headers: Mapping[str, str]) -> httpx.Request:
    """A GET of `url` that connects to `host`, for the name that was asked for."""
    name = host_of(url)
    own = {"Host": urlsplit(at_host(url, name)).netloc, "User-Agent": _AGENT}
    return client.build_request(
        "GET", at_host(url, host), headers={**own, **headers}, extensions={"sni_hostname": name}
    )


def is_public(address: str) -> bool:
    """True for an address of the open internet (IANA special-purpose registries).

    One that holds another address counts as that one.

    >>> [is_public(address) for address in ("64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1")]
    [True, False]
    """
    meant = _meant(ipaddress.ip_address(address.partition("%")[0]))
    return all(map(_is_open, meant))


def _is_open(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    is_of_site = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local  # global to Python all the same
    return ip.is_global and not (is_of_site or ip.is_multicast or ip.is_reserved)


def _meant(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
    """The addresses that are reached through `ip`: itself, or those inside it (RFC 4291, 3056, 4380, 5214, 6052)."""
    if isinstance(ip, ipaddress.IPv4Address):
        return (ip,)
    if ip.teredo:
        return ip.teredo
    if inner := ip.ipv4_mapped or ip.sixtofour:
        return (inner,)
    last = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    if ip in _NAT64 or ip in _V4_COMPATIBLE:
        return (last,)
    return (ip, last) if int(ip) >> 32 & 0xFFFF_FFFF in _ISATAP else (ip,)


async def _look_up(host: str, port: int) -> list[str]:
    """Every address of a name, each once. Raises: OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Found] = loop.create_future()

    def tell(found: Found) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        found = _ask_system(host, port)
        with suppress(RuntimeError):  # nobody waits for it any more, and the loop is closed
            loop.call_soon_threadsafe(tell, found)

    # A thread that nothing joins: the loop's own would hold up its end until the system gives up.
    threading.Thread(target=ask, daemon=True, name=f"looking up {host}").start()
    found = await answer
    if isinstance(found, Exception):
        raise found
    return found


def _ask_system(host: str, port: int) -> Found:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return error
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _no_server(host: str, proxy: str) -> DocumentError:
    remedy = "check the address"
    if proxy:
        remedy += ", or write socks5h:// for the proxy, which then looks the name up itself"
    return DocumentError(f"There is no server {host}", path=host, remedy=remedy)
