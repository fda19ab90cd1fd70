"""A speech service on loopback: a real HTTP server that keeps the documented rules, and breaks them on cue."""

import base64
import io
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.text.tokens import count_tokens
from tests.tone_code import RATE_HZ, say_code

QWEN_VOICES = ("Cherry", "Serena", "Ethan", "Chelsie")
DIALECT_VOICES = (*QWEN_VOICES, "Dylan", "Jada", "Sunny")
OPENAI_VOICES = ("alloy", "echo", "fable", "onyx", "nova", "shimmer")
TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac"}
WHOLE = (
    "", "stereo", "rate", "zero-sizes", "open-sizes", "chunked", "dashscope", "openai-events", "several-files",
    "dashscope-files", "openai-files",
)  # fmt: skip
"""Answers that are odd but hold the whole sound."""
FAULTS = (
    "429", "429-seconds", "429-date", "500", "502", "503", "408", "reset", "reset-body", "hang", "drip", "empty",
    "truncated", "truncated-wav", "json", "html", "silence", "short", "long", "events-cut", "events-error",
)  # fmt: skip


@dataclass
class Ask:
    """One request as it came in, and what became of it."""

    text: str
    body: dict[str, Any]
    headers: dict[str, str]
    fault: str = ""
    status: int = 0
    whole: bool = False
    """The sound was sent to its end."""
    billed_chars: int = 0
    began: float = 0.0
    ended: float = 0.0


@dataclass
class SpeechService:
    """The rules, the faults and the books of the service; start it with `serve`."""

    keys: tuple[str, ...] = ("sk-test-0123456789abcdef",)
    models: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "qwen-tts": QWEN_VOICES,
            "qwen-tts-latest": DIALECT_VOICES,
            "qwen-tts-2025-05-22": DIALECT_VOICES,
        }
    )
    formats: tuple[str, ...] = ("wav",)
    max_chars: int = 0
    max_tokens: int = 512
    concurrency: int = 0
    """More at once are answered by 429; 0 for no limit."""
    requests_per_minute: int = 0
    latency_s: float = 0.0
    hang_s: float = 8.0
    retry_after_s: int = 1
    quota_chars: int = -1
    """Characters that are left; -1 for no end."""
    bills: Callable[[str], int] = len
    """Gives the characters that are billed for a text, and said in `usage` where the answer has one."""
    fault: Callable[[str, int], str] = lambda text, nth: ""
    """Gives the fault for the nth request (from 0) of a text."""

    def __post_init__(self) -> None:
        self.asks: list[Ask] = []
        self.in_flight = self.most_in_flight = 0
        self.lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._times: Counter[str] = Counter()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def serve(self) -> "SpeechService":
        service = self
        count_tokens("the tokenizer is loaded before the first request")

        class Handler(_Handler):
            owner = service

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients that were killed leave broken pipes."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def close(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def number(self, text: str) -> int:
        with self.lock:
            return self._numbers.setdefault(text, len(self._numbers) + 1)

    def text_of(self, number: int) -> str:
        return next((text for text, n in self._numbers.items() if n == number), "?")

    def nth(self, text: str) -> int:
        with self.lock:
            self._times[text] += 1
            return self._times[text] - 1

    @property
    def billed_chars(self) -> int:
        return sum(ask.billed_chars for ask in self.asks)

    def whole_answers(self) -> Counter[str]:
        """How often the whole sound of each text was sent."""
        return Counter(ask.text for ask in self.asks if ask.whole)

    def refuse(self, ask: Ask) -> tuple[int, str, str] | None:
        """Status, code and message where the documented rules refuse the request."""
        body, key = ask.body, ask.headers.get("authorization", "").removeprefix("Bearer ")
        if self.keys and key not in self.keys:
            return 401, "invalid_api_key", f"Incorrect API key provided: {key}"
        if body.get("model") not in self.models:
            return 404, "model_not_found", f"The model {body.get('model')} does not exist"
        if body.get("voice") not in self.models[body["model"]]:
            return 400, "invalid_voice", f"Voice {body.get('voice')} is not supported"
        if not isinstance(body.get("input"), str) or not body["input"]:
            return 400, "invalid_request", "input is required"
        if not 0.25 <= float(body.get("speed", 1.0)) <= 4.0:
            return 400, "invalid_speed", "speed must be between 0.25 and 4.0"
        if body.get("response_format", self.formats[0]) not in self.formats:
            return 400, "invalid_response_format", f"choose from {', '.join(self.formats)}"
        if self.max_chars and len(ask.text) > self.max_chars:
            return 400, "text_too_long", f"input is longer than {self.max_chars} characters"
        if self.max_tokens and count_tokens(ask.text) > self.max_tokens:
            return 400, "text_too_long", f"input is longer than {self.max_tokens} tokens"
        if 0 <= self.quota_chars < len(ask.text):
            return 403, "quota_exceeded", "Your balance is used up"
        recent = sum(other.began > ask.began - 60 for other in self.asks if other.status == 200)
        if self.requests_per_minute and recent >= self.requests_per_minute:
            return 429, "rate_limit_exceeded", "Too many requests per minute"
        return None


class _Handler(BaseHTTPRequestHandler):
    owner: SpeechService
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        service = self.owner
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(data)
        ask = Ask(str(body.get("input", "")), body, headers, began=time.monotonic())
        with service.lock:
            service.in_flight += 1
            service.most_in_flight = max(service.most_in_flight, service.in_flight)
            crowded = bool(service.concurrency and service.in_flight > service.concurrency)
            service.asks.append(ask)
        try:
            with suppress(ConnectionError, TimeoutError):
                self._answer(ask, crowded)
        finally:
            self._leave(ask)

    def _leave(self, ask: Ask) -> None:
        """The request is no longer in flight; said before the last byte, for the client may be quicker than we are."""
        with self.owner.lock:
            if not ask.ended:
                ask.ended = time.monotonic()
                self.owner.in_flight -= 1

    def _answer(self, ask: Ask, crowded: bool) -> None:
        if not self.path.endswith("/audio/speech"):
            self._refuse(ask, 404, "not_found", "no such path")
            return
        if crowded:
            self._refuse(ask, 429, "rate_limit_exceeded", "Too many concurrent requests")
            return
        refused = self.owner.refuse(ask)
        if refused:
            self._refuse(ask, *refused)
            return
        ask.fault = self.owner.fault(ask.text, self.owner.nth(ask.text))
        sound = self._sound(ask)
        time.sleep(max(0.0, ask.began + self.owner.latency_s - time.monotonic()))
        if ask.fault in WHOLE:
            self._speak(ask, sound)
        else:
            self._fail(ask)

    def _refuse(self, ask: Ask, status: int, code: str, message: str, **headers: str) -> None:
        ask.status = status
        self._leave(ask)
        error = {"message": message, "type": "invalid_request_error", "code": code}
        self._send(status, json.dumps({"error": error}).encode(), "application/json", **headers)

    def _send(self, status: int, body: bytes, kind: str, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _sound(self, ask: Ask) -> NDArray[np.int16]:
        sound = say_code(self.owner.number(ask.text), ask.text)
        speed = float(ask.body.get("speed", 1.0))
        return sound if speed == 1.0 else sound[: round(len(sound) / speed)]

    def _speak(self, ask: Ask, sound: NDArray[np.int16]) -> None:
        ask.status = 200
        self._leave(ask)
        kind = ask.body.get("response_format", self.owner.formats[0])
        ask.billed_chars = self.owner.bills(ask.text)
        if self.owner.quota_chars >= 0:
            self.owner.quota_chars -= len(ask.text)
        wants_events = ask.headers.get("x-dashscope-sse") == "enable" or ask.fault == "dashscope"
        if ask.fault == "dashscope-files":
            self._send_chunks(_dashscope_events(_several_files(sound), ask.billed_chars), "text/event-stream")
        elif ask.fault == "openai-files":
            self._send_chunks(_openai_events(b"".join(_several_files(sound))), "text/event-stream")
        elif wants_events:
            self._send_chunks(_dashscope_events(_pcm_pieces(sound), ask.billed_chars), "text/event-stream")
        elif ask.fault == "openai-events" or ask.body.get("stream_format") == "sse":
            self._send_chunks(_openai_events(encode_file(sound, kind)), "text/event-stream")
        elif ask.fault == "chunked":
            file = encode_file(sound, kind)
            self._send_chunks([file[at : at + 3000] for at in range(0, len(file), 3000)], TYPES[kind])
        else:
            self._send(
                200, _odd_file(sound, kind, ask.fault), TYPES.get(kind, "audio/L16;rate=24000"),
                Content_Disposition=f'attachment; filename="audio.{kind}"',
            )  # fmt: skip
        ask.whole = True

    def _send_chunks(self, pieces: list[bytes], kind: str, *, end: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if end:
            self.wfile.write(b"0\r\n\r\n")

    def _fail(self, ask: Ask) -> None:
        fault = ask.fault
        if fault.startswith("429"):
            when = {
                "429-seconds": str(self.owner.retry_after_s),
                "429-date": formatdate(time.time() + 1.5, usegmt=True),
            }
            headers = {"Retry_After": when[fault]} if fault in when else {}
            self._refuse(ask, 429, "rate_limit_exceeded", "Slow down", **headers)
        elif fault == "quota-rate":
            self._refuse(ask, 429, "quota_exceeded", "Quota of the minute is used up", Retry_After="1")
        elif fault == "too-long":
            self._refuse(ask, 400, "text_too_long", "input is too long")
        elif fault == "rejected":
            self._refuse(ask, 400, "data_inspection_failed", "The text is not allowed")
        elif fault.isdigit():
            ask.status = int(fault)
            self._send(int(fault), b"<html><body>Bad gateway</body></html>", "text/html")
        elif fault == "hang":
            time.sleep(self.owner.hang_s)
            self._reset()
        elif fault == "reset":
            self._reset()
        else:
            ask.status = 200
            ask.billed_chars = len(ask.text)
            self._send_damaged(fault, self._sound(ask), ask)

    def _send_damaged(self, fault: str, sound: NDArray[np.int16], ask: Ask) -> None:
        wav = _wav(sound)
        if fault == "empty":
            self._send(200, b"", "audio/wav")
        elif fault == "json":
            self._send(200, b'{"error": {"message": "upstream failed", "type": "server_error"}}', "audio/wav")
        elif fault == "html":
            self._send(200, b"<!DOCTYPE html><html><body>We will be back soon</body></html>", "audio/wav")
        elif fault == "silence":
            self._send(200, _wav(np.zeros_like(sound)), "audio/wav")
        elif fault == "short":
            self._send(200, _wav(sound[:400]), "audio/wav")
        elif fault == "long":
            self._send(200, _wav(np.tile(sound, 40)), "audio/wav")
        elif fault == "truncated-wav":
            self._send(200, wav[: len(wav) // 2], "audio/wav")
        elif fault in ("truncated", "reset-body"):
            self._send(200, wav[: len(wav) // 2], "audio/wav", length=len(wav))
            self._reset()
        elif fault == "drip":
            self._drip(wav)
        elif fault == "events-cut":
            self._send_chunks(_dashscope_events(_pcm_pieces(sound), len(ask.text))[:1], "text/event-stream", end=False)
            self._reset()
        else:
            event = b'data: {"code": "InternalError", "message": "the voice stumbled"}\n\n'
            self._send_chunks([event], "text/event-stream")

    def _drip(self, wav: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "audio/wav")
        self.send_header("Content-Length", str(len(wav)))
        self.end_headers()
        until = time.monotonic() + self.owner.hang_s
        for at in range(0, len(wav), 10):
            if time.monotonic() > until:
                break
            self.wfile.write(wav[at : at + 10])
            self.wfile.flush()
            time.sleep(0.1)
        self._reset()

    def _reset(self) -> None:
        """Break the connection as a crash does: with RST."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise ConnectionError


def _wav(
    sound: NDArray[np.int16], rate: int = RATE_HZ, channels: int = 1, sizes: tuple[int, int] | None = None
) -> bytes:
    data = sound.astype("<i2").tobytes()
    riff, size = sizes or (36 + len(data), len(data))
    form = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    return b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size) + data


def _odd_file(sound: NDArray[np.int16], kind: str, fault: str) -> bytes:
    if fault == "stereo":
        return _wav(np.repeat(sound, 2), channels=2)
    if fault == "rate":
        times = np.arange(0, len(sound), 1.5)
        return _wav(np.interp(times, np.arange(len(sound)), sound).astype(np.int16), rate=16_000)
    if fault in ("zero-sizes", "open-sizes"):
        size = 0 if fault == "zero-sizes" else 0xFFFFFFFF
        return _wav(sound, sizes=(size, size))
    if fault == "several-files":
        return b"".join(_several_files(sound))
    return encode_file(sound, kind)


def _several_files(sound: NDArray[np.int16]) -> list[bytes]:
    """One sound as a service answers that speaks piece by piece: each with a header of its own, no two alike."""
    first, second, third = np.split(sound, [len(sound) // 3, len(sound) // 2])
    streamed = (0xFFFFFFFF, 0xFFFFFFFF)
    return [_wav(first, sizes=streamed), _wav(np.repeat(second, 2), channels=2), _wav(third, sizes=(36, 0))]


def encode_file(sound: NDArray[np.int16], kind: str) -> bytes:
    if kind == "wav":
        return _wav(sound)
    if kind == "pcm":
        return sound.astype("<i2").tobytes()
    codec, container, rate = {
        "mp3": ("libmp3lame", "mp3", 24_000), "opus": ("libopus", "ogg", 48_000), "aac": ("aac", "adts", 24_000),
        "flac": ("flac", "flac", 24_000),
    }[kind]  # fmt: skip
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return target.getvalue()


def _pcm_pieces(sound: NDArray[np.int16]) -> list[bytes]:
    pcm = sound.astype("<i2").tobytes()
    return [pcm[at : at + 9_600] for at in range(0, len(pcm), 9_600)]


def _dashscope_events(pieces: list[bytes], chars: int) -> list[bytes]:
    events = [
        {"output": {"audio": {"data": base64.b64encode(piece).decode()}, "finish_reason": "null"}} for piece in pieces
    ]
    last = {"audio": {"data": "", "url": "https://example.org/audio.wav", "expires_at": 1}, "finish_reason": "stop"}
    events.append({"output": last, "usage": {"characters": chars, "input_tokens": 3}})
    return [f"id:{n}\nevent:result\ndata:{json.dumps(event)}\n\n".encode() for n, event in enumerate(events)]


def _openai_events(file: bytes) -> list[bytes]:
    pieces = [file[at : at + 9_001] for at in range(0, len(file), 9_001)]
    events: list[dict[str, Any]] = [
        {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in pieces
    ]
    events.append({"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 9, "total_tokens": 12}})
    return [f"data: {json.dumps(event)}\n\n".encode() for event in events]
