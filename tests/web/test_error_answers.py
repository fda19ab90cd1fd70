"""Errors over HTTP: the class and its fields decide, whatever the sentence says."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import NarrationError, NotFound, RateLimited, SettingsError, StoreError, SynthesisError
from pipeline.web.server.error_answers import as_api_error
from tests.test_errors import fields_of, tree, values_of
from tests.web.conftest import Studio


@pytest.fixture
def studio(make_studio: Callable[..., Studio]) -> Studio:
    return make_studio()


WORDINGS = st.sampled_from(["There is no ", "No ", "not found: ", "rate limit ", "404 ", ""])


@given(st.sampled_from(sorted(tree(), key=lambda kind: kind.__name__)), WORDINGS, st.text(max_size=40), st.data())
def test_the_status_depends_on_the_class_alone(
    kind: type[NarrationError], beginning: str, text: str, data: st.DataObject
) -> None:
    fields = {name: data.draw(values_of(hint)) for name, hint in fields_of(kind).items()}
    plain = as_api_error(kind("Something is wrong", **fields))
    told = as_api_error(kind(beginning + text, **fields))
    assert (told.status, told.code, told.param) == (plain.status, plain.code, plain.param)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("The book has no chapter 9"), 404, "not_found"),
        (StoreError("There is no space left on the disk"), 409, "conflict"),
        (SynthesisError("There is no sound"), 502, "synthesis_failed"),
        (RateLimited("Slow down", retry_after_s=3.0), 429, "rate_limit_exceeded"),
    ],
)
def test_what_is_not_there_is_404_and_nothing_else_is(error: NarrationError, status: int, code: str) -> None:
    told = as_api_error(error)
    assert (told.status, told.code) == (status, code)


def test_the_setting_that_is_wrong_is_named_as_the_parameter() -> None:
    assert as_api_error(SettingsError("too fast", key="speed")).param == "speed"
    assert as_api_error(StoreError("the disk is full")).param is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/books/nobody",
        "/api/books/nobody/chapters/1",
        "/api/feeds/nobody",
        "/media/books/nobody/cover",
        "/media/clips/" + "0" * 64,
        "/podcast/nobody/feeds/all/feed.xml",
    ],
)
def test_every_interface_says_404_for_what_is_not_there(studio: Studio, path: str) -> None:
    answer = studio.client.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_sentence_a_chapter_a_take_and_a_subscriber_that_are_not_there_are_404(studio: Studio) -> None:
    slug = studio.client.post("/api/texts", json={"title": "T", "text": "A lamp was lit."}).json()["book"]
    asks = [
        studio.client.put(f"/api/books/{slug}/chapters/1/sentences/{'0' * 16}", json={"spoken": "x"}),
        studio.client.get(f"/api/books/{slug}/chapters/7"),
        studio.client.post(f"/api/books/{slug}/chunks/none/take", data={"blob": "0" * 64}),
        studio.client.delete("/api/subscribers/nobody"),
    ]
    assert [answer.status_code for answer in asks] == [404] * len(asks)
