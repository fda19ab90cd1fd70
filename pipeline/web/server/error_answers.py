"""Our errors -> HTTP answers: OpenAI's error body everywhere, without paths, keys or tracebacks."""

import logging
import re
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from pipeline.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    DocumentError,
    DocumentTooLarge,
    Interrupted,
    NarrationError,
    NotFound,
    QuotaExhausted,
    RateLimited,
    SettingsError,
    StoreError,
    SynthesisError,
    TextRejected,
    TextTooLong,
    TransientSynthesisError,
    UnsupportedLanguage,
)

_log = logging.getLogger("bookcast.web")
_PATH = re.compile(r"(?<![\w:/])/(?:[\w.@+-]+/)+(?=[\w.@+-])")
_STATUS: tuple[tuple[type[NarrationError], int, str], ...] = (
    (TextTooLong, 400, "text_too_long"),
    (TextRejected, 400, "text_rejected"),
    (UnsupportedLanguage, 400, "unsupported_language"),
    (AuthenticationFailed, 502, "backend_refuses_key"),
    (QuotaExhausted, 429, "quota_exceeded"),
    (BudgetExceeded, 429, "quota_exceeded"),
    (RateLimited, 429, "rate_limit_exceeded"),
    (TransientSynthesisError, 503, "backend_unavailable"),
    (Interrupted, 503, "shutting_down"),
    (SynthesisError, 502, "synthesis_failed"),
    (SettingsError, 400, "invalid_value"),
    (DocumentTooLarge, 413, "document_too_large"),
    (DocumentError, 400, "invalid_document"),
    (NotFound, 404, "not_found"),
    (StoreError, 409, "conflict"),
)
"""The first class that fits decides."""


class ApiError(Exception):
    """A request that cannot be answered, in OpenAI's words."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.remedy = status, code, param, remedy


def error_body(status: int, code: str, message: str, *, param: str | None = None, remedy: str = "") -> dict[str, Any]:
    """`{"error": {...}}` as OpenAI's services write it, with our remedy beside it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return {"error": {**error, "remedy": remedy} if remedy else error}


def as_api_error(error: NarrationError) -> ApiError:
    """How one of our errors is told; folders of this machine are left out."""
    status, code = next(((s, c) for kind, s, c in _STATUS if isinstance(error, kind)), (500, "internal_error"))
    param = (error.key or None) if isinstance(error, SettingsError) else None
    return ApiError(status, code, without_paths(str(error)), param=param, remedy=without_paths(error.remedy))


def without_paths(text: str) -> str:
    """`text` with every file's folders taken away.

    >>> without_paths("The log is /home/me/data/prefect/server.log")
    'The log is server.log'
    """
    return _PATH.sub("", text)


def wants_page(path: str, accept: str) -> bool:
    """True where an error is to be shown to a person, by the path and the header `Accept` of the request."""
    return "text/html" in accept and not path.startswith(("/api/", "/v1/", "/media/"))


def install_error_answers(app: FastAPI, page: Callable[..., Response]) -> None:
    """Every error of the app is answered as JSON, or by a page where a browser shows one.

    Args:
        app: to install in.
        page: renders a template.
    """

    def told_as(request: Request, error: ApiError) -> Response:
        if wants_page(request.url.path, request.headers.get("accept", "")):
            return page(request, "error.html", status=error.status, message=str(error), remedy=error.remedy)
        body = error_body(error.status, error.code, str(error), param=error.param, remedy=error.remedy)
        return JSONResponse(body, status_code=error.status)

    def api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return told_as(request, error)

    def our_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, NarrationError)
        _log.log(
            logging.INFO if isinstance(error, NotFound) else logging.WARNING, "%s: %s", type(error).__name__, error
        )
        told = told_as(request, as_api_error(error))
        if isinstance(error, RateLimited) and error.retry_after_s:
            told.headers["Retry-After"] = str(round(error.retry_after_s))
        return told

    def wrong_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return told_as(request, _describe_wrong_request(error))

    def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
        told = told_as(request, ApiError(error.status_code, code, str(error.detail)))
        told.headers.update(error.headers or {})
        return told

    def fault(request: Request, error: Exception) -> Response:
        _log.error("a fault of the program", exc_info=error)
        return told_as(
            request, ApiError(500, "internal_error", "Something went wrong inside Bookcast; its log says what.")
        )

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(NarrationError, our_error)
    app.add_exception_handler(RequestValidationError, wrong_request)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, fault)


def _describe_wrong_request(error: RequestValidationError) -> ApiError:
    first = error.errors()[0]
    where = [str(part) for part in first["loc"] if part not in {"body", "query", "path", "header"}]
    param = ".".join(where) or None
    message = str((first.get("ctx") or {}).get("error") or first["msg"])
    return ApiError(400, "invalid_value", f"{param}: {message}" if param else message, param=param)
