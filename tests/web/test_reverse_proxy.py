"""Behind a reverse proxy: its word counts only where the settings name its address, and the cookie keeps to TLS."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pipeline.cli.studio.studio_token import read_token
from pipeline.errors import SettingsError
from pipeline.settings import StudioSettings, read_settings
from pipeline.web.server.guard import Access, access_of
from tests.program import bookcast
from tests.web.conftest import TOKEN, Studio

Make = Callable[..., Studio]
PUBLIC = "books.example"
WORDS = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": PUBLIC, "X-Forwarded-For": "203.0.113.9"}


def access(*trusted: str, **more: object) -> Access:
    return access_of("127.0.0.1", token=TOKEN, allowed_hosts=(PUBLIC,), trusted_proxies=trusted, **more)  # type: ignore[arg-type]


def cookie(studio: Studio, headers: dict[str, str] | list[tuple[str, str]]) -> str:
    answer = httpx.get(f"{studio.url}/?token={TOKEN}", headers=headers, trust_env=False)
    assert answer.status_code == 303
    return answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        WORDS,
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.9.9.9, 203.0.113.9"},
        {"Forwarded": f"for=203.0.113.9;proto=https;host={PUBLIC}"},
        {"Forwarded": 'for="[2001:db8::1]:4711"; Proto=HTTPS, for=127.0.0.1;proto=http'},
    ],
)
def test_the_cookie_is_secure_where_a_trusted_proxy_speaks_tls_and_only_there(
    make_studio: Make, headers: dict[str, str]
) -> None:
    assert "Secure" in cookie(make_studio(access=access("127.0.0.0/8")), headers)
    assert "Secure" not in cookie(make_studio(access=access("192.0.2.1"), name="b"), headers)
    assert "Secure" not in cookie(make_studio(access=access(), name="c"), headers)


def test_what_somebody_wrote_before_the_trusted_proxy_does_not_count(make_studio: Make) -> None:
    studio = make_studio(access=access("127.0.0.1"))
    forged = {"Forwarded": "for=127.0.0.1;proto=https, for=203.0.113.9;proto=http"}
    assert "Secure" not in cookie(studio, forged)
    assert "Secure" not in cookie(
        studio, {"X-Forwarded-Proto": "https, http", "X-Forwarded-For": "1.2.3.4, 203.0.113.9"}
    )
    assert "Secure" not in cookie(studio, {"X-Forwarded-Proto": "ftp"})
    passed_on = {"Forwarded": "for=203.0.113.9;proto=https"}
    assert "Secure" not in cookie(studio, {"X-Forwarded-Proto": "http", **passed_on})


def test_the_name_that_the_proxy_was_asked_for_is_checked_as_any_other(make_studio: Make) -> None:
    trusting, wary = make_studio(access=access("127.0.0.1")), make_studio(access=access(), name="b")
    told = {"Authorization": f"Bearer {TOKEN}"}
    form = {"title": "x", "text": "Words."}
    own = {**told, **WORDS, "Origin": f"https://{PUBLIC}"}
    assert trusting.client.post("/new", data=form, headers=own).status_code == 303
    assert wary.client.post("/new", data=form, headers=own).status_code == 403, "a page of another name"
    evil = {**told, **WORDS, "X-Forwarded-Host": "evil.example"}
    assert trusting.client.get("/", headers=evil).status_code == 403
    assert wary.client.get("/", headers=evil).status_code == 200, "it says nothing at all"
    assert wary.client.get("/", headers={**told, **WORDS, "Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "path", ["//evil.example/", "///evil.example", "/%2fevil.example/", "//evil.example/%2e%2e", "//"]
)
def test_the_link_leads_to_no_other_host(make_studio: Make, path: str) -> None:
    studio = make_studio(access=access())
    answer = httpx.get(f"{studio.url}{path}?token={TOKEN}", trust_env=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/feeds", "/feeds"),
        ("/books/a%3Fb%23c", "/books/a%3Fb%23c"),
        ("/%5Cevil.example/", "/%5Cevil.example/"),
        ("/books/%E4%BE%8B", "/books/%E4%BE%8B"),
    ],
)
def test_the_link_leads_to_the_page_that_was_asked_for(make_studio: Make, path: str, leads_to: str) -> None:
    studio = make_studio(access=access())
    answer = httpx.get(f"{studio.url}{path}?q=sea&token={TOKEN}", trust_env=False)
    assert answer.headers["location"] == f"{leads_to}?q=sea"


def test_a_proxy_with_a_login_of_its_own_can_send_the_token_for_its_visitors(make_studio: Make) -> None:
    studio = make_studio(access=access("127.0.0.1"))
    told = {"Authorization": f"Bearer {TOKEN}", **WORDS}
    assert studio.stranger.get("/", headers=told).status_code == 200
    foreign = {**told, "Origin": "https://evil.example"}
    assert studio.stranger.post("/new", data={"title": "x", "text": "Words."}, headers=foreign).status_code == 403
    basic = {**WORDS, "Authorization": "Basic dXNlcjpwYXNz", "Cookie": cookie(studio, WORDS).partition(";")[0]}
    assert studio.stranger.get("/", headers=basic).status_code == 200, "or both ask, each for its own"


def test_the_link_is_shown_whatever_the_settings_say_of_proxies(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('[studio]\ntrusted_proxies = ["127.0.0.1"]\n')
    (tmp_path / "data" / "work").mkdir(parents=True)
    (tmp_path / "data" / "work" / "studio-token").write_text(TOKEN)
    shown = bookcast("--config", str(config), "--data", str(tmp_path / "data"), "up", "--show-link")
    assert f"/?token={read_token(tmp_path / 'data')}" in shown.stdout


def test_a_proxy_that_is_no_address_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('[studio]\ntrusted_proxies = ["nginx"]\n')
    with pytest.raises(SettingsError, match="nginx"):
        read_settings(config)
    assert StudioSettings(trusted_proxies=("10.0.0.1/8", "::1")).trusted_proxies == ("10.0.0.1/8", "::1")
