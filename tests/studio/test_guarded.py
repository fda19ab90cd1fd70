"""Nobody gets in who does not belong: foreign pages in a real browser, and programs without a login, at every port."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from flows.server.credential import credential_of
from flows.server.environment import PAGE
from tests.fakes import spoken
from tests.flows.test_flows import House, wait_until
from tests.studio.conftest import shoot
from tests.studio.hostile_pages import attack, other_site, ports_of
from tests.studio.house import Up

pytestmark = pytest.mark.studio


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """A window that was never in the studio."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


STEPS = {"pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": "touch owned"}}]}
SPEECH = {"model": "tone", "voice": "low", "input": "Words."}


def asked_without_login(port: int, deployment: str) -> dict[str, httpx.Response]:
    """What curl is told at a port: it says nothing of whoever calls it, and nothing that a browser would."""
    looks = [
        *("/", "/books/x", "/feeds", "/settings", "/docs", "/openapi.json", "/static/studio.js", "/health", "/metrics"),
        *("/api/books", "/api/feeds", "/api/events", "/v1/models", "/media/audition?backend=tone", "/podcast/x/"),
        *("/ui-settings", f"{PAGE}/", f"{PAGE}/ui-settings", "/?token=", "/?token=guessed"),
    ]
    changes: list[tuple[str, str, object]] = [
        ("POST", "/api/texts", {"title": "Owned", "text": "Words."}),
        ("POST", "/new", {"title": "Owned", "text": "Words."}),
        ("POST", "/api/books/x/narrate", {"backend": "tone"}),
        ("POST", "/v1/audio/speech", SPEECH),
        ("POST", "/api/subscribers", {"name": "Somebody"}),
    ]
    for api in ("/api", f"{PAGE}/api"):
        looks += [f"{api}/{path}" for path in ("health", "admin/settings", f"deployments/{deployment}")]
        changes += [
            ("POST", f"{api}/flow_runs/filter", {}),
            ("PATCH", f"{api}/deployments/{deployment}", STEPS),
            ("POST", f"{api}/deployments/{deployment}/create_flow_run", {}),
            ("DELETE", f"{api}/deployments/{deployment}", None),
        ]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as curl:
        told: dict[str, httpx.Response] = {}
        for how, path, body in [*(("GET", path, None) for path in looks), *changes]:
            with suppress(httpx.RemoteProtocolError):  # the runner hangs up on all but the runs that it has started
                told[f"{how} {path}"] = curl.request(how, path, json=body)
        return told


def test_no_program_without_the_login_learns_or_changes_anything_at_a_port_of_up(up: Up) -> None:
    deployments = up.ask("deployments/filter", {})
    ours = {port_of(up.studio), port_of(up.server["api_url"])}
    ports = ports_of(up.programs())
    assert ours <= ports
    for port in ports:
        answers = asked_without_login(port, deployments[0]["id"])
        assert answers if port in ours else not answers, port
        for asked, answer in answers.items():
            assert answer.status_code in {401, 403, 404}, f"{asked} at {port}: {answer.text[:200]}"
            assert set(answer.json()) <= {"error", "exception_message", "detail"}, asked
    assert [kept(d) for d in up.ask("deployments/filter", {})] == [kept(d) for d in deployments]
    assert up.ask("flow_runs/filter", {}) == []
    for kind in ("books", "feeds"):
        told = httpx.get(f"{up.studio}/api/{kind}", headers=up.login, trust_env=False, timeout=60).json()
        assert not told[kind]
    watcher = httpx.get(f"{up.studio}/healthz", trust_env=False, timeout=60)
    assert (watcher.status_code, watcher.text) == (200, "ok\n"), "and that is all it says"


def kept(deployment: dict[str, object]) -> dict[str, object]:
    """What of a deployment nobody but us changes; its runner says every while that it is there."""
    return {key: deployment[key] for key in deployment if key not in {"last_polled", "status", "updated"}}


def port_of(address: str) -> int:
    return int(address.split(":")[2].partition("/")[0])


def test_no_page_of_somebody_else_learns_or_changes_anything_at_a_port_of_up(visitor: Page, up: Up) -> None:
    deployments = up.ask("deployments/filter", {})
    visitor.goto(up.link)  # somebody who is logged in comes upon the other site
    assert visitor.title() == "Library · Bookcast"
    ports = {port_of(up.studio), port_of(up.server["api_url"])}
    assert ports <= ports_of(up.programs())
    with other_site() as elsewhere:
        for port in ports:
            assert attack(visitor, port, deployments[0]["id"], elsewhere) == [], port
    assert [kept(d) for d in up.ask("deployments/filter", {})] == [kept(d) for d in deployments]
    assert up.ask("flow_runs/filter", {}) == []
    assert httpx.get(f"{up.studio}/api/books", headers=up.login, trust_env=False, timeout=60).json()["total"] == 0


def test_no_page_of_somebody_else_learns_or_changes_anything_at_the_port_of_narrate(
    visitor: Page, tmp_path: Path, fake_voice: Path, slow_book: Path
) -> None:
    house = House(tmp_path)
    process = subprocess.Popen(house.command("narrate", str(slow_book)), cwd=house.folder, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(spoken(fake_voice)) > 1, "the narration")
        (run,) = house.ask("flow_runs/filter", {})
        server = psutil.Process(house.server["pid"])
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid), server]
        ports = ports_of(family)
        assert ports == {port_of(house.server["api_url"])}
        with other_site() as elsewhere:
            assert attack(visitor, ports.pop(), run["id"], elsewhere) == []
        (fake_voice / "delay").unlink()
        assert process.wait(240) == 0
    finally:
        process.kill()


def test_prefect_s_page_shows_a_run_in_the_studio_after_one_login(
    visitor: Page, tmp_path: Path, fake_voice: Path, short_epub: Path
) -> None:
    house = Up(tmp_path)
    said = house.start("--host", "0.0.0.0")
    away: list[str] = []
    try:
        here = f"http://127.0.0.1:{port_of(house.studio)}"
        assert any(f"{house.studio}/prefect/" in line for line in said if "Prefect" in line)
        visitor.on(
            "request",
            lambda asked: away.append(asked.url) if not asked.url.startswith((here, "data:", "blob:")) else None,
        )
        refused = visitor.goto(f"{here}/prefect/")
        assert refused
        assert refused.status == 401
        visitor.goto(house.link)
        run = house.narrate(short_epub)
        wait_until(lambda: house.state(run) == "COMPLETED", "the book")
        visitor.get_by_role("link", name="Runs").click()
        visitor.goto(f"{here}/prefect/runs/flow-run/{run}")
        expect(visitor.get_by_text("Completed").first).to_be_visible()
        expect(visitor.get_by_text("narrate-document").first).to_be_visible()
        expect(visitor.get_by_role("button", name="Retry")).to_be_visible()
        expect(visitor.locator("canvas").first).to_be_visible()
        shoot(visitor, "prefect-run")
        kept = str(visitor.evaluate("[JSON.stringify(localStorage), document.cookie]"))
        assert credential_of(house.data / "prefect").partition(":")[2] not in kept
    finally:
        house.stop()
    assert not away
