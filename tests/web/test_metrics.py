"""What programs that watch the studio are told."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.conftest import make_settings
from tests.web.conftest import Studio

SAMPLE = re.compile(r"^[a-z_]+(\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\})? -?[0-9.]+(e[+-]?\d+)?$", re.IGNORECASE)


def test_health_is_told_to_everybody_and_says_only_ok(make_studio: Callable[..., Studio]) -> None:
    studio = make_studio()
    answer = studio.stranger.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert studio.stranger.get("/healthz", headers={"Host": "evil.example"}).status_code == 403
    assert studio.stranger.get("/healthzz").status_code == 401


def test_metrics_are_behind_the_login(make_studio: Callable[..., Studio]) -> None:
    studio = make_studio()
    assert studio.stranger.get("/metrics").status_code == 401
    assert studio.client.get("/metrics").status_code == 200


def test_metrics_count_and_name_no_book(make_studio: Callable[..., Studio], short_epub: Path) -> None:
    studio = make_studio(make_settings())
    book = studio.client.post("/api/documents", files={"file": (short_epub.name, short_epub.read_bytes())}).json()
    started = studio.client.post(f"/api/books/{book['book']}/narrate", json={"backend": "tone"})
    assert started.status_code < 300, started.text
    studio.desk.wait()
    answer = studio.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(SAMPLE.match(line) for line in samples), samples
    figures = dict(line.rsplit(" ", 1) for line in samples)
    assert figures['bookcast_runs_ended{state="finished"}'] == "1"
    assert figures["bookcast_passages_spoken"] == "12"
    assert figures["bookcast_passages_failed"] == "0"
    assert float(figures["bookcast_cache_bytes"]) > 1_000
    assert float(figures["bookcast_disk_free_bytes"]) > 0
    assert "short" not in answer.text.lower()
