"""`bookcast feeds` and `bookcast podcast` as a person types them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feed_makers import Post, rss, story
from tests.ingest.test_feed import BOMB, XXE
from tests.program import Result, bookcast
from tests.web_site import Answer, Site


class Here:
    """One data directory."""

    def __init__(self, folder: Path, *, private: bool = True) -> None:
        self.folder = folder
        self.config = folder / "settings.toml"
        self.config.write_text(f"[studio]\nprivate_addresses = {str(private).lower()}\n")

    def __call__(self, *arguments: str) -> Result:
        return bookcast("--config", str(self.config), "--data", str(self.folder / "data"), *arguments)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def put(web: Site, path: str = "/feed", title: str = "The Paper") -> str:
    return web.put(path, rss(title, [Post("a", "A", story("boat"))], web.url), "application/rss+xml")


def test_feeds_are_added_listed_changed_and_removed(here: Here, web: Site) -> None:
    url = put(web)
    added = json.loads(here("feeds", "add", url, "--speed", "1.2", "--exclude", "quiz", "--json").stdout)
    assert added == {"feed": url, "title": "The Paper", "articles": 1, "options": {"speed": 1.2, "exclude": "quiz"}}
    changed = json.loads(here("feeds", "add", url, "--cron", "30 5 * * 1-5", "--json").stdout)
    assert changed["options"] == {"speed": 1.2, "exclude": "quiz", "cron": "30 5 * * 1-5"}
    (listed,) = json.loads(here("feeds", "list", "--json").stdout)["feeds"]
    assert (listed["title"], listed["podcast"], listed["narrated"]) == ("The Paper", "feeds/the-paper", 0)
    assert "The Paper" in here("feeds", "list").stdout
    assert here("feeds", "remove", url).returncode == 0
    assert here("feeds", "remove", url).returncode == 7
    assert json.loads(here("feeds", "list", "--json").stdout) == {"feeds": []}


def test_a_list_of_another_reader_is_imported_and_ours_exported(here: Here, web: Site, tmp_path: Path) -> None:
    one, two = put(web, "/one", "One"), put(web, "/two", "Two")
    file = tmp_path / "feeds.opml"
    file.write_text(
        f'<opml version="2.0"><body><outline xmlUrl="{one}"/><outline xmlUrl="{two}"/><outline title="Gone" xmlUrl="{web.url}/gone"/></body></opml>'
    )
    done = here("feeds", "import", str(file), "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["added"] == [one, two]
    assert found["failed"][0]["feed"] == "Gone"
    again = json.loads(here("feeds", "import", str(file), "--json").stdout)
    assert again["added"] == []
    text = here("feeds", "export").stdout
    assert text.startswith("<?xml")
    assert one in text
    target = tmp_path / "out.opml"
    assert here("feeds", "export", str(target)).returncode == 0
    assert target.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("feeds", "add", "https://127.0.0.1:1/feed"), 3, "cannot be fetched"),
        (("feeds", "add", "{web}/gone"), 3, "404"),
        (("feeds", "add", "{web}/picture"), 3, "is not a feed"),
        (("feeds", "add", "{web}/feed", "--include", "["), 2, "no regular expression"),
        (("feeds", "add", "{web}/feed", "--cron", "soon"), 2, "no schedule"),
        (("feeds", "add", "file:///etc/passwd"), 3, "is not a web address"),
        (("feeds", "import", "nothing.opml"), 3, "cannot be read"),
        (("feeds", "import", "{here}"), 3, "not an OPML file"),
        (("feeds", "update", "https://nobody.example/feed"), 7, "There is no feed"),
        (("podcast", "books/nothing"), 7, "no podcast"),
    ],
)
def test_mistakes_get_one_sentence_and_their_exit_code(
    here: Here, web: Site, arguments: tuple[str, ...], code: int, words: str
) -> None:
    put(web)
    web.put("/picture", b"GIF89a", "image/gif")
    done = here(*(word.format(web=web.url, here=here.config) for word in arguments))
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert words in done.stderr


def forever() -> Iterator[bytes]:
    while True:
        yield b" " * 1_000_000


HOSTILE = {
    "a bomb of entities": Answer(BOMB, "application/rss+xml"),
    "a file of ours": Answer(XXE, "application/rss+xml"),
    "an endless body": Answer(kind="application/rss+xml", pieces=forever),
    "an endless road": Answer(status=302, headers={"Location": "/hostile"}),
    "a gigabyte announced": Answer(kind="application/rss+xml", headers={"Content-Length": str(2**30)}, pieces=lambda: iter([b"x"])),
    "what is not compressed": Answer(kind="text/xml", headers={"Content-Encoding": "br"}, pieces=lambda: iter([b"nonsense" * 99])),
    "control characters": Answer(b"<rss version='2.0'><channel><title>\x00\x01</title>", "application/rss+xml"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_feed_ends_in_one_clear_line(here: Here, web: Site, case: str) -> None:
    web.answers["/hostile"] = HOSTILE[case]
    done = here("feeds", "add", f"{web.url}/hostile")
    assert done.returncode == 3, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2, lines
    assert lines[0].startswith("Error: ")
    assert lines[1].startswith("Try: ")


def test_the_own_network_is_not_asked(tmp_path: Path, web: Site) -> None:
    done = Here(tmp_path, private=False)("feeds", "add", put(web))
    assert done.returncode == 3
    assert "address of this network" in done.stderr
    assert not web.log


def test_before_anything_is_narrated_the_podcast_says_so(here: Here) -> None:
    done = here("podcast")
    assert done.returncode == 0
    assert "No article is narrated yet" in done.stdout


@pytest.mark.parametrize("line", ['[feeds]\nschedule = "soon"', '[feeds]\ntime_zone = "Nowhere"', '[feeds]\nformats = ["m4b"]', '[articles]\ntables = "sing"', '[podcast]\nbase_url = "here"', "[articles.phrases.en]\nhello = 1"])  # fmt: skip
def test_a_wrong_setting_names_its_key(here: Here, line: str) -> None:
    here.config.write_text(line)
    done = here("feeds", "list")
    assert done.returncode == 2
    assert "settings.toml" in done.stderr


def test_an_update_without_news_starts_nothing(here: Here, web: Site) -> None:
    url = put(web)
    assert here("feeds", "add", url, "--begin-with", "0").returncode == 0
    for _ in range(2):
        done = here("feeds", "update", "--json")
        assert (done.returncode, json.loads(done.stdout)["narrated"]) == (0, 0), done.stderr
    assert web.log[-1].status == 304
    assert not (here.folder / "data" / "prefect" / "server.log").exists(), "no server was started"


def test_an_update_whose_feeds_cannot_be_read_says_so_and_starts_nothing(here: Here, web: Site) -> None:
    url = put(web)
    assert here("feeds", "add", url).returncode == 0
    web.put("/feed", "<html>No feed any more</html>")
    done = here("feeds", "update", "--json")
    assert done.returncode == 9
    assert [what for what, _ in json.loads(done.stdout)["failures"]] == [url]
    assert not (here.folder / "data" / "prefect" / "server.log").exists()
