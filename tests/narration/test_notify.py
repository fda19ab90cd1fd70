"""People are told how a run ended, by a real message to a real server."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline.model.states import RunState
from pipeline.narration.core.run_state import Summary
from pipeline.narration.running.notify import notify
from pipeline.settings import NotifySettings
from tests.conftest import Desk

SUMMARY = Summary("a-book", "A Book", audio_seconds=3720, synthesized=7, failed=2, cost=0.25)


@pytest.fixture
def post() -> Iterator[tuple[str, list[dict[str, str]]]]:
    heard: list[dict[str, str]] = []

    class Post(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Post)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"json://127.0.0.1:{server.server_address[1]}", heard
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RunState.FINISHED, "is narrated: 1 h 02 min"),
        (RunState.FAILED, "chunks failed"),
        (RunState.STOPPED, "The cap of 5 USD is reached"),
    ],
)
def test_the_message_says_which_book_and_how_it_ended(
    make_desk: Callable[..., Desk], post: tuple[str, list[dict[str, str]]], state: RunState, words: str
) -> None:
    context = make_desk(notify=NotifySettings(urls=(post[0],))).open()
    reason = "The cap of 5 USD is reached" if state is RunState.STOPPED else ""
    assert notify(context, SUMMARY, state, reason)
    context.close()
    (message,) = post[1]
    assert "A Book" in message["title"]
    assert words in message["message"]


def test_what_cannot_be_delivered_is_logged_without_its_address(
    make_desk: Callable[..., Desk], caplog: pytest.LogCaptureFixture
) -> None:
    context = make_desk(notify=NotifySettings(urls=("json://user:secret@127.0.0.1:9", "nonsense"))).open()
    with caplog.at_level(logging.WARNING, "bookcast"):
        assert not notify(context, SUMMARY, "finished")
    context.close()
    assert "[notify] urls" in caplog.text
    assert "secret" not in caplog.text


def test_a_narration_tells_at_its_end(
    make_desk: Callable[..., Desk], post: tuple[str, list[dict[str, str]]], short_epub: Path
) -> None:
    make_desk(notify=NotifySettings(urls=(post[0],))).narrate(short_epub)
    assert "A Short Book is narrated" in post[1][0]["message"]


def test_without_addresses_nobody_is_told(desk: Desk) -> None:
    context = desk.open()
    assert notify(context, SUMMARY, "finished")
    context.close()
