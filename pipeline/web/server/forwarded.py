"""A request as a reverse proxy passed it on -> as the proxy got it: address, scheme and host (RFC 7239, X-Forwarded-*).

Anybody can send these fields, so they count only where the settings name the sender's address, and only as far back
as each sender is named. For all others they are as if they had not been sent.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FIELDS = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
_MOST_CHARS = 8_000
"""Of one field; what proxies say of a request's way takes some hundreds."""


@dataclass(frozen=True, slots=True)
class _Hop:
    """What one proxy says of whoever asked it; empty where it does not say."""

    client: str = ""
    scheme: str = ""
    host: str = ""


def as_sent(scope: Scope, trusted: Sequence[Network]) -> Scope:
    """The request as the outermost trusted proxy got it; without its fields where whoever sent them is not trusted."""
    headers = Headers(scope=scope)
    if not any(name in headers for name in _FIELDS):
        return scope
    kept = [(name, value) for name, value in scope["headers"] if name.decode("latin-1") not in _FIELDS]
    sent: dict[str, Any] = {**scope, "headers": kept}
    sender, _ = scope.get("client") or ("", 0)
    if not _is_in(sender, trusted):
        return sent  # before anything of it is read: it can be long
    for hop in reversed(_hops(headers)):
        if not _is_in(sender, trusted):
            break
        sent |= {"scheme": hop.scheme or sent["scheme"], "client": (hop.client, 0) if hop.client else sent["client"]}
        if hop.host:
            MutableHeaders(scope=sent)["host"] = hop.host
        sender = hop.client
    return sent


def _hops(headers: Headers) -> list[_Hop]:
    """What each proxy on the way said, the outermost first."""
    clients, schemes, hosts = (_listed(headers, name) for name in _FIELDS[1:])
    count = max(len(clients), len(schemes), len(hosts))
    if not count:  # few proxies write the standard field, and those that do not pass on what anybody sends in it
        return [_hop(element) for element in _listed(headers, "forwarded")]
    # Proxies lengthen the list of clients, but most write scheme and host anew: those fit the hop that is nearest.
    columns = [[*([""] * (count - len(values))), *values] for values in (clients, schemes, hosts)]
    return [_Hop(_address(client), _scheme(scheme), host) for client, scheme, host in zip(*columns, strict=True)]


def _listed(headers: Headers, name: str) -> list[str]:
    """What a field lists; nothing where it is longer than any proxy writes it."""
    field = ",".join(headers.getlist(name))
    return [value.strip() for value in field.split(",") if value.strip()] if len(field) <= _MOST_CHARS else []


def _hop(element: str) -> _Hop:
    pairs = (part.partition("=") for part in element.split(";"))
    said = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return _Hop(_address(said.get("for", "")), _scheme(said.get("proto", "")), said.get("host", ""))


def _scheme(said: str) -> str:
    return said.lower() if said.lower() in {"http", "https"} else ""


def _address(said: str) -> str:
    """Without a port, which may follow; `unknown` and hidden names stay what they are."""
    if said.startswith("["):
        return said[1:].partition("]")[0]
    return said.partition(":")[0] if said.count(":") == 1 else said


def _is_in(address: str, trusted: Sequence[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in trusted)
