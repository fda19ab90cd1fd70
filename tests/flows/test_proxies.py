"""Prefect's server of this machine and proxies: never through one, whatever the environment says."""

import json
import os
from pathlib import Path

import pytest

from flows.server.environment import enter, prefect_environment
from flows.server.prefect_server import is_healthy
from tests.flows.test_flows import House, house
from tests.program import bookcast
from tests.proxies import Proxy, open_proxy
from tests.web_site import Site

__all__ = ["house"]
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def put_between(monkeypatch: pytest.MonkeyPatch, proxy: Proxy) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, proxy.address)


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_server_of_this_machine_is_found_past_the_proxy(
    web: Site, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    web.put("/api/health", "true", kind="application/json")
    with open_proxy(kind, "http://127.0.0.1:1") as proxy:
        put_between(monkeypatch, proxy)
        assert is_healthy(f"{web.url}/api", "")
        assert is_healthy(f"{web.url.replace('127.0.0.1', 'localhost')}/api", "")
        assert proxy.passed == []


def test_a_server_elsewhere_is_asked_through_the_proxy(web: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    web.put("/api/health", "true", kind="application/json")
    with open_proxy("http", web.url) as proxy:
        put_between(monkeypatch, proxy)
        assert is_healthy("http://198.51.100.7:4200/api", "")
        assert proxy.passed == ["198.51.100.7:4200"]


def test_prefects_own_clients_get_this_machine_among_the_exceptions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "books.home")
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.org:3128")
    given = prefect_environment(tmp_path, "http://127.0.0.1:4200/api", "")
    assert given["NO_PROXY"] == given["no_proxy"] == "books.home,localhost,127.0.0.1,::1"
    assert given["HTTPS_PROXY"] == "http://proxy.example.org:3128"
    for name in given:
        monkeypatch.setenv(name, os.environ.get(name, ""))  # so that all of it is taken back afterwards
    enter(given)
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == given["NO_PROXY"]


def test_a_broken_proxy_ends_a_narration_in_one_sentence_before_it_begins(
    tmp_path: Path, short_epub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://me:secret@127.0.0.1:1080")
    said = bookcast("--data", str(tmp_path / "data"), "narrate", str(short_epub), "--backend", "tone")
    assert said.returncode == 2
    assert "ALL_PROXY" in said.stderr
    assert "Traceback" not in said.stderr
    assert "secret" not in said.stderr
    direct = bookcast("--data", str(tmp_path / "data"), "narrate", str(short_epub), "--backend", "tone", "--direct")
    assert direct.returncode == 0, direct.stderr


@pytest.mark.studio
@pytest.mark.parametrize("kind", ["http", pytest.param("socks5", marks=pytest.mark.slow)])
def test_a_narration_reaches_its_own_server_at_once_and_nothing_passes_the_proxy(
    house: House, short_epub: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with open_proxy(kind, "http://127.0.0.1:1") as proxy:
        put_between(monkeypatch, proxy)
        said = house.run("narrate", str(short_epub), "--json")
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout)["failed"] == 0
        assert "Prefect" not in said.stderr
        assert proxy.passed == []
