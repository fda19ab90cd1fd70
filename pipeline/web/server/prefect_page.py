"""Prefect's page, of a server that answers our programs alone -> the same page in the studio, behind its guard.

What a browser asks for is asked of the server with the credential. Cookies, origins and the studio's own token stay
here; only headers that are named below pass, in either direction. The page needs no websockets.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

_ASKED = frozenset(
    ("accept", "accept-encoding", "content-type", "content-length", "if-none-match", "if-modified-since", "range")
)
_ASKED_PREFIXES = ("prefect-", "x-prefect-")
_ANSWERED = frozenset(
    (
        *("content-type", "content-length", "content-encoding", "content-range", "accept-ranges"),
        *("etag", "last-modified", "cache-control", "vary"),
    )
)
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Prefect's scripts write styles into elements, and draw the graph of a run by code that they make up."""
_TIMEOUT = httpx.Timeout(120.0, connect=5.0)


class PrefectPage:
    """An app to be mounted at `path`."""

    def __init__(self, path: str, api_url: str, headers: Mapping[str, str]) -> None:
        """Pass on what is asked for below `path` to the server whose API is at `api_url`, with these headers."""
        self.path = path
        self._api = f"{path}/api"
        self._server = httpx.URL(api_url.removesuffix("/api"))
        self._headers = dict(headers)
        self._client = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(trust_env=False), timeout=_TIMEOUT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises: HTTPException where the server does not answer."""
        answer = await self._answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        asked = self._client.build_request(
            request.method,
            self._address(request),
            headers={**_kept(request.headers.items(), _ASKED, _ASKED_PREFIXES), **self._headers},
            content=request.stream() if request.method not in {"GET", "HEAD"} else None,
        )
        try:
            answer = await self._client.send(asked, stream=True)
            if request.scope["path"] == f"{self.path}/ui-settings" and answer.is_success:
                return await _open_settings(answer)
        except httpx.TransportError as error:
            raise HTTPException(503, "Prefect's server is not responding; try again in a moment") from error
        headers = {**_kept(answer.headers.items(), _ANSWERED), "Content-Security-Policy": _POLICY}
        if "location" in answer.headers:
            headers["Location"] = self._moved(answer.headers["location"])
        return StreamingResponse(_body(answer), status_code=answer.status_code, headers=headers)

    def _address(self, request: Request) -> httpx.URL:
        """Where the server has it: its API lies at /api, its page at the same path as here."""
        path = request.scope["raw_path"].decode("latin-1")
        if path.startswith(f"{self._api}/"):
            path = path.removeprefix(self.path)
        query = request.scope["query_string"]
        return self._server.copy_with(raw_path=path.encode("latin-1") + (b"?" + query if query else b""))

    def _moved(self, location: str) -> str:
        """A redirect of the server, as it is followed from here."""
        path = location.removeprefix(str(self._server).rstrip("/"))
        return f"{self.path}{path}" if path.startswith("/api/") else path


def _kept(headers: Iterable[tuple[str, str]], names: frozenset[str], prefixes: tuple[str, ...] = ()) -> dict[str, str]:
    return {name: value for name, value in headers if name in names or (prefixes and name.startswith(prefixes))}


async def _open_settings(answer: httpx.Response) -> Response:
    """The page's own settings, in which it is not to ask for the credential: whoever sees it has come in already."""
    settings = json.loads(await answer.aread())
    return JSONResponse({**settings, "auth": None})


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    """As it comes, still compressed; a browser that goes away ends it."""
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
