"""A server that our own programs alone may ask: nothing is answered to a browser, or without the credential.

- *Host* must be the address that the server listens at, so that no foreign name opens it (DNS rebinding).
- What carries `Origin`, or a header of Fetch Metadata (W3C), was sent by a page. No page has to ask here: the
  studio passes on what its visitors may see.
- Requests carry the credential in `Authorization` (RFC 7617). Websockets do so too, or tell it in their first
  message, which the app itself checks; it has to come soon.
"""

import asyncio
import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_POLICY_VIOLATION = 1008
"""RFC 6455, section 7.4.1."""
_OF_BROWSERS = ("origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")


LOGIN_S = 20.0
"""For the first message of a websocket; programs send it at once."""


class ProgramGuard:
    """The outermost layer of an app that serves programs on this machine."""

    def __init__(self, app: ASGIApp, *, port: int, authorization: str, login_s: float = LOGIN_S) -> None:
        """Let in who asks at `port` of this machine, and sends the header `Authorization` with this value."""
        self._login_s = login_s
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._authorization = authorization.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        status, why = (0, "") if scope["type"] == "lifespan" else self._refusal(scope["type"], Headers(scope=scope))
        if not status:
            # one that has told the credential already gains nothing by waiting with its first message
            bounded = _bounded(receive, send, self._login_s) if scope["type"] == "websocket" else receive
            await self._app(scope, bounded, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(_POLICY_VIOLATION, why)(scope, receive, send)
        else:
            await JSONResponse({"exception_message": why}, status_code=status)(scope, receive, send)

    def _refusal(self, kind: str, headers: Headers) -> tuple[int, str]:
        """Status and reason; 0 where it is let in."""
        if headers.get("host", "").lower() not in self._hosts:
            return 403, "This name is not one of this server"
        if any(name in headers for name in _OF_BROWSERS):
            return 403, "Programs alone may ask here; `bookcast up` shows Prefect's page in the studio"
        given = headers.get("authorization", "")
        if kind == "websocket" and not given:
            return 0, ""
        if not hmac.compare_digest(given.encode(), self._authorization):
            return 401, "The credential is missing or wrong"
        return 0, ""


def _bounded(receive: Receive, send: Send, seconds: float) -> Receive:
    """What a websocket receives, which is closed where nothing follows its opening in time."""
    count = 0

    async def receiving() -> Message:
        nonlocal count
        count += 1
        if count != 2:  # the first is the opening itself
            return await receive()
        try:
            return await asyncio.wait_for(receive(), seconds)
        except TimeoutError:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "The credential did not come"})
            return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}

    return receiving
