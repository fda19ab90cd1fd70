"""Answers that are paid for are found again, whole or not at all."""

from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store.files.paid_answers import Answers
from tests.fakes import unreadable


def test_an_answer_is_found_until_it_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    answers = Answers(tmp_path / "answers")
    assert answers.find("key") is None
    answers.keep("key", b"sound")
    answers.keep("key", b"newer")
    assert Answers(tmp_path / "answers").find("key") == b"newer"
    assert [path.name for path in answers.paths()] == ["key"]
    answers.forget("key")
    answers.forget("key")
    assert answers.find("key") is None


def test_an_answer_that_cannot_be_read_just_now_is_not_taken_for_missing(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    answers.keep("key", b"sound")
    with unreadable(tmp_path / "key"), pytest.raises(StoreError, match="cannot be read"):
        answers.find("key")
    assert answers.find("key") == b"sound"


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be kept"):
        Answers(tmp_path / "answers").keep("key", b"sound")


def test_a_folder_that_went_away_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no longer there"):
        Answers(tmp_path / "answers").keep("key", b"sound")
    assert not list(tmp_path.iterdir())
