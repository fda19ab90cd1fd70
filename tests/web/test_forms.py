"""Forms in which something is wrong: all that was typed stays, and each fault is said at its field."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html

from pipeline.settings import NarrationSettings
from tests.conftest import ROOT, make_settings
from tests.feed_desk import feed_settings
from tests.feed_makers import rss
from tests.makers import make_epub
from tests.web.conftest import Studio, own_access
from tests.web_site import Site

Make = Callable[..., Studio]
BOOK = "a-short-book-an-author"
BROWSER = {"Accept": "text/html"}
CHINESE = "灯塔看守人每天晚上都点亮灯。海面上没有一艘船。他等了很久，直到天亮。"
ARABIC = "كان حارس المنارة يضيء المصباح كل مساء. ولم تكن في البحر سفينة واحدة."


@pytest.fixture
def studio(make_studio: Make, fake_voice: Path) -> Studio:
    return make_studio(make_settings(narration=NarrationSettings(backend="fake")))


@pytest.fixture
def book(studio: Studio, short_epub: Path) -> str:
    studio.client.post("/new", files={"files": (short_epub.name, short_epub.read_bytes())})
    return f"/books/{BOOK}"


class Shown:
    """A page as a person sees it."""

    def __init__(self, answer: object, status: int) -> None:
        assert answer.status_code == status, answer.text  # type: ignore[attr-defined]
        self._root = html.fromstring(answer.text)  # type: ignore[attr-defined]
        ids = self._root.xpath("//@id")
        assert len(ids) == len(set(ids)), "an id stands twice"

    def value(self, name: str) -> str:
        """What stands in the field of that name, or is chosen or written there."""
        (field,) = self._root.xpath(f'//*[@name="{name}"]')
        if field.tag == "select":
            chosen = field.xpath("./option[@selected]/@value | ./optgroup/option[@selected]/@value")
            return str(chosen[0]) if chosen else ""
        return str(field.text_content() if field.tag == "textarea" else field.get("value", ""))

    def wrong(self, name: str) -> str:
        """What is said at that field; the field itself points to it."""
        (field,) = self._root.xpath(f'//*[@name="{name}"]')
        (line,) = self._root.xpath(f'//*[@id="{field.get("aria-describedby")}"]')
        return " ".join(line.text_content().split())

    @property
    def text(self) -> str:
        return " ".join(self._root.text_content().split())


@pytest.mark.parametrize("text", [CHINESE, ARABIC], ids=["Chinese", "Arabic"])
def test_a_book_that_the_usual_voice_cannot_read_shows_the_form_where_another_is_chosen(
    make_studio: Make, text: str
) -> None:
    studio = make_studio(make_settings(narration=NarrationSettings(backend="hibari")))
    plan = studio.client.post("/new", data={"title": "Book", "text": text}).headers["location"]
    shown = Shown(studio.client.get(plan, headers=BROWSER), 200)
    assert "cannot read" in shown.wrong("voice")
    assert "--allow-gaps" not in shown.wrong("voice")
    chosen = Shown(studio.client.get(plan, params={"backend": "tone"}, headers=BROWSER), 200)
    assert chosen.wrong("voice") == ""
    assert "Characters to speak" in chosen.text


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("max_cost", "a lot", "not an amount"),
        ("max_cost", "-3", "0 or more"),
        ("max_cost", "nan", "0 or more"),
        ("chapters", "abc", "not a list of chapters"),
        ("chapters", "9", "3 chapters"),
        ("voice", "Nobody", "no voice"),
    ],
)
def test_a_wrong_order_keeps_the_whole_form_and_names_the_field(
    studio: Studio, book: str, field: str, typed: str, said: str
) -> None:
    form = {"backend": "fake", "speed": "1.2", "mastering": "podcast", "chapters": "1,2", "max_cost": "5"}
    form[field] = typed
    shown = Shown(studio.client.post(f"{book}/narrate", data=form, headers=BROWSER), 400)
    assert said in shown.wrong(field)
    for name, value in form.items():
        assert name == "voice" or shown.value(name) == value
    assert not studio.desk.started
    asked = Shown(studio.client.get(f"{book}/narrate", params=form, headers=BROWSER), 200)
    assert said in asked.wrong(field)
    assert "Characters to speak" not in asked.text, "this is not the plan of the whole book"


@pytest.mark.parametrize(
    ("cover", "said"),
    [(b"no picture at all", "is not a JPEG"), (b"\xff\xd8" + bytes(20_000_001), "20 MB")],
    ids=["not a picture", "too large"],
)
def test_a_bad_cover_keeps_the_details_that_were_typed(studio: Studio, book: str, cover: bytes, said: str) -> None:
    typed = {"title": "A Better Title", "authors": "Ann; Bo", "series": "Lamps", "series_index": "2"}
    typed |= {"published": "1921", "description": "Two lines\nof it."}
    answer = studio.client.post(f"{book}/details", data=typed, files={"cover": ("c.jpg", cover)}, headers=BROWSER)
    shown = Shown(answer, 413 if said == "20 MB" else 400)
    assert said in shown.wrong("cover")
    assert {name: shown.value(name).strip() for name in typed} == typed
    assert "Nothing was changed" in shown.text
    assert studio.context.store.documents.get_book(BOOK).metadata.title == "A Short Book"


def test_an_empty_title_is_said_at_the_title(studio: Studio, book: str) -> None:
    answer = studio.client.post(f"{book}/details", data={"title": " ", "series": "Lamps"}, headers=BROWSER)
    shown = Shown(answer, 400)
    assert "needs a title" in shown.wrong("title")
    assert shown.value("series") == "Lamps"


def test_every_file_that_cannot_be_read_is_named_and_the_others_are_added(studio: Studio, short_epub: Path) -> None:
    files = [
        ("files", ("first-bad.epub", b"PK\x03\x04 rubbish")),
        ("files", ("good.epub", short_epub.read_bytes())),
        ("files", ("second-bad.txt", b"")),
        ("files", ("third-bad.exe", b"MZ\x90\x00")),
    ]
    given = {"title": "Sea", "text": "The sea was calm.", "url": "not an address"}
    shown = Shown(studio.client.post("/new", data=given, files=files, headers=BROWSER), 400)
    for name in ("first-bad.epub", "second-bad.txt", "third-bad.exe"):
        assert name in shown.wrong("files")
    assert "good.epub" not in shown.wrong("files")
    assert shown.wrong("url") != ""
    assert (shown.value("url"), shown.value("text")) == ("not an address", ""), "what was taken is not offered again"
    assert "Added: A Short Book, Sea." in shown.text
    assert studio.client.get("/api/books").json()["total"] == 2


def test_a_text_that_cannot_be_read_stays_in_its_field(studio: Studio) -> None:
    shown = Shown(studio.client.post("/new", data={"title": "***", "text": "* * *"}, headers=BROWSER), 400)
    assert (shown.value("title"), shown.value("text").strip()) == ("***", "* * *")
    assert shown.wrong("text") != ""


def test_nothing_at_all_is_said_at_the_files(studio: Studio) -> None:
    shown = Shown(studio.client.post("/new", data={"url": ""}, headers=BROWSER), 400)
    assert "Nothing was added" in shown.wrong("files")


def test_an_upload_that_is_too_big_is_answered_to_a_person_with_a_page(make_studio: Make) -> None:
    studio = make_studio(access=own_access(max_upload_mb=1))
    assert 'data-max-bytes="1000000"' in studio.client.get("/new").text, "scripts say it before anything is sent"
    big = {"files": ("big.txt", b"word " * 300_000)}
    answer = studio.client.post("/new", files=big, headers=BROWSER)
    assert answer.status_code == 413
    assert "<h1>That did not work</h1>" in answer.text
    assert "1 MB" in answer.text
    program = studio.client.post("/api/documents", files={"file": ("big.txt", b"word " * 300_000)}, headers=BROWSER)
    assert program.json()["error"]["code"] == "too_large"


def test_whoever_is_not_let_in_reads_a_page_and_a_program_json(make_studio: Make) -> None:
    studio = make_studio()
    answer = studio.stranger.get("/", headers=BROWSER)
    assert answer.status_code == 401
    assert "<h1>Log in</h1>" in answer.text
    assert "--show-link" in html.fromstring(answer.text).text_content()
    assert studio.stranger.get("/").json()["error"]["code"] == "token_needed"


def sentence_of(studio: Studio, book: str) -> str:
    studio.client.post(f"{book}/narrate", data={"backend": "fake"})
    studio.desk.wait()
    page = html.fromstring(studio.client.get(f"{book}/chapters/2").text)
    return next(a.get("data-sentence") for a in page.xpath("//a[@data-sentence]") if "Nobody" in a.text_content())


def test_a_sentence_that_cannot_be_spoken_so_keeps_what_was_typed(studio: Studio, book: str) -> None:
    sentence = sentence_of(studio, book)
    address = f"{book}/chapters/2/sentences/{sentence}"
    shown = Shown(studio.client.post(address, data={"action": "save", "spoken": "!!!"}, headers=BROWSER), 400)
    assert shown.value("spoken").strip() == "!!!"
    assert "can be spoken" in shown.wrong("spoken")


@pytest.mark.parametrize("action", ["count", "save"])
@pytest.mark.parametrize("fragment", [{}, {"X-Fragment": "1"}], ids=["page", "panel"])
def test_a_word_without_a_sound_keeps_what_was_typed(
    studio: Studio, book: str, action: str, fragment: dict[str, str]
) -> None:
    address = f"{book}/chapters/2/sentences/{sentence_of(studio, book)}/word"
    typed = {"written": "Nobody", "say": "", "action": action}
    shown = Shown(studio.client.post(address, data=typed, headers={**BROWSER, **fragment}), 400)
    assert shown.value("written") == "Nobody"
    assert "how it is said" in shown.wrong("written")


def test_mending_leads_back_to_the_sentence(studio: Studio, book: str) -> None:
    sentence = sentence_of(studio, book)
    address = f"{book}/chapters/2/sentences/{sentence}"
    word = {"action": "save", "written": "Nobody", "say": "Nobuddy"}
    for done in (
        studio.client.post(address, data={"action": "save", "spoken": "No one saw her."}),
        studio.client.post(f"{address}/word", data=word),
    ):
        assert done.headers["location"] == f"{book}/chapters/2?did=changed#s-{sentence}"
        studio.desk.wait()
    page = studio.client.get(f"{book}/chapters/2").text
    assert f'id="s-{sentence}"' in page
    panel = studio.client.get(address).text
    assert f'href="{book}/chapters/2#s-{sentence}" data-close' in panel


@pytest.fixture
def feed_studio(make_studio: Make, fake_voice: Path) -> Studio:
    return make_studio(feed_settings())


def test_an_address_without_a_feed_stays_in_its_field(feed_studio: Studio, web: Site) -> None:
    url = web.put("/nothing", "<html><body>No feed here</body></html>")
    shown = Shown(feed_studio.client.post("/feeds", data={"url": url}, headers=BROWSER), 400)
    assert shown.value("url") == url
    assert "feed" in shown.wrong("url")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("speed", "fast"),
        ("max_chars", "x"),
        ("keep_days", "1.5"),
        ("exclude", "("),
        ("cron", "daily"),
        ("voice", "Nobody"),
    ],
)
def test_a_wrong_option_of_a_feed_keeps_the_others(feed_studio: Studio, web: Site, field: str, typed: str) -> None:
    url = web.put("/feed", rss("The Paper", [], web.url), "application/rss+xml")
    feed_studio.client.post("/feeds", data={"url": url})
    form = {"speed": "1.2", "include": "boats", "min_chars": "40", field: typed}
    shown = Shown(feed_studio.client.post("/feeds/the-paper/options", data=form, headers=BROWSER), 400)
    assert {name: shown.value(name) for name in form} == form
    assert shown.wrong(field) != ""


def test_a_listener_without_a_name_is_said_at_the_name(feed_studio: Studio) -> None:
    shown = Shown(feed_studio.client.post("/feeds/subscribers", data={"name": "  "}, headers=BROWSER), 400)
    assert "needs a name" in shown.wrong("name")


def test_an_unreadable_book_in_another_language_is_narrated_by_the_voice_that_was_chosen(studio: Studio) -> None:
    chapters = {"one.xhtml": f"<h2>第一章</h2><p>{CHINESE}</p>"}
    files = {"files": ("lamp.epub", make_epub(chapters, title="Lamp"))}
    plan = studio.client.post("/new", files=files).headers["location"]
    assert studio.client.post(plan, data={"backend": "tone"}).status_code == 303
    studio.desk.wait()
    assert list(studio.context.store.data.rglob("*.m4b"))


PROPERTIES = ("action", "method", "target", "name", "id", "enctype", "length", "title", "submit", "reset")


def test_no_script_reads_of_a_form_what_a_field_of_it_can_hide() -> None:
    # A field called "action" stands before the form's own property: https://html.spec.whatwg.org, section 4.10.3
    read = re.compile(rf"\bform\.({'|'.join(PROPERTIES)})\b(?!-)")
    for script in sorted((ROOT / "pipeline" / "web" / "static").glob("*.js")):
        lines = [line for line in script.read_text("utf-8").splitlines() if not line.lstrip().startswith("//")]
        assert not [line for line in lines if read.search(line)], script.name
