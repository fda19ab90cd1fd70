"""What pages are told of a run: its own figures, from the first one on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.settings import NarrationSettings
from pipeline.web.views.run_meter import Figures, Pace
from tests.conftest import make_settings
from tests.web.conftest import Studio

BOOK = "a-short-book-an-author"


@pytest.fixture
def studio(make_studio: Callable[..., Studio], fake_voice: Path) -> Studio:
    return make_studio(make_settings(narration=NarrationSettings(backend="fake")))


def watched(studio: Studio, form: dict[str, str]) -> list[dict[str, object]]:
    """Everything that was told of a narration of the book, to its end."""
    told: list[dict[str, object]] = []
    with studio.client.stream("GET", "/api/events") as events:
        lines = (json.loads(line.removeprefix("data: ")) for line in events.iter_lines() if line.startswith("data: "))
        before = {run["run"] for run in next(lines)}
        studio.client.post(f"/books/{BOOK}/narrate", data=form)
        for runs in lines:
            told += [run for run in runs if run["run"] not in before]
            if told and told[-1]["state"] == "ended":
                return told
    raise AssertionError("it did not end")


def test_a_book_that_is_narrated_anew_counts_up_from_nothing_to_the_whole(
    studio: Studio, short_epub: Path, fake_voice: Path
) -> None:
    studio.client.post("/new", files={"files": (short_epub.name, short_epub.read_bytes())})
    studio.client.post(f"/books/{BOOK}/narrate", data={"backend": "fake"})
    studio.desk.wait()
    (fake_voice / "delay").write_text("0.3")
    told = watched(studio, {"backend": "fake", "speed": "1.2"})  # every clip is another one
    figures = [(run["done"], run["total"]) for run in told if run["total"]]
    assert len(figures) >= 3, "it was looked at while it ran"
    assert {total for _, total in figures} == {12}
    assert figures == sorted(figures)
    assert figures[0][0] < 12
    assert figures[-1] == (12, 12)


def test_a_run_over_some_chapters_counts_those_alone(studio: Studio, short_epub: Path, fake_voice: Path) -> None:
    studio.client.post("/new", files={"files": (short_epub.name, short_epub.read_bytes())})
    studio.client.post(f"/books/{BOOK}/narrate", data={"backend": "fake"})
    studio.desk.wait()
    (fake_voice / "delay").write_text("0.3")  # longer than the second between two looks
    told = watched(studio, {"backend": "fake", "chapters": "2", "speed": "1.2"})
    assert (told[-1]["done"], told[-1]["total"], told[-1]["ended_as"]) == (4, 4, "finished")


def left(moments: list[tuple[float, int]], total: int = 308) -> list[int | None]:
    pace = Pace()
    return [pace.seconds_left(Figures(done=done, total=total), at) for at, done in moments]


def test_no_time_is_told_before_the_pace_is_known() -> None:
    assert left([(0, 0), (1, 0), (2, 0), (3, 1), (4, 5)]) == [None] * 5


def test_loading_the_voice_is_no_part_of_the_pace() -> None:
    loading = [(float(second), 0) for second in range(9)]
    told = left([*loading, (9.0, 2), (10.0, 7), (11.0, 12), (12.0, 17)])
    assert told[-1] == round((308 - 17) / 5)


def test_what_was_there_before_is_no_part_of_the_pace() -> None:
    assert left([(0, 200), (1, 201), (2, 202), (3, 203)])[-1] == 105


def test_chunks_that_are_spoken_again_begin_a_new_pace() -> None:
    told = left([(0, 300), (1, 304), (2, 308), (3, 0), (4, 0), (5, 1), (6, 2), (7, 3)])
    assert told[3:5] == [None, None]
    assert told[-1] == 305


def test_the_pace_is_that_of_the_last_minute() -> None:
    slow = [(float(at), at // 10) for at in range(0, 300, 10)]
    fast = [(300.0 + at, 30 + 2 * at) for at in range(90)]
    assert left([*slow, *fast])[-1] == round((308 - 208) / 2)
