"""The body of a good answer -> the bytes of its sound: a file, raw PCM, or an event stream of either.

Event streams (WHATWG HTML, section 9.2) come in two shapes: DashScope's, whose events hold
`output.audio.data`, and OpenAI's, with `speech.audio.delta` up to `speech.audio.done`.
"""

import base64
import binascii
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.errors import BadClip
from pipeline.speech.services.service_errors import read_error

STREAM_RATE_HZ = 24_000
"""Of PCM that does not say its rate."""
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
_KNOWN = (b"RIFF", b"fLaC", b"OggS", b"ID3")


@dataclass(frozen=True, slots=True)
class Sound:
    """What an answer holds."""

    file: bytes
    """An audio file of any kind."""
    billed_chars: int | None = None
    """Characters that the service says it billed."""


def read_answer(body: bytes, content_type: str, response_format: str, *, asked: str) -> Sound:
    """The sound in the body of an answer with status 200 of the address `asked`.

    Raises:
        BadClip: it holds none: empty, JSON, a page, a stream that broke off.
    """
    if not body:
        raise BadClip("The answer is empty", billed=True)
    kind = content_type.partition(";")[0].strip().lower()
    # Some servers send events under another media type.
    if kind == "text/event-stream" or body[:6] in (b"data: ", b"data:{") or body[:6] == b"event:":
        return _read_events(body, response_format)
    # Status 200 proves nothing: gateways answer with pages and JSON of their own.
    _check_is_sound(body, kind, asked)
    if response_format == "pcm" and not body.startswith(_KNOWN):
        return Sound(_as_wav(body, _rate(content_type)))
    return Sound(body)


def _check_is_sound(body: bytes, kind: str, asked: str) -> None:
    start = body[:200].lstrip().lower()
    is_json = start.startswith((b"{", b"[")) and _is_json(body)
    if is_json or start.startswith(_PAGES) or (kind.startswith("text/") and not body.startswith(_KNOWN)):
        what = "JSON" if is_json else "a page"
        raise BadClip(
            f"The answer of {asked} is {what}, not sound: {read_error(body)[1]}",
            billed=True,
            remedy=f"check base_url, if nothing else than {what} comes from there",
        )


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _rate(content_type: str) -> int:
    """`audio/L16;rate=16000` (RFC 4856) names it."""
    found = re.search(r"rate=(\d{4,6})", content_type)
    return int(found[1]) if found else STREAM_RATE_HZ


def _as_wav(pcm: bytes, rate_hz: int) -> bytes:
    """PCM of 16 bit, mono, behind a WAV header, which says what it is."""
    if len(pcm) % 2:
        raise BadClip("The sound is cut short: half a sample at its end", billed=True)
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(pcm)) + b"WAVEfmt " + form + b"data" + struct.pack("<I", len(pcm)) + pcm


def _read_events(body: bytes, response_format: str) -> Sound:
    pieces: list[bytes] = []
    billed: int | None = None
    shape, ended, said_how = "", False, False
    for event in _events(body):
        if event.get("error") or (event.get("code") and not event.get("output")):
            raise BadClip(f"The stream ended with an error: {read_error(json.dumps(event).encode())[1]}", billed=True)
        audio = (event.get("output") or {}).get("audio") or {}
        finish = (event.get("output") or {}).get("finish_reason")
        said_how = said_how or finish is not None
        shape = "openai" if str(event.get("type", "")).startswith("speech.audio.") else shape or "dashscope"
        pieces.append(_bytes(event.get("audio") if shape == "openai" else audio.get("data")))
        ended = ended or finish == "stop" or event.get("type") == "speech.audio.done"
        characters = (event.get("usage") or {}).get("characters")
        billed = characters if isinstance(characters, int) else billed
    # A stream that never says how it ends cannot be told from one that broke off.
    if not ended and (shape == "openai" or said_how):
        raise BadClip("The stream broke off before its end", billed=True)
    sound = b"".join(pieces)  # each may be a file of its own: who decodes hears several one behind the other
    if not sound:
        raise BadClip("The stream holds no sound", billed=True)
    raw = shape == "dashscope" or response_format == "pcm"
    return Sound(_as_wav(sound, STREAM_RATE_HZ) if raw and not sound.startswith(_KNOWN) else sound, billed)


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    for block in re.split(r"\r?\n\r?\n|\r\r", body.decode("utf-8", "replace")):
        lines = [line[5:].removeprefix(" ") for line in block.splitlines() if line.startswith("data:")]
        data = "\n".join(lines).strip()
        if not data or data == "[DONE]":
            continue
        try:
            value = json.loads(data)
        except ValueError as error:
            raise BadClip("The stream broke off inside an event", billed=True) from error
        if isinstance(value, dict):
            yield value


def _bytes(value: object) -> bytes:
    if not value:
        return b""
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadClip("The stream holds sound that is no base64", billed=True) from error
