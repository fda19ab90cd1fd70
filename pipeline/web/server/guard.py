"""Who may ask: checked before anything of a request is read.

- *Host* must be a name of this server, so that a foreign name which was made to point here (DNS rebinding)
  opens nothing.
- What changes something must come from a page of this server: `Origin`, and `Sec-Fetch-Site` where a
  browser says it (Fetch Metadata Request Headers, W3C).
- The token of the studio is asked for, whoever asks: programs and users of this machine can reach a loopback
  address as well. It comes as `Authorization: Bearer`, or as the cookie that the link of `bookcast up` sets.
- What a reverse proxy says of a request counts only where the settings name the proxy.
- Bodies are bounded. Every answer forbids content of other hosts (Content Security Policy Level 3).
"""

import hashlib
import hmac
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from pipeline.web.server.forwarded import Network, as_sent
from pipeline.web.server.refusals import Refusal

LOGIN_S = 365 * 86_400
"""How long the link of a browser is remembered."""
HEALTH = "/healthz"
"""Says only that the studio is there, to whoever watches it."""
_UPLOADS = {"/api/documents", "/new"}
_COSTLY = {"/media/audition"}
"""Asked for by GET, but it can have a paid service speak."""
_PODCASTS = "/podcast/"
"""Apps that fetch these cannot give a token otherwise than in the address, where it is asked for further in."""
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_TOKEN = (
    "Open the link that `bookcast up` shows in its terminal when it starts; `bookcast up --show-link` prints it again"
)
ANY_ADDRESS = "*address*"
"""Stands for every address of this machine, by number."""
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in."""

    hosts: frozenset[str]
    """Names of this server, without port."""
    token: str
    """Asked for everywhere."""
    speech_key: str = ""
    """Lets in to the speech interface as well; empty where the token alone does."""
    trusted_proxies: tuple[Network, ...] = ()
    """What they say of a request's way is believed."""
    max_upload_bytes: int = 200_000_000
    max_body_bytes: int = 64_000_000

    @property
    def cookie(self) -> str:
        """Its name, which tells this studio from others: cookies of one host belong to all of its ports (RFC 6265)."""
        return f"bookcast-{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"

    def knows(self, host: str) -> bool:
        """True where `host` is a name of this server; an address cannot be made to point elsewhere, as names can."""
        return host in self.hosts or (ANY_ADDRESS in self.hosts and _is_address(host))


def access_of(
    host: str,
    *,
    token: str,
    allowed_hosts: tuple[str, ...] = (),
    trusted_proxies: tuple[str, ...] = (),
    speech_key: str = "",
    max_upload_mb: int = 200,
) -> Access:
    """The access rules of a server that listens on `host`. Raises: ValueError where nothing would be asked for."""
    if not token:
        raise ValueError("a studio has a token")
    own = (socket.gethostname(), ANY_ADDRESS) if is_any_address(host) else (host,)
    hosts = frozenset(name.lower().strip("[]") for name in (*_LOCAL_HOSTS, *own, *allowed_hosts))
    return Access(
        hosts=hosts,
        token=token,
        speech_key=speech_key,
        trusted_proxies=tuple(ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies),
        max_upload_bytes=max_upload_mb * 1_000_000,
    )


def is_any_address(host: str) -> bool:
    """True where it stands for every address of this machine."""
    return host in {"0.0.0.0", "::"}


def is_local(host: str) -> bool:
    """True where only this machine can reach that address."""
    return host in _LOCAL_HOSTS or host.startswith("127.")


class Guard:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the body bounded and the answer's headers set."""
        if scope["type"] == "websocket":
            await WebSocketClose(reason="The studio has no websockets")(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = as_sent(scope, self._access.trusted_proxies)
        headers, path = Headers(scope=scope), scope["path"]
        guarded = _with_headers(send)
        if refusal := self._refusal(scope["method"], path, headers):
            await refusal(scope, receive, guarded)
        elif entry := self._entry(scope, headers):
            await entry(scope, receive, guarded)
        else:
            limit = self._access.max_upload_bytes if path in _UPLOADS else self._access.max_body_bytes
            await self._bounded(scope, receive, guarded, limit, headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> Refusal | None:
        host = _host_of(f"//{headers.get('host', '')}")
        if not self._access.knows(host):
            return _refuse(403, "host_not_allowed", "This name is not one of this server: see [studio] allowed_hosts")
        if not (_is_same_site(headers) if method not in _SAFE_METHODS or path in _COSTLY else _may_look(headers)):
            return _refuse(403, "cross_site", "This request came from a page of another site")
        if path.startswith("/v1/"):
            keys = [key for key in (self._access.speech_key, self._access.token) if key]
            if not any(_equal(_bearer(headers), key) for key in keys):
                return _refuse(401, "invalid_api_key", "Incorrect API key provided")
        return None

    def _entry(self, scope: Scope, headers: Headers) -> Refusal | RedirectResponse | None:
        """The link sets the cookie; without it, or the token, nothing is shown."""
        token, cookie = self._access.token, self._access.cookie
        if scope["path"] == HEALTH or scope["path"].startswith(("/v1/", _PODCASTS)):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.pop("token", [""])[0]
        if given and _equal(given, token) and scope["method"] == "GET":
            rest = urlencode(query, doseq=True)
            answer = RedirectResponse(_own_path(scope["path"]) + (f"?{rest}" if rest else ""), status_code=303)
            secure = scope["scheme"] == "https"
            answer.set_cookie(cookie, token, max_age=LOGIN_S, httponly=True, samesite="lax", secure=secure)
            return answer
        if _equal(_bearer(headers), token) or _equal(_cookie(headers, cookie), token):
            return None
        return _refuse(401, "token_needed", NO_TOKEN)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send, limit: int, headers: Headers) -> None:
        stated = headers.get("content-length", "0")
        if not stated.isdigit() or int(stated) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        seen, is_answered = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _BodyTooLarge
            return message

        async def noting(message: Message) -> None:
            nonlocal is_answered
            if seen <= limit:  # else who read the body has taken our refusal for a mistake of its own
                is_answered = True
                await send(message)

        with suppress(_BodyTooLarge):
            await self._app(scope, counted, noting)
        if seen > limit and not is_answered:
            await _too_large(limit)(scope, receive, send)


class _BodyTooLarge(Exception):
    """More came than was announced."""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "private, no-cache")
        await send(message)

    return sending


def _own_path(path: str) -> str:
    """`path` as a redirect may name it; one with two slashes in front would be another host's (RFC 3986, 4.2)."""
    return "/" if path.startswith("//") else quote(path)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _is_same_site(headers: Headers) -> bool:
    """Programs send neither header; browsers send at least one with everything that changes something."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _may_look(headers: Headers) -> bool:
    """Links of other sites may lead here; their pages may not hold what stands here."""
    site = headers.get("sec-fetch-site", "same-origin")
    return site in {"same-origin", "none"} or headers.get("sec-fetch-mode") == "navigate"


def _bearer(headers: Headers) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers, wanted: str) -> str:
    """The value of a cookie (RFC 6265, section 5.4); others of this host are sent, too, and may hold anything."""
    pairs = (part.partition("=") for part in headers.get("cookie", "").split(";"))
    return next((value.strip() for name, _, value in pairs if name.strip() == wanted), "")


def _equal(given: str, wanted: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), wanted.encode())


def _refuse(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, code, message)


def _too_large(limit: int) -> Refusal:
    return _refuse(413, "too_large", f"More than {limit // 1_000_000} MB are not accepted at once")
