"""Every page in every state of a book, as plain HTML: what is said, what is offered, that forms do what they say."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html

from pipeline.narration.core.order import Order
from pipeline.settings import NarrationSettings
from tests.conftest import make_settings
from tests.fakes import spoken
from tests.web.conftest import Studio

Make = Callable[..., Studio]
BOOK = "a-short-book-an-author"


@pytest.fixture
def studio(make_studio: Make, fake_voice: Path) -> Studio:
    return make_studio(make_settings(narration=NarrationSettings(backend="fake")))


def upload(studio: Studio, epub: Path) -> str:
    answer = studio.client.post("/new", files={"files": (epub.name, epub.read_bytes())})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def text_of(studio: Studio, address: str) -> str:
    answer = studio.client.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    root = html.fromstring(answer.text)
    assert root.xpath("//h1"), address
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids)), "an id stands twice"
    return " ".join(root.text_content().split())


def test_a_document_is_handed_in_planned_narrated_and_heard(studio: Studio, short_epub: Path) -> None:
    assert "no book yet" in text_of(studio, "/")
    plan = upload(studio, short_epub)
    assert plan == f"/books/{BOOK}/narrate"
    assert "12" in text_of(studio, plan)
    assert "not narrated yet" in text_of(studio, "/")
    done = studio.client.post(plan, data={"backend": "fake", "formats": ["m4b"]})
    assert (done.status_code, done.headers["location"]) == (303, f"/books/{BOOK}?did=started")
    studio.desk.wait()
    page = text_of(studio, f"/books/{BOOK}")
    assert "finished" in page
    assert "A Short Book.m4b" in page
    chapter = studio.client.get(f"/books/{BOOK}/chapters/2").text
    starts = [float(value) for value in re.findall(r'data-start="([\d.]+)"', chapter)]
    assert len(starts) >= 4
    assert starts == sorted(starts)


def test_the_form_shows_the_cap_of_the_last_narration(studio: Studio, short_epub: Path) -> None:
    address = upload(studio, short_epub)
    assert 'name="max_cost" value=""' in studio.client.get(address).text
    for cap in (0.0, 2.5):
        studio.context.store.documents.remember_narration(BOOK, Order(backend="tone", max_cost=cap).as_options())
        assert f'name="max_cost" value="{cap}"' in studio.client.get(address).text


def test_failed_chunks_are_shown_with_their_reason_and_rerun_alone(
    studio: Studio, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "poison").write_text("wickedest of two")
    studio.client.post(upload(studio, short_epub), data={"backend": "fake"})
    studio.desk.wait()
    page = text_of(studio, f"/books/{BOOK}")
    assert "1 failed" in page
    assert "fails on this text" in page
    assert "1 failed" in text_of(studio, "/")
    assert "1 failed" in text_of(studio, f"/books/{BOOK}/chapters/2")
    (fake_voice / "poison").unlink()
    before = len(spoken(fake_voice))
    assert studio.client.post(f"/books/{BOOK}/rerun", data={"chapter": "2"}).status_code == 303
    studio.desk.wait()
    assert len(spoken(fake_voice)) == before + 1
    assert "A Short Book.m4b" in text_of(studio, f"/books/{BOOK}")


def first_sentence(studio: Studio, chapter: int, words: str) -> str:
    root = html.fromstring(studio.client.get(f"/books/{BOOK}/chapters/{chapter}").text)
    return next(a.get("data-sentence") for a in root.xpath("//a[@data-sentence]") if words in a.text_content())


def test_a_sentence_is_spoken_otherwise_and_back_without_speaking_twice(
    studio: Studio, short_epub: Path, fake_voice: Path
) -> None:
    studio.client.post(upload(studio, short_epub), data={"backend": "fake"})
    studio.desk.wait()
    (book,) = studio.context.store.data.rglob("*.m4b")
    original, before = book.read_bytes(), len(spoken(fake_voice))
    sentence = first_sentence(studio, 2, "Nobody saw her")
    address = f"/books/{BOOK}/chapters/2/sentences/{sentence}"
    assert "Nobody saw her at two." in studio.client.get(address).text
    change = {"action": "save", "spoken": "No one at all saw her at number two."}
    assert studio.client.post(address, data=change).status_code == 303
    studio.desk.wait()
    assert spoken(fake_voice)[before:] == ["No one at all saw her at number two."]
    assert book.read_bytes() != original
    panel = studio.client.get(address).text
    assert "Keep the old one" in panel
    for clip in re.findall(r"/media/clips/[0-9a-f]{64}", panel):
        assert studio.client.get(clip).content[:4] == b"fLaC"
    studio.client.post(address, data={"action": "restore"})
    studio.desk.wait()
    assert book.read_bytes() == original
    assert len(spoken(fake_voice)) == before + 1


def test_a_word_is_counted_before_it_is_changed(studio: Studio, short_epub: Path, fake_voice: Path) -> None:
    studio.client.post(upload(studio, short_epub), data={"backend": "fake"})
    studio.desk.wait()
    before = len(spoken(fake_voice))
    address = f"/books/{BOOK}/chapters/1/sentences/{first_sentence(studio, 1, 'Nobody')}/word"
    word = {"written": "Nobody", "say": "Nobuddy"}
    counted = studio.client.post(address, data={**word, "action": "count"}).text
    assert "3 sentences in 3 chapters" in counted
    assert len(spoken(fake_voice)) == before
    assert studio.client.post(address, data={**word, "action": "save"}).status_code == 303
    studio.desk.wait()
    assert sorted(spoken(fake_voice)[before:]) == [f"Nobuddy saw her at {n}." for n in ("one", "three", "two")]
    assert "Nobody" in text_of(studio, "/settings")


def test_a_clip_that_was_spoken_again_can_be_taken_back(studio: Studio, short_epub: Path, fake_voice: Path) -> None:
    studio.client.post(upload(studio, short_epub), data={"backend": "fake"})
    studio.desk.wait()
    (book,) = studio.context.store.data.rglob("*.m4b")
    original = book.read_bytes()
    (fake_voice / "pitch").write_text("330")  # the voice has changed
    address = f"/books/{BOOK}/chapters/1/sentences/{first_sentence(studio, 1, 'Nobody')}"
    studio.client.post(address, data={"action": "again"})
    studio.desk.wait()
    assert book.read_bytes() != original
    take = re.search(r'name="take" value="([0-9a-f]{64})"', studio.client.get(address).text)
    assert take
    studio.client.post(address, data={"action": "take", "take": take[1]})
    studio.desk.wait()
    assert book.read_bytes() == original


def test_details_change_the_release_and_nothing_is_spoken(studio: Studio, short_epub: Path, fake_voice: Path) -> None:
    studio.client.post(upload(studio, short_epub), data={"backend": "fake"})
    studio.desk.wait()
    before = len(spoken(fake_voice))
    facts = {"title": "A Better Title", "authors": "Ann Author; Bo Writer", "series": "Short Ones", "series_index": "2"}
    assert studio.client.post(f"/books/{BOOK}/details", data=facts).status_code == 303
    studio.desk.wait()
    page = text_of(studio, f"/books/{BOOK}")
    assert "A Better Title.m4b" in page
    assert "Ann Author, Bo Writer" in page
    assert [path.name for path in studio.context.store.data.rglob("*.m4b")] == ["A Better Title.m4b"]
    assert len(spoken(fake_voice)) == before
    assert studio.client.post(f"/books/{BOOK}/details", data={"title": " "}).status_code == 400


@pytest.mark.parametrize("address", ["/", "/?q=nothing", "/new", "/feeds", "/spend", "/settings", "/docs"])
def test_pages_of_an_empty_studio(studio: Studio, address: str) -> None:
    text_of(studio, address)


def test_texts_can_be_pasted_and_books_found_by_words(studio: Studio) -> None:
    given = {"title": "Sea & Sand", "text": "# One\n\nThe sea.\n\n# Two\n\nThe sand."}
    assert studio.client.post("/new", data=given).headers["location"] == "/books/sea-sand/narrate"
    assert "Sea & Sand" in text_of(studio, "/?q=SAND")
    assert "Sea & Sand" not in text_of(studio, "/?q=100%25")
    facts = {"title": "Sea & Sand", "authors": "Élodie Ségur", "series": "Übermorgen"}
    studio.client.post("/books/sea-sand/details", data=facts)
    for words in ("ÉLODIE", "ségur sand", "übermorgen"):
        assert "Sea & Sand" in text_of(studio, f"/?q={words}")


@pytest.mark.parametrize(
    ("address", "status"),
    [("/books/nobody", 404), ("/books/nobody/narrate", 404), ("/books/nobody/chapters/1", 404), ("/nowhere", 404)],
)
def test_what_is_not_there_is_said_on_a_page(studio: Studio, address: str, status: int) -> None:
    answer = studio.client.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert "<h1>This was not done</h1>" in answer.text
    assert "Traceback" not in answer.text


def test_the_checkup_is_shown(studio: Studio) -> None:
    answer = studio.client.post("/settings/doctor")
    assert "backend hibari" in answer.text
    assert str(studio.context.store.data) not in answer.text


def narrated(studio: Studio, epub: Path) -> list[Path]:
    studio.client.post(upload(studio, epub), data={"backend": "fake"})
    studio.desk.wait()
    return studio.context.store.releases.files(BOOK)


@pytest.mark.parametrize(("what", "stays"), [("all", False), ("book", True), ("archive", True)])
def test_a_book_is_removed_from_its_page(studio: Studio, short_epub: Path, what: str, stays: bool) -> None:
    files = narrated(studio, short_epub)
    assert studio.client.post(f"/books/{BOOK}/remove", data={"what": "nonsense"}).status_code == 400
    assert "clips" in text_of(studio, f"/books/{BOOK}").casefold()
    done = studio.client.post(f"/books/{BOOK}/remove", data={"what": what})
    assert done.status_code == 303
    assert [path.exists() for path in files] == [stays] * len(files)
    if what == "archive":
        assert "A Short Book.m4b" in text_of(studio, done.headers["location"])
    else:
        assert "is removed" in text_of(studio, done.headers["location"])
        assert studio.client.get(f"/books/{BOOK}").status_code == 404


def test_a_book_is_removed_over_rest_and_not_while_it_is_narrated(
    studio: Studio, short_epub: Path, fake_voice: Path
) -> None:
    (fake_voice / "delay").write_text("0.3")
    studio.client.post(upload(studio, short_epub), data={"backend": "fake"})
    for refused in (studio.client.delete(f"/api/books/{BOOK}"), studio.client.post(f"/api/books/{BOOK}/archive")):
        assert (refused.status_code, "being narrated" in refused.json()["error"]["message"]) == (409, True)
    assert "Wait for the end" in text_of(studio, f"/books/{BOOK}")
    studio.desk.wait()
    archived = studio.client.post(f"/api/books/{BOOK}/archive").json()
    assert (archived["archived"], "A Short Book.m4b" in archived["kept"]) == (True, True)
    files = studio.context.store.releases.files(BOOK)
    removed = studio.client.delete(f"/api/books/{BOOK}").json()
    assert "A Short Book.m4b" in removed["deleted"]
    assert not any(path.exists() for path in files)
    assert studio.client.delete(f"/api/books/{BOOK}").status_code == 404
