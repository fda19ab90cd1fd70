"""Our errors: typed fields, and a way through the pickle of a worker process for each of them."""

import importlib
import inspect
import pickle
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Failure, NarrationError, NotFound, PartialFailure, SettingsError, StoreError
from pipeline.feeds.feeds_summary import FeedsSummary
from pipeline.narration.core.run_state import Summary
from pipeline.narration.speaking.batch_result import BatchResult
from tests.test_architecture import SOURCES, classes, name_of

MODULES_WITH_ERRORS = [
    importlib.import_module(name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    for path in SOURCES
    if "PartialFailure)" in (text := path.read_text("utf-8")) or path.name == "errors.py" or "(NarrationError)" in text
]
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    tuple[str, ...]: st.lists(st.text()).map(tuple),
    tuple[Failure, ...]: st.lists(st.builds(Failure, st.text(), st.text())).map(tuple),
    BatchResult: st.builds(BatchResult),
    Summary: st.builds(Summary, st.text(), st.text()),
    FeedsSummary: st.builds(FeedsSummary),
}


def tree(root: type[NarrationError] = NarrationError) -> Iterator[type[NarrationError]]:
    yield root
    for branch in root.__subclasses__():
        yield from tree(branch)


def fields_of(kind: type[NarrationError]) -> dict[str, Any]:
    """The keyword parameters of its constructor, with their types."""
    hints = get_type_hints(kind.__init__)
    parameters = list(inspect.signature(kind).parameters.values())
    assert [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY] == ["message"], (
        f"{kind}: only the message comes without its name"
    )
    return {p.name: hints[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    if hint in VALUES:
        return VALUES[hint]
    return st.one_of([st.none() if inner is type(None) else VALUES[inner] for inner in get_args(hint)])


@given(st.sampled_from(sorted(tree(), key=lambda kind: kind.__name__)), st.text(), st.data())
def test_every_error_survives_pickling_with_all_of_its_fields(
    kind: type[NarrationError], message: str, data: st.DataObject
) -> None:
    given_fields = {name: data.draw(values_of(hint), label=name) for name, hint in fields_of(kind).items()}
    error = kind(message, **given_fields)
    error.attempts = 7
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.attempts) == (message, 7)
    for name, value in given_fields.items():
        expected = value or kind.default_remedy if name == "remedy" else value
        assert getattr(error, name) == getattr(again, name) == expected


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_an_error_takes_no_field_that_it_does_not_declare(kind: type[NarrationError]) -> None:
    with pytest.raises(TypeError):
        kind("a message", colour="green")


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    import pipeline.errors

    drawn = pipeline.errors.__doc__ or ""
    for kind in tree():
        if kind.__module__ == "pipeline.errors":
            assert kind.__name__ in drawn, f"{kind.__name__} is not drawn"
    for path in SOURCES:
        for name, bases in classes(path):
            if {"NarrationError", "PartialFailure"} & bases and path.name != "errors.py":
                assert name in drawn, f"{name} of {name_of(path)} is not drawn"


def test_what_does_not_exist_is_a_class_of_its_own() -> None:
    error = NotFound('There is no book "tides"', remedy="bookcast status lists the books")
    assert isinstance(error, StoreError)
    assert (error.exit_code, error.remedy) == (7, "bookcast status lists the books")


def test_failures_say_what_and_why_by_name() -> None:
    error = PartialFailure("two failed", failures=(Failure("a", "too long"), Failure("b", "silent")))
    assert [(failure.what, failure.reason) for failure in error.failures] == [("a", "too long"), ("b", "silent")]


def test_fields_have_types_and_defaults() -> None:
    error = SettingsError("speed is wrong", key="speed")
    assert (error.file, error.key, error.remedy) == ("", "speed", "")
