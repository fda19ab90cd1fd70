"""Sound over HTTP: ranges, tags, types, and that it is the sound of the book."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html

from pipeline.audio.pcm import decode_audio
from pipeline.settings import NarrationSettings
from tests.conftest import make_settings
from tests.web.conftest import Studio

Make = Callable[..., Studio]
BOOK = "a-short-book-an-author"


@pytest.fixture
def studio(make_studio: Make, short_epub: Path) -> Studio:
    studio = make_studio(make_settings(narration=NarrationSettings(backend="tone")))
    studio.client.post("/api/documents", files={"file": (short_epub.name, short_epub.read_bytes())})
    assert (
        studio.client.post(
            f"/api/books/{BOOK}/narrate", json={"backend": "tone", "formats": ["m4b", "mp3"]}
        ).status_code
        == 202
    )
    studio.desk.wait()
    return studio


def test_files_are_served_whole_in_ranges_and_only_when_they_changed(studio: Studio) -> None:
    files = studio.client.get(f"/api/books/{BOOK}").json()["files"]
    assert {file["name"].rpartition(".")[2] for file in files} == {"m4b", "mp3"}
    for file in files:
        whole = studio.client.get(file["address"])
        (path,) = studio.context.store.data.rglob(file["name"])
        assert whole.content == path.read_bytes()
        assert whole.headers["accept-ranges"] == "bytes"
        assert whole.headers["content-type"] == ("audio/mp4" if path.suffix == ".m4b" else "audio/mpeg")
        tag = whole.headers["etag"]
        assert studio.client.get(file["address"], headers={"If-None-Match": tag}).status_code == 304
        part = studio.client.get(file["address"], headers={"Range": "bytes=100-299", "If-Range": tag})
        assert (part.status_code, part.content) == (206, whole.content[100:300])
        assert part.headers["content-range"] == f"bytes 100-299/{len(whole.content)}"
        last = studio.client.get(file["address"], headers={"Range": "bytes=-50"})
        assert last.content == whole.content[-50:]
        changed = studio.client.get(file["address"], headers={"Range": "bytes=0-9", "If-Range": '"other"'})
        assert (changed.status_code, len(changed.content)) == (200, len(whole.content))
        beyond = studio.client.get(file["address"], headers={"Range": f"bytes={len(whole.content)}-"})
        assert beyond.status_code == 416
        assert studio.client.head(file["address"]).headers["content-length"] == str(len(whole.content))


def test_chapters_clips_and_covers_are_what_they_say(studio: Studio) -> None:
    book = studio.client.get(f"/api/books/{BOOK}").json()
    for row in book["chapters_list"]:
        sound = studio.client.get(row["audio"])
        assert sound.headers["content-type"] == "audio/mp4"
        assert abs(len(decode_audio(sound.content)) / 24_000 - row["seconds"]) < 0.1
        assert row["lufs"] == pytest.approx(-19, abs=0.5)
    cover = studio.client.get(book["cover"])
    assert (cover.headers["content-type"], cover.content[:4]) == ("image/png", b"\x89PNG")
    assert studio.client.get(book["cover"], headers={"If-None-Match": cover.headers["etag"]}).status_code == 304


def test_an_audition_is_spoken_once(studio: Studio) -> None:
    first = studio.client.get("/media/audition", params={"backend": "tone"})
    assert first.headers["content-type"] == "audio/mpeg"
    assert len(decode_audio(first.content)) > 24_000
    again = studio.client.get(
        "/media/audition", params={"backend": "tone"}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304


def test_what_is_not_there_is_404(studio: Studio) -> None:
    for path in (f"/media/books/{BOOK}/files/other.m4b", f"/media/books/{BOOK}/chapters/9", "/media/clips/" + "0" * 64):
        assert studio.client.get(path).status_code == 404


@pytest.mark.parametrize("title", ["50% of #1", 'Who? Me/You & "us"', "海上的灯 100%25"])
def test_a_file_of_any_title_can_be_downloaded_by_its_link(make_studio: Make, title: str) -> None:
    studio = make_studio(make_settings(narration=NarrationSettings(backend="tone")))
    slug = studio.client.post("/api/texts", json={"title": title, "text": "The lamp was lit."}).json()["book"]
    studio.client.post(f"/api/books/{slug}/narrate", json={"formats": ["m4b", "mp3"]})
    studio.desk.wait()
    page = html.fromstring(studio.client.get(f"/books/{slug}").text)
    links = page.xpath("//a[@download]/@href")
    assert len(links) == 2
    for link in links:
        found = studio.client.get(link)
        assert found.status_code == 200, link
        assert len(decode_audio(found.content)) > 24_000
