"""A service's refusal -> one of our errors: by its code first, by the HTTP status second.

Statuses are read after RFC 9110, `Retry-After` in both of its forms (seconds, or a date).
"""

import json
import re
import time
from collections.abc import Mapping

from pipeline.errors import (
    AuthenticationFailed,
    BackendUnavailable,
    NarrationError,
    QuotaExhausted,
    RateLimited,
    SettingsError,
    TextRejected,
    TextTooLong,
    UnknownVoice,
)
from pipeline.model.network.http_fields import parse_retry_after
from pipeline.speech.services.service_address import wrong_address
from pipeline.speech.services.service_profile import Service

LONGEST_MESSAGE_CHARS = 300
_TOO_LONG = {"text_too_long", "string_above_max_length", "context_length_exceeded"}
_QUOTA = {"quota_exceeded", "insufficient_quota", "billing_hard_limit_reached"}
_TRANSIENT = {408, 409, 425, 429}
_NO_ENDPOINT = {404, 405}


def refusal(
    service: Service, status: int, *, headers: Mapping[str, str], body: bytes, model: str, asked: str
) -> NarrationError:
    """The error that an answer stands for.

    Args:
        service: who answered.
        status: of HTTP, not 200.
        headers: of the answer, names in any case.
        body: JSON of the form {"error": {"message", "type", "code"}}, or anything else.
        model: that was asked for.
        asked: the address, fit to be shown.
    """
    code, message = read_error(body)
    retry_after_s = parse_retry_after(headers.get("retry-after", ""), now_s=time.time())
    text = f"{service.name} refused: {message or 'no reason given'} (HTTP {status}{f', {code}' if code else ''})"
    # Codes come first because a status says less: 429 can be a rate or an empty balance.
    if code in _QUOTA:
        return _quota(service, status, text, retry_after_s)
    known = _by_code(service, code, text, model)
    if known is None and (status < 400 or status in _NO_ENDPOINT):
        models = "choose one of the models " + ", ".join(service.capabilities.models) if status == 404 else ""
        location = headers.get("location", "")
        return wrong_address(service.name, asked, said=text, location=location, else_choose=models)
    return known or _by_status(service, status, text, retry_after_s)


def _quota(service: Service, status: int, text: str, retry_after_s: float | None) -> NarrationError:
    """Balance or rate, nobody knows: where the service asks for patience it is given first."""
    if status == 429 or retry_after_s is not None:
        return RateLimited(text, backend=service.name, retry_after_s=retry_after_s, quota=True)
    return exhausted(service, text)


def exhausted(service: Service, text: str) -> QuotaExhausted:
    """Said when waiting has not helped."""
    return QuotaExhausted(
        text,
        backend=service.name,
        remedy=f"top up the balance of {service.name}, then run the same command again: everything done is kept",
    )


def _by_code(service: Service, code: str, text: str, model: str) -> NarrationError | None:
    if code == "invalid_api_key":
        return _bad_key(service, text)
    if code == "model_not_found":
        return _no_model(service, text)
    if code == "invalid_voice":
        names = ", ".join(service.capabilities.voices_of(model))
        return UnknownVoice(text, key="voice", remedy="choose " + (names or "a voice the service knows"))
    if code in _TOO_LONG:
        return TextTooLong(text, backend=service.name)
    return None


def _by_status(service: Service, status: int, text: str, retry_after_s: float | None) -> NarrationError:
    if status in (401, 403):
        return _bad_key(service, text)
    if status == 402:
        return exhausted(service, text)
    if status == 413:
        return TextTooLong(text, backend=service.name)
    # Whatever the status: where the service names a time, waiting helps.
    if status == 429 or (retry_after_s is not None and status >= 400):
        return RateLimited(text, backend=service.name, retry_after_s=retry_after_s)
    if status in _TRANSIENT or status >= 500:
        return BackendUnavailable(text, backend=service.name)
    return TextRejected(text, backend=service.name)


def _bad_key(service: Service, text: str) -> AuthenticationFailed:
    names = " or ".join(service.key_variables)
    remedy = (
        f"put a valid key into the environment variable {names}" if names else "name the key's variable: api_key_env"
    )
    return AuthenticationFailed(text, backend=service.name, remedy=remedy)


def _no_model(service: Service, text: str) -> SettingsError:
    models = ", ".join(service.capabilities.models)
    return SettingsError(text, key="model", remedy=f"choose one of {models}, or check base_url of {service.name}")


def read_error(body: bytes) -> tuple[str, str]:
    """Code and message of an error body; of one that is no such JSON, its beginning as the message."""
    text = body[:4000].decode("utf-8", "replace")
    try:
        value = json.loads(body)
    except ValueError:
        # A gateway's page: its words are all that can help.
        return "", _tidy(re.sub(r"<[^>]*>", " ", text))
    error = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return "", _tidy(str(error))
    code = error.get("code") or error.get("type") or ""
    return str(code), _tidy(str(error.get("message") or error.get("detail") or text))


def _tidy(text: str) -> str:
    # Foreign text: unprintable characters in it could steer a terminal.
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain[:LONGEST_MESSAGE_CHARS]
