"""A request that is refused before it reaches the app -> JSON for programs, a page for people."""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from pipeline.web.server.error_answers import error_body, wants_page
from pipeline.web.server.rendering import plain_page


class Refusal:
    """An ASGI app that answers with one error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self._status, self._code, self._message = status, code, message

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form that was asked for."""
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if wants_page(scope["path"], Headers(scope=scope).get("accept", "")):
            return plain_page("refused.html", status=self._status, message=self._message)
        return JSONResponse(error_body(self._status, self._code, self._message), status_code=self._status)
