"""A web address -> whether it is on this machine, which proxy leads to it, how it is shown: the place that decides.

Proxies come as `urllib.request.getproxies` gives them: `http`, `https` and `all` hold addresses, `no` the hosts
that are asked directly. What is on this machine is asked directly whatever they say: no text for a voice of one's
own, and no word to Prefect's own server, ever leaves the machine.
"""

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from pipeline.errors import SettingsError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_KINDS = ("http", "https", "all")
_SCHEMES = {"http": "http", "https": "https", "socks": "socks5", "socks5": "socks5", "socks5h": "socks5h"}
"""As people write it -> as it is; desktops write `socks`."""
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[\w.:%-]+")


def is_loopback(host: str) -> bool:
    """True for a name or number of this machine itself, in any of the forms in which a system takes it.

    >>> [is_loopback(host) for host in ("localhost", "127.1", "::ffff:127.0.0.1", "0.0.0.0", "localhost.example.org")]
    [True, True, True, True, False]
    """
    host = unicodedata.normalize("NFKC", host).lower().strip("[]").partition("%")[0].rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    with suppress(OSError, UnicodeError):
        host = socket.inet_ntoa(socket.inet_aton(host))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_loopback or inner.is_unspecified)


def proxy_for(url: str, proxies: Mapping[str, str]) -> str:
    """The address of the proxy through which `url` is asked; empty where it is asked directly.

    Args:
        url: with scheme and host.
        proxies: of `urllib.request.getproxies`.

    Raises:
        SettingsError: what is given as a proxy is not the address of one.
        ValueError: `url` is not an address.

    >>> proxy_for("https://example.org/", {"https": "10.0.0.1:3128"})
    'http://10.0.0.1:3128'
    >>> proxy_for("http://127.0.0.1:8880/v1", {"all": "socks5://10.0.0.1:1080"})
    ''
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    kind = parts.scheme if proxies.get(parts.scheme) else "all"
    if not proxies.get(kind) or is_loopback(host):
        return ""
    port = parts.port or _PORTS.get(parts.scheme, 0)
    exceptions = re.split(r"[\s,]+", proxies.get("no", "").lower())
    return "" if any(_matches(entry, host, port) for entry in exceptions) else _checked(kind, proxies[kind])


def proxy_variables(proxies: Mapping[str, str]) -> dict[str, str]:
    """The same decision as environment variables, for libraries that decide by themselves.

    Both spellings are given, because libraries differ in which they prefer.

    Args:
        proxies: of `urllib.request.getproxies`.

    Raises:
        SettingsError: what is given as a proxy is not the address of one.
    """
    named = [host.strip() for host in proxies.get("no", "").split(",") if host.strip()]
    values = {f"{kind}_proxy": _checked(kind, proxies[kind]) for kind in _KINDS if proxies.get(kind)}
    values["no_proxy"] = "*" if "*" in named else ",".join(dict.fromkeys([*named, *_LOOPBACK]))
    return values | {name.upper(): value for name, value in values.items()}


def bare_address(url: str) -> str:
    """`url` as it may be shown to anybody: without user name, password, query and fragment.

    >>> bare_address("https://me:secret@example.org:8443/v1?key=secret")
    'https://example.org:8443/v1'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _matches(exception: str, host: str, port: int) -> bool:
    """A network, an address, a name with all names below it, each perhaps with a port, or `*`."""
    if exception == "*":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(exception.strip("[]"), strict=False)
    name, _, wanted = exception.partition(":")
    name = name.removeprefix("*").strip(".")
    return bool(name) and wanted in {"", str(port)} and (host == name or host.endswith(f".{name}"))


def _checked(kind: str, written: str) -> str:
    """The address of a proxy, with its scheme. What is written may hold a password, so it is not shown."""
    scheme, mark, rest = written.strip().rpartition("://")
    scheme = _SCHEMES.get(scheme.lower() if mark else "http", "")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        is_address = bool(scheme and _HOST.fullmatch(parts.hostname or "") and parts.port != 0)
    except ValueError:
        is_address = False
    if not is_address:
        variable = f"{kind.upper()}_PROXY"
        raise SettingsError(
            f"{variable} in the environment is not the address of a proxy that Bookcast can use",
            key=variable,
            remedy=f"set {variable} to http://HOST:PORT or socks5://HOST:PORT, or unset it",
        )
    return f"{scheme}://{rest}"
