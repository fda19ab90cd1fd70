"""A site on loopback, as kind or as awkward as a test wants it: real HTTP, and a log of every request."""

import gzip
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli


@dataclass
class Answer:
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    validated: bool = True
    """It has an ETag, and a conditional request is answered by 304."""
    coding: str = ""
    pieces: Callable[[], Iterator[bytes]] | None = None
    """Sent one after the other instead of `body`, for answers that are slow or never end."""


@dataclass(frozen=True)
class Asked:
    path: str
    status: int
    conditional: bool
    headers: dict[str, str]


class Site:
    """Serves what was put there."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.log: list[Asked] = []
        self.most_at_once = 0
        self.delay_s = 0.0
        self._now = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def put(self, path: str, body: bytes | str, kind: str = "text/html; charset=utf-8", **more: object) -> str:
        data = body.encode() if isinstance(body, str) else body
        self.answers[path] = Answer(data, kind, **more)  # type: ignore[arg-type]
        return self.url + path

    def asked(self, path: str = "") -> list[Asked]:
        return [asked for asked in self.log if not path or asked.path == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(site) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                with site._lock:
                    site._now += 1
                    site.most_at_once = max(site.most_at_once, site._now)
                try:
                    time.sleep(site.delay_s)
                    with suppress(OSError):
                        self._answer(site.answers.get(self.path, Answer(b"nothing here", status=404, validated=False)))
                finally:
                    with site._lock:
                        site._now -= 1

            def _answer(self, answer: Answer) -> None:
                etag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
                given = self.headers.get("If-None-Match", "")
                unchanged = answer.validated and answer.status == 200 and given == etag
                status = 304 if unchanged else answer.status
                with site._lock:
                    site.log.append(Asked(self.path, status, bool(given), dict(self.headers)))
                self.send_response(status)
                for name, value in answer.headers.items():
                    self.send_header(name, value.replace("{base}", site.url))
                if answer.validated and answer.status == 200:
                    self.send_header("ETag", etag)
                if unchanged:
                    self.end_headers()
                    return
                self.send_header("Content-Type", answer.kind)
                if answer.coding:
                    self.send_header("Content-Encoding", answer.coding)
                if answer.pieces:
                    self.end_headers()
                    for piece in answer.pieces():
                        self.wfile.write(piece)
                        self.wfile.flush()
                    return
                body = {"gzip": gzip.compress, "br": brotli.compress}.get(answer.coding, bytes)(answer.body)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


@contextmanager
def open_site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    site = Site(tls)
    try:
        yield site
    finally:
        site.close()
