"""Who may ask: checked before anything of a request is read.

- *Host* must be a name of this server, so that a foreign name which was made to point here (DNS rebinding)
  opens nothing.
- What changes something must come from a page of this server: `Origin`, and `Sec-Fetch-Site` where a
  browser says it (Fetch Metadata Request Headers, W3C).
- Where a token is asked for, it comes as `Authorization: Bearer`, or as the cookie that the link of the
  first start sets.
- Bodies are bounded. Every answer forbids content of other hosts (Content Security Policy Level 3).
"""

import hmac
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.web.errors import error_body

COOKIE = "bookcast"
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
ANY_ADDRESS = "*address*"
"""Stands for every address of this machine, by number."""
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in."""

    hosts: frozenset[str]
    """Names of this server, without port."""
    token: str = ""
    """Asked for everywhere; empty where only this machine can come in."""
    speech_key: str = ""
    """Asked for by the speech interface; empty where it asks for the token or nothing."""
    max_upload_bytes: int = 200_000_000
    max_body_bytes: int = 64_000_000

    def knows(self, host: str) -> bool:
        """True where `host` is a name of this server; an address cannot be made to point elsewhere, as names can."""
        return host in self.hosts or (ANY_ADDRESS in self.hosts and _is_address(host))


def access_of(
    host: str, *, allowed_hosts: tuple[str, ...] = (), token: str = "", speech_key: str = "", max_upload_mb: int = 200
) -> Access:
    """The access rules of a server that listens on `host`."""
    own = (socket.gethostname(), ANY_ADDRESS) if host in {"0.0.0.0", "::"} else (host,)
    hosts = frozenset(name.lower().strip("[]") for name in (*_LOCAL_HOSTS, *own, *allowed_hosts))
    return Access(hosts, token, speech_key, max_upload_mb * 1_000_000)


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
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        guarded = _with_headers(send, is_private=bool(self._access.token))
        if refusal := self._refusal(scope["method"], path, headers):
            await refusal(scope, receive, guarded)
        elif entry := self._entry(scope, headers):
            await entry(scope, receive, guarded)
        else:
            limit = self._access.max_upload_bytes if path in _UPLOADS else self._access.max_body_bytes
            await self._bounded(scope, receive, guarded, limit, headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> JSONResponse | None:
        host = _host_of(f"//{headers.get('host', '')}")
        if not self._access.knows(host):
            return _refuse(403, "host_not_allowed", "This name is not one of this server: see [studio] allowed_hosts")
        if not (_is_same_site(headers) if method not in _SAFE_METHODS or path in _COSTLY else _may_look(headers)):
            return _refuse(403, "cross_site", "This request came from a page of another site")
        if path.startswith("/v1/"):
            keys = [key for key in (self._access.speech_key, self._access.token) if key]
            if keys and not any(_equal(_bearer(headers), key) for key in keys):
                return _refuse(401, "invalid_api_key", "Incorrect API key provided")
        return None

    def _entry(self, scope: Scope, headers: Headers) -> JSONResponse | RedirectResponse | None:
        """The link of the first start sets the cookie; without it, or the token, nothing is shown."""
        token = self._access.token
        if not token or scope["path"].startswith(("/v1/", _PODCASTS)):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.pop("token", [""])[0]
        if given and _equal(given, token) and scope["method"] == "GET":
            rest = urlencode(query, doseq=True)
            answer = RedirectResponse("/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else ""), status_code=303)
            answer.set_cookie(COOKIE, token, max_age=365 * 86_400, httponly=True, samesite="strict")
            return answer
        if _equal(_bearer(headers), token) or _equal(_cookie(headers), token):
            return None
        return _refuse(401, "token_needed", "Open the link that `bookcast up --show-link` prints")

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


def _with_headers(send: Send, *, is_private: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if is_private:
                headers.setdefault("Cache-Control", "private, no-cache")
        await send(message)

    return sending


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


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _equal(given: str, wanted: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), wanted.encode())


def _refuse(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse(error_body(status, code, message), status_code=status)


def _too_large(limit: int) -> JSONResponse:
    return _refuse(413, "too_large", f"More than {limit // 1_000_000} MB are not taken")
