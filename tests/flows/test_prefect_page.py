"""Prefect's page in the studio: behind the studio's guard and login, without a login of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from flows.server.credential import authorization
from flows.server.environment import PAGE
from flows.server.prefect_server import PrefectServer
from pipeline.web.server.guard import Access
from pipeline.web.server.prefect_page import PrefectPage
from tests.conftest import make_settings
from tests.web.conftest import TOKEN, Studio, own_access

pytestmark = pytest.mark.long

Make = Callable[..., Studio]
HTML = {"Accept": "text/html"}


@pytest.fixture
def make(server: PrefectServer, tmp_path: Path) -> Iterator[Make]:
    studios: list[Studio] = []

    def open_studio(access: Access | None = None, api_url: str = "") -> Studio:
        page = PrefectPage(PAGE, api_url or server.api_url, authorization(server.credential))
        studios.append(Studio(make_settings(), tmp_path / "data", access or own_access(), prefect=page))
        return studios[-1]

    yield open_studio
    for studio in studios:
        studio.close()


def test_the_page_asks_the_studio_and_for_no_password(make: Make, server: PrefectServer) -> None:
    ask = make().client
    page = ask.get(f"{PAGE}/", headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'src="{PAGE}/assets/' in page.text
    settings = ask.get(f"{PAGE}/ui-settings").json()
    assert (settings["auth"], settings["api_url"]) == (None, f"{PAGE}/api")
    own = {"Origin": str(ask.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert ask.post(f"{PAGE}/api/flow_runs/filter", json={"limit": 1}, headers=own).status_code == 200
    assert ask.post(f"{PAGE}/api/flow_runs/filter", json={"limit": "many"}, headers=own).status_code == 422
    assert ask.get(f"{PAGE}/api/admin/version").status_code == 200
    assert ask.get(PAGE, headers=HTML, follow_redirects=True).text == page.text
    assert ask.get(f"{PAGE}/runs/flow-run/nobody", headers=HTML).text == page.text
    for answer in (page, ask.get(f"{PAGE}/api/admin/settings")):
        assert server.credential not in answer.text + str(answer.headers)


def test_every_answer_of_the_page_forbids_content_and_scripts_of_other_hosts(make: Make) -> None:
    ask = make().client
    for path in ("/", "/ui-settings", "/api/admin/version", "/api/nowhere"):
        answer = ask.get(PAGE + path, headers=HTML)
        rules = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["content-security-policy"].split(";"))
        scripts = rules.get("script-src", rules["default-src"])
        assert set(scripts.split()) <= {"'self'", "'unsafe-eval'"}, "none but those of Prefect's own files"
        assert rules["default-src"] == "'self'"
        assert "http" not in answer.headers["content-security-policy"]
        assert rules["frame-ancestors"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_of_the_page_come_whole_and_are_not_sent_again(make: Make) -> None:
    ask = make().client
    script = (
        ask.get(f"{PAGE}/", headers=HTML).text.partition('<script type="module" crossorigin src="')[2].partition('"')[0]
    )
    plain = ask.get(script, headers={"Accept-Encoding": "identity"})
    assert len(plain.content) == int(plain.headers["content-length"]) > 1_000
    assert ask.get(script, headers={"Accept-Encoding": "gzip"}).content == plain.content
    assert ask.get(script, headers={"If-None-Match": plain.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}], ids=str
)
def test_pages_of_other_sites_reach_nothing_of_prefect_through_the_studio(make: Make, headers: dict[str, str]) -> None:
    ask = make().client
    assert ask.post(f"{PAGE}/api/flow_runs/filter", json={}, headers=headers).status_code == 403
    assert ask.request("PATCH", f"{PAGE}/api/deployments/x", json={}, headers=headers).status_code == 403
    if "Origin" not in headers:  # which no browser sends when it only looks
        assert ask.get(f"{PAGE}/api/admin/version", headers=headers).status_code == 403


def test_prefect_s_page_opens_with_the_studio_s_login(make: Make) -> None:
    ask = make().stranger
    for path in ("/", "/ui-settings", "/api/admin/version", "/assets/x.js"):
        assert ask.get(PAGE + path).status_code == 401
    for how, path in (("PATCH", "deployments/x"), ("POST", "flow_runs/filter"), ("DELETE", "deployments/x")):
        assert ask.request(how, f"{PAGE}/api/{path}").status_code == 401
    link = ask.get(f"{PAGE}/?token={TOKEN}")
    assert (link.status_code, link.headers["location"]) == (303, f"{PAGE}/")
    assert ask.get(f"{PAGE}/api/admin/version").status_code == 200, "by the cookie"


def test_the_studio_opens_no_websocket(make: Make) -> None:
    address = make().url.replace("http", "ws")
    for path in ("/", f"{PAGE}/api/events/out"):
        with pytest.raises(InvalidStatus) as refused:
            connect(address + path)
        assert refused.value.response.status_code == 403


def test_while_prefect_s_server_is_away_the_page_says_so(make: Make) -> None:
    ask = make(api_url="http://127.0.0.1:9/api").client
    page = ask.get(f"{PAGE}/", headers=HTML)
    assert page.status_code == 503
    assert "not responding" in page.text
    assert httpx.codes(ask.get(f"{PAGE}/api/admin/version").status_code).is_server_error
