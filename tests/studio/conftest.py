"""A running studio, and Debian's Chromium to look at it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.conftest import ROOT
from tests.makers import make_epub
from tests.studio.hostile_pages import FOREIGN_NAME
from tests.studio.house import Up
from tests.studio.installation import Installation, installed

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    f"--host-resolver-rules=MAP {FOREIGN_NAME} 127.0.0.1",
]
SENTENCES = 60
expect.set_options(timeout=40_000)
SHOTS = ROOT / "build" / "screenshots"


@pytest.fixture
def up(tmp_path: Path, fake_voice: Path) -> Iterator[Up]:
    house = Up(tmp_path)
    house.start()
    yield house
    if house.process.poll() is None:
        house.stop()


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """Bookcast, installed from its wheel without extras."""
    with installed() as found:
        yield found


@pytest.fixture
def slow_book(tmp_path: Path, fake_voice: Path) -> Path:
    (fake_voice / "delay").write_text("0.4")
    text = "".join(f"<p>This is the sentence that has the number {n}.</p>" for n in range(SENTENCES))
    path = tmp_path / "slow.epub"
    path.write_bytes(make_epub({"one.xhtml": f"<h2>One</h2>{text}"}, title="Slow"))
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, up: Up) -> Iterator[Page]:
    """A window of its own; what scripts of the studio complain of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(up.link)  # as a person logs in, once
    wrong: list[str] = []

    def note(line: str) -> None:
        if "/prefect/" not in page.url:  # Prefect's page misses some of its icons, and at times parts of its drawings
            wrong.append(line)

    def note_error(line: ConsoleMessage) -> None:
        if line.type == "error":
            note(f"{line.text} {line.location}")

    page.on("pageerror", lambda error: note(f"{page.url}: {error}"))
    page.on("console", note_error)
    yield page
    context.close()
    assert not [line for line in wrong if up.studio in line]


def shoot(page: Page, name: str, *, full_page: bool = True) -> None:
    """Keep what the page looks like, for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=full_page)
