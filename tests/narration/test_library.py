"""The public Python API."""

import doctest
from pathlib import Path

import pytest

import pipeline
from pipeline.errors import DocumentError
from pipeline.narration import library
from tests.conftest import ROOT


def test_the_example_of_the_documentation_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(library)
    assert (found.failed, found.attempted) == (0, 3)


def test_a_document_is_narrated_in_one_call(short_epub: Path, tmp_path: Path) -> None:
    told: list[object] = []
    summary = pipeline.narrate(short_epub, data=tmp_path / "data", report=told.append, backend="tone")
    assert isinstance(summary, pipeline.Summary)
    assert all(Path(path).is_file() for path in summary.outputs)
    assert told
    plan = pipeline.estimate(short_epub, data=tmp_path / "data", backend="tone")
    assert (plan.book, plan.requests) == (summary.book, 0)


def test_a_library_is_open_for_several_calls(short_epub: Path, tmp_path: Path) -> None:
    with pipeline.open_library(tmp_path / "data") as opened:
        first = opened.narrate(short_epub, backend="tone", chapters=(1,))
        assert [book.slug for book in opened.books()] == [first.book]
        again = opened.rerun(first.book, chapters=[1])
        assert again.synthesized == first.chunks
        with pytest.raises(DocumentError):
            opened.narrate(tmp_path / "missing.epub")
