"""What a person does in the studio, in a real browser, with a real `bookcast up`."""

import base64
import json
import urllib.request
from collections import Counter
from pathlib import Path

import av
import httpx
import pytest
from playwright.sync_api import Page, expect

from pipeline.audio.pcm import decode_audio
from tests.conftest import ROOT
from tests.fakes import spoken
from tests.flows.test_flows import wait_until
from tests.podcast_reader import read_podcast
from tests.studio.conftest import shoot
from tests.studio.house import Up

pytestmark = pytest.mark.studio
AXE = ROOT / "build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
SLUG = "a-short-book-an-author"
DROP = """([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, {type: 'application/epub+zip'}));
    document.querySelector('[data-drop]').dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


def check_accessible(page: Page) -> None:
    """axe-core finds nothing serious."""
    assert AXE.is_file(), "make test-studio fetches axe-core"
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.impact, v.nodes[0].html])")
    assert not [each for each in found if each[1] in {"serious", "critical"}], f"{page.url}: {found}"


def check_fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"


def hand_in(page: Page, up: Up, path: Path) -> None:
    page.goto(f"{up.studio}/new")
    page.evaluate(DROP, [path.name, base64.b64encode(path.read_bytes()).decode()])
    page.wait_for_url("**/narrate")


def narrate(page: Page, up: Up, path: Path) -> None:
    hand_in(page, up, path)
    page.get_by_role("button", name="Start the narration").click()
    page.wait_for_url("**/books/*")


def test_a_book_is_dropped_planned_watched_and_read_along(
    page: Page, up: Up, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "delay").write_text("0.6")
    page.goto(up.studio)
    check_accessible(page)
    shoot(page, "library-empty")
    hand_in(page, up, short_epub)
    expect(page.locator("[data-figure=chunks]")).to_have_text("12")
    expect(page.locator("[data-figure=cost]")).to_have_text("free")
    page.get_by_label("Chapters").fill("1,2")
    page.get_by_label("Chapters").blur()
    expect(page.locator("[data-figure=chunks]")).to_have_text("8")
    page.get_by_label("Chapters").fill("")
    page.get_by_label("Chapters").blur()
    expect(page.locator("[data-figure=chunks]")).to_have_text("12")
    with page.expect_response("**/media/audition*") as answer:
        page.get_by_role("button", name="Hear a sample").click()
    assert answer.value.status in {200, 206}
    check_accessible(page)
    shoot(page, "plan")
    page.get_by_role("button", name="Start the narration").click()
    bar = page.locator("[data-progress] progress")
    seen: set[float] = set()

    def moves() -> bool:
        if bar.count() and bar.get_attribute("value"):
            seen.add(float(bar.get_attribute("value") or 0))
        return len(seen) >= 3

    wait_until(moves, "progress to move")
    shoot(page, "book-running")
    expect(page.locator(".badge")).to_have_text("finished")
    expect(page.get_by_text("A Short Book is narrated.")).to_be_visible()
    check_accessible(page)
    shoot(page, "book")
    with page.expect_download() as download:
        page.get_by_role("link", name="A Short Book.m4b").click()
    assert len(decode_audio(download.value.path().read_bytes())) > 100_000
    page.get_by_role("link", name="Play Chapter 2").click()
    wait_until(lambda: page.evaluate("document.getElementById('audio').currentTime") > 0.3, "sound")
    page.get_by_role("link", name="Chapter 2", exact=True).click()
    check_reads_along(page)
    page.keyboard.press("e")
    expect(page.get_by_label("How it is spoken")).to_be_visible()
    check_accessible(page)
    shoot(page, "chapter")


def check_reads_along(page: Page) -> None:
    """The marked sentence is the one that is heard, after seeking too; the keys work."""
    wait_until(lambda: page.evaluate("document.getElementById('audio').readyState") >= 2, "sound")
    for at in (0.0, 3.0, 6.0, 1.0):
        page.evaluate("(at) => { const a = document.getElementById('audio'); a.currentTime = at; a.play(); }", at)
        for _ in range(4):
            page.wait_for_timeout(200)
            now, start, end = page.evaluate(
                "() => { const s = document.querySelector('.spoken'), t = document.getElementById('audio').currentTime;"
                " return [t, s ? Number(s.dataset.start) : null, s ? Number(s.dataset.end) : null]; }"
            )
            following = page.evaluate(
                "(end) => Math.min(...[...document.querySelectorAll('[data-start]')].map(s => Number(s.dataset.start))"
                ".filter(each => each >= end - 0.01), 1e9)", end or 0,
            )  # fmt: skip
            assert start is None or start - 0.1 <= now <= following + 0.1, (now, start, end)
    page.keyboard.press("Space")
    wait_until(lambda: page.evaluate("document.getElementById('audio').paused"), "pause")
    page.evaluate("document.getElementById('audio').currentTime = 0.6")
    page.wait_for_selector(".spoken")
    first = page.locator(".spoken").inner_text()
    page.keyboard.press("j")
    wait_until(lambda: page.locator(".spoken").inner_text() != first, "the next sentence")
    page.keyboard.press("k")
    wait_until(lambda: page.locator(".spoken").inner_text() == first, "the sentence before")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.get_by_role("button", name="Close").click()


def test_what_failed_is_rerun_alone_and_a_sentence_mended_there_only(
    page: Page, up: Up, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "poison").write_text("wickedest of two")
    narrate(page, up, short_epub)
    expect(page.locator(".badge")).to_have_text("with gaps")
    expect(page.get_by_text("fails on this text").first).to_be_visible()
    check_accessible(page)
    shoot(page, "book-failed")
    (fake_voice / "poison").unlink()
    before = len(spoken(fake_voice))
    page.get_by_role("button", name="Rerun failed", exact=True).first.click()
    expect(page.locator(".badge")).to_have_text("finished")
    assert len(spoken(fake_voice)) == before + 1
    assert max(Counter(spoken(fake_voice)).values()) == 2, "the failed try, and the one that went well"
    mend_a_sentence(page, up, fake_voice)
    small_and_dark(page, up)


def mend_a_sentence(page: Page, up: Up, fake_voice: Path) -> None:
    (book,) = up.data.rglob("*.m4b")
    original, before, lengths = packets(book), len(spoken(fake_voice)), chapter_packets(up)
    page.goto(f"{up.studio}/books/{SLUG}/chapters/2")
    sentence = page.locator(".sentence", has_text="Nobody saw her")
    sentence.click()
    sentence.click()
    page.get_by_label("How it is spoken").fill("Nobody at all had ever seen her at number two.")
    page.get_by_role("button", name="Speak it so").click()
    wait_until(lambda: book.exists() and packets(book) != original, "the new book")
    assert spoken(fake_voice)[before:] == ["Nobody at all had ever seen her at number two."]
    changed, margin = packets(book), 2
    assert changed[: lengths[0] - margin] == original[: lengths[0] - margin], "the chapter before"
    assert changed[-lengths[2] + margin :] == original[-lengths[2] + margin :], "the chapter after"
    assert len(changed) > len(original), "the sentence is longer"


def packets(book: Path) -> list[bytes]:
    """The encoded sound, frame by frame."""
    with av.open(str(book)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0])]


def chapter_packets(up: Up) -> list[int]:
    with urllib.request.urlopen(urllib.request.Request(f"{up.studio}/api/books/{SLUG}", headers=up.login)) as answer:
        return [round(chapter["seconds"] * 24_000 / 1024) for chapter in json.load(answer)["chapters_list"]]


def small_and_dark(page: Page, up: Up) -> None:
    """Every page on a phone and in the dark."""
    pages = {
        "library": "/", "new": "/new", "book": f"/books/{SLUG}", "plan": f"/books/{SLUG}/narrate",
        "chapter": f"/books/{SLUG}/chapters/2", "feeds": "/feeds", "spend": "/spend", "settings": "/settings", "docs": "/docs",
    }  # fmt: skip
    for scheme, width in (("dark", 1280), ("light", 360)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 780})
        for name, address in pages.items():
            page.goto(up.studio + address)
            check_accessible(page)
            check_fits(page)
            shoot(page, f"{name}-{'dark' if scheme == 'dark' else 'phone'}")


def test_a_run_is_stopped_from_its_page_and_goes_on_later(
    page: Page, up: Up, slow_book: Path, fake_voice: Path
) -> None:
    narrate(page, up, slow_book)
    wait_until(lambda: len(spoken(fake_voice)) > 3, "work")
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator(".badge")).to_have_text("stopped", timeout=60_000)
    done = len(spoken(fake_voice))
    page.wait_for_timeout(2_000)
    assert len(spoken(fake_voice)) <= done + 2
    (fake_voice / "delay").unlink()
    page.get_by_role("link", name="Narrate again").click()
    page.get_by_role("button", name="Start the narration").click()
    expect(page.locator(".badge")).to_have_text("finished")
    assert max(Counter(spoken(fake_voice)).values()) <= 2


def test_prefect_s_own_page_reruns_and_retries(page: Page, up: Up, short_epub: Path, fake_voice: Path) -> None:
    (fake_voice / "poison").write_text("wickedest of two")
    narrate(page, up, short_epub)
    expect(page.locator(".badge")).to_have_text("with gaps")
    before = len(spoken(fake_voice))
    page.get_by_role("link", name="its run at Prefect").click()
    page.get_by_role("button", name="Retry").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    wait_until(lambda: len(spoken(fake_voice)) == before + 1, "the retry, which fails again")
    run = page.url.rpartition("/")[2]
    wait_until(lambda: up.state(run) == "FAILED", "the end of the retry")
    (fake_voice / "poison").unlink()
    (deployment,) = [d for d in up.ask("deployments/filter", {}) if d["name"] == "rerun-failed-chunks"]
    page.goto(f"{up.where['prefect']}/deployments/deployment/{deployment['id']}/run")
    page.locator("form textarea").first.fill(SLUG)
    shoot(page, "prefect-form")
    page.get_by_role("button", name="Submit").click()
    wait_until(lambda: list(up.data.rglob("*.m4b")), "the book")
    assert len(spoken(fake_voice)) == before + 2
    shoot(page, "prefect-rerun")


def test_a_feed_is_taken_up_narrated_and_heard_as_a_podcast(page: Page, up: Up, site: str) -> None:
    page.goto(f"{up.studio}/feeds")
    page.get_by_label("Address of a site or feed").fill(f"{site}/")  # the site names its feed
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Harbour & News")).to_be_visible()
    page.get_by_role("button", name="Narrate what is new").click()
    expect(page.get_by_text("answers with status 404")).to_be_visible()  # it comes by itself
    expect(page.get_by_role("link", name="Whole")).to_be_visible()
    expect(page.get_by_role("link", name="Short")).to_be_visible()
    wait_until(lambda: len(list(up.data.rglob("library/**/*.m4a"))) == 2, "two articles")
    check_accessible(page)
    shoot(page, "feed")
    page.get_by_role("button", name="Rerun Gone").click()
    expect(page.get_by_text("The narration has been started")).to_be_visible()
    page.goto(f"{up.studio}/feeds")
    page.get_by_label("A new address, for").fill("my telephone")
    page.get_by_role("button", name="Make it").click()
    address = page.get_by_role("textbox", name="Address for my telephone").input_value()
    found = read_podcast(httpx.get(address, trust_env=False, timeout=60).content)
    assert {episode["title"] for episode in found["episodes"]} == {"Whole", "Short"}
    expect(page.get_by_role("img", name="QR code of the address for my telephone")).to_be_visible()
    check_accessible(page)
    shoot(page, "feeds")
