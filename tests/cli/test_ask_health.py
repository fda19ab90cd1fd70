"""Whether a studio answers is asked in one way, by `up` while it starts and by the check of a container."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline.cli.studio.ask_health import is_answering, is_healthy

TOKEN = "0" * 32


class Studio(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        self.send_response(200 if is_known and self.path == "/health" else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Stranger(BaseHTTPRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 mail.example.org ready\r\n")


@pytest.fixture(params=[Studio])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), request.param)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_studio_answers_who_has_its_token_past_any_proxy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert is_answering(address, TOKEN)
    assert not is_answering(address, "")


@pytest.mark.parametrize("address", [Stranger], indirect=True)
def test_another_program_on_the_port_is_no_studio(address: str) -> None:
    assert not is_answering(address, TOKEN)


def test_the_check_of_a_container_finds_the_studio_of_its_data_directory(address: str, tmp_path: Path) -> None:
    assert not is_healthy(tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "up.json").write_text(json.dumps({"studio": address}))
    assert not is_healthy(tmp_path)
    (tmp_path / "work" / "studio-token").write_text(TOKEN)
    assert is_healthy(tmp_path)
