"""Keys, panels and signs of the pages in a real browser; the studio itself runs in this process, without Prefect."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.settings import NarrationSettings
from tests.conftest import make_settings
from tests.fakes import spoken
from tests.makers import make_epub
from tests.studio.conftest import shoot
from tests.studio.test_pages import check_accessible, check_fits
from tests.waiting import wait_until
from tests.web.conftest import Studio, own_access

pytestmark = pytest.mark.studio
BOOK = "a-short-book-an-author"
PHONE = {"width": 360, "height": 740}


@pytest.fixture
def studio(tmp_path: Path, fake_voice: Path) -> Iterator[Studio]:
    settings = make_settings(narration=NarrationSettings(backend="fake"))
    served = Studio(settings, tmp_path / "data", own_access(max_upload_mb=1))
    yield served
    served.close()


@pytest.fixture
def window(browser: Browser, studio: Studio) -> Iterator[Page]:
    """A window that is logged in, whose scripts must not fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(studio.link)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    yield page
    context.close()
    assert not wrong


@pytest.fixture
def narrated(studio: Studio, short_epub: Path) -> str:
    """Address of the page of a book that is narrated."""
    studio.client.post("/new", files={"files": (short_epub.name, short_epub.read_bytes())})
    studio.client.post(f"/books/{BOOK}/narrate", data={"backend": "fake"})
    studio.desk.wait()
    return f"{studio.url}/books/{BOOK}"


def is_paused(page: Page) -> bool:
    return bool(page.evaluate("document.getElementById('audio').paused"))


def mend(page: Page, words: str) -> None:
    sentence = page.locator(".sentence", has_text=words)
    sentence.click()
    sentence.click()
    expect(page.get_by_label("How it is spoken")).to_be_visible()


def test_a_pronunciation_is_counted_and_set(window: Page, narrated: str, studio: Studio, fake_voice: Path) -> None:
    window.goto(f"{narrated}/chapters/1")
    mend(window, "Nobody")
    window.get_by_label("Word as written").fill("Nobody")
    window.get_by_role("button", name="Count what it touches").click()
    expect(window.get_by_text("how it is said are needed")).to_be_visible()
    expect(window.get_by_label("Word as written")).to_have_value("Nobody")
    window.get_by_label("How it sounds, in letters").fill("Nobuddy")
    window.get_by_role("button", name="Count what it touches").click()
    expect(window.get_by_text("3 sentences in 3 chapters")).to_be_visible()
    shoot(window, "word-counted")
    before = len(spoken(fake_voice))
    window.get_by_role("button", name="Say it so").click()
    window.wait_for_url("**did=changed*")
    studio.desk.wait()
    assert sorted(spoken(fake_voice)[before:]) == [f"Nobuddy saw her at {n}." for n in ("one", "three", "two")]


def test_the_promised_keys_of_sound_work_after_a_click_on_play(window: Page, narrated: str) -> None:
    window.goto(narrated)
    window.locator("[data-play='2']").click()
    wait_until(lambda: not is_paused(window), "sound")
    window.keyboard.press("Space")
    wait_until(lambda: is_paused(window), "the pause")
    window.keyboard.press("Space")
    wait_until(lambda: not is_paused(window), "sound again")
    before = window.locator("#rate").input_value()
    window.keyboard.press("ArrowUp")
    faster = float(window.locator("#rate").input_value())
    assert faster > float(before)
    assert window.evaluate("document.getElementById('audio').playbackRate") == faster
    window.keyboard.press("ArrowDown")
    assert window.locator("#rate").input_value() == before
    window.keyboard.press("n")
    wait_until(lambda: "chapters/3" in window.evaluate("document.getElementById('audio').src"), "the next chapter")
    window.get_by_role("button", name="Previous chapter").focus()
    window.keyboard.press("Space")  # which a button needs for itself
    wait_until(lambda: "chapters/2" in window.evaluate("document.getElementById('audio').src"), "the button")


def test_the_plan_of_chapters_that_are_no_list_is_refused_at_the_field(window: Page, narrated: str) -> None:
    window.goto(f"{narrated}/narrate")
    window.get_by_label("Chapters").fill("1")
    window.get_by_label("Chapters").blur()
    expect(window.locator("[data-figure=chunks]")).to_have_text("4")
    window.get_by_label("Chapters").fill("abc")
    window.get_by_label("Chapters").blur()
    expect(window.locator("#chapters-wrong")).to_contain_text("not a list of chapters")
    expect(window.locator("[data-figure=chunks]")).to_have_count(0)
    shoot(window, "plan-wrong-chapters")
    window.get_by_role("button", name="Start the narration").click()
    expect(window.locator("#chapters-wrong")).to_contain_text("not a list of chapters")
    expect(window.get_by_label("Chapters")).to_have_value("abc")
    window.get_by_label("Chapters").fill("2")
    window.get_by_label("Chapters").blur()
    expect(window.locator("[data-figure=chunks]")).to_have_text("4")
    expect(window.locator("#chapters-wrong")).to_have_text("")


def test_a_chinese_book_is_led_to_a_voice_that_reads_it(window: Page, studio: Studio, tmp_path: Path) -> None:
    chapters = {"one.xhtml": "<h2>第一章</h2><p>灯塔看守人每天晚上都点亮灯。海面上没有一艘船。</p>"}
    files = {"files": ("lamp.epub", make_epub(chapters, title="Lamp"))}
    plan = studio.client.post("/new", files=files).headers["location"]
    window.goto(f"{studio.url}{plan}?backend=hibari")
    expect(window.locator("#voice-wrong")).to_contain_text("cannot read")
    shoot(window, "plan-chinese")
    window.locator("#backend").select_option("tone")
    expect(window.locator("#voice-wrong")).to_have_text("")
    window.get_by_role("button", name="Start the narration").click()
    window.wait_for_url("**/books/*did=started")


def test_an_upload_over_the_bound_is_refused_before_it_is_sent(window: Page, studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_bytes(b"word " * 300_000)
    window.goto(f"{studio.url}/new")
    window.get_by_label("Address").fill("https://example.org/kept")
    window.locator("#files").set_input_files(tmp_path / "big.txt")
    window.get_by_role("button", name="Read it and show the plan").click()
    expect(window.locator("#files-wrong")).to_contain_text("1 MB are accepted")
    expect(window.get_by_label("Address")).to_have_value("https://example.org/kept")
    expect(window.get_by_role("button", name="Read it and show the plan")).to_be_enabled()


def test_the_offer_to_be_told_stays_while_the_book_is_narrated(
    browser: Browser, studio: Studio, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "delay").write_text("0.8")
    studio.client.post("/new", files={"files": (short_epub.name, short_epub.read_bytes())})
    context = browser.new_context()
    page = context.new_page()
    page.goto(studio.link)
    # headless browsers refuse notifications for good, and nobody can be asked there
    page.add_init_script("Object.defineProperty(Notification, 'permission', { get: () => 'default' })")
    page.goto(f"{studio.url}/books/{BOOK}/narrate")
    page.get_by_role("button", name="Start the narration").click()
    page.wait_for_url("**did=started")
    page.evaluate("document.addEventListener('studio:refreshed', () => { window.refreshed = true; })")
    offer = page.get_by_role("button", name="Tell me when it is done")
    expect(offer).to_be_visible()
    wait_until(lambda: page.evaluate("window.refreshed"), "a refresh")
    expect(page.locator(".badge")).to_have_text("being narrated")
    expect(offer).to_be_visible()
    shoot(page, "book-running-offer")
    context.close()


def test_a_button_says_that_its_work_is_under_way(window: Page, narrated: str) -> None:
    window.goto(f"{narrated}/narrate")
    window.evaluate(
        "() => { const button = document.querySelector('button.main'); new MutationObserver(() =>"
        " localStorage.setItem('said', `${button.textContent} ${button.disabled}`)"
        ").observe(button, { attributes: true, childList: true }); }"
    )
    window.get_by_role("button", name="Start the narration").click()
    window.wait_for_url("**did=started")
    assert window.evaluate("localStorage.getItem('said')") == "Starting … true"


def test_a_studio_that_is_away_is_named_on_the_page(window: Page, narrated: str, studio: Studio) -> None:
    window.goto(f"{narrated}/chapters/1")
    expect(window.locator("#away")).to_have_text("")
    studio.stop_serving()
    expect(window.locator("#away")).to_contain_text("not responding")
    shoot(window, "away")
    window.locator(".sentence", has_text="Nobody").dblclick()  # no script fails
    expect(window.locator("#away")).to_contain_text("not responding")


def test_on_a_phone_a_sentence_is_mended_where_it_is(window: Page, studio: Studio, tmp_path: Path) -> None:
    line = "<p>This is the sentence that has the number {}, and it is long enough to fill several lines.</p>"
    text = "".join(line.format(number) for number in range(80))
    files = {"files": ("long.epub", make_epub({"one.xhtml": f"<h2>One</h2>{text}"}, title="Long"))}
    slug = studio.client.post("/new", files=files).headers["location"].split("/")[2]
    studio.client.post(f"/books/{slug}/narrate", data={"backend": "fake"})
    studio.desk.wait()
    window.set_viewport_size(PHONE)
    window.goto(f"{studio.url}/books/{slug}/chapters/1")
    sentence = window.locator(".sentence", has_text="number 40,")
    sentence.scroll_into_view_if_needed()
    sentence.click()
    window.evaluate("document.getElementById('audio').pause()")
    window.evaluate("studio.refresh()")  # as at any news of the book: the sentence is another element then
    sentence.click()
    field = window.get_by_label("How it is spoken")
    expect(field).to_be_in_viewport()
    expect(sentence).to_be_in_viewport()
    shown = sentence.bounding_box()
    panel = window.locator("#panel").bounding_box()
    assert shown
    assert panel
    assert shown["y"] + shown["height"] <= panel["y"], "the panel leaves the sentence free"
    shoot(window, "mend-phone", full_page=False)
    window.evaluate("studio.refresh()")
    window.get_by_role("link", name="Close").click()
    expect(field).not_to_be_visible()
    expect(sentence).to_be_in_viewport()
    sentence.click()
    field.fill("This is sentence forty.")
    window.get_by_role("button", name="Speak it so").click()
    window.wait_for_url("**did=changed*")
    expect(window.locator(".sentence", has_text="number 40,")).to_be_in_viewport()


@pytest.mark.parametrize(("name", "width"), [("desk", 1280), ("phone", 360)])
def test_what_is_wrong_is_accessible_on_every_screen(
    window: Page, narrated: str, studio: Studio, tmp_path: Path, name: str, width: int
) -> None:
    (tmp_path / "bad.epub").write_bytes(b"PK\x03\x04 rubbish")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    window.set_viewport_size({"width": width, "height": 780})

    def check(page: str) -> None:
        check_accessible(window)
        check_fits(window)
        shoot(window, f"wrong-{page}-{name}")

    window.goto(f"{narrated}/narrate?chapters=abc")
    expect(window.locator("#chapters-wrong")).to_contain_text("not a list")
    check("plan")
    window.goto(f"{studio.url}/new")
    window.locator("#files").set_input_files(tmp_path / "bad.epub")
    window.get_by_role("button", name="Read it and show the plan").click()
    expect(window.locator("#files-wrong")).to_contain_text("bad.epub")
    check("new")
    window.goto(narrated)
    window.get_by_text("Change title, author").click()
    window.get_by_label("Series", exact=True).fill("Lamps")
    window.get_by_label("Cover").set_input_files(tmp_path / "bad.jpg")
    window.get_by_role("button", name="Save").click()
    expect(window.locator("#cover-wrong")).to_contain_text("is not a JPEG")
    expect(window.locator("#cover-wrong")).to_be_in_viewport()
    expect(window.get_by_label("Series", exact=True)).to_have_value("Lamps")
    check("book")
    window.goto(f"{narrated}/chapters/1")
    mend(window, "Nobody")
    check("chapter")
    window.goto(f"{studio.url}/feeds")
    window.get_by_label("Address of a site or feed").fill("not an address")
    window.get_by_role("button", name="Add").click()
    expect(window.locator("#url-wrong")).not_to_be_empty()
    check("feeds")
