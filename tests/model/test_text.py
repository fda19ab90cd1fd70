"""Sentences become one text as their language is written."""

import pytest

from pipeline.model.text import join_sentences


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        (["One.", "Two."], "One. Two."),
        (["“Yes?” he asked.", "“No,” she said."], "“Yes?” he asked. “No,” she said."),
        (["“One.”", "“Two.”"], "“One.” “Two.”"),
        (["Wait…", "“What?”"], "Wait… “What?”"),
        (["She said—", "“No.”"], "She said— “No.”"),
        (["一。", "二。"], "一。二。"),
        (["“你来了？”", "她问。"], "“你来了？”她问。"),
        (["他走了……", "“等等！”"], "他走了……“等等！”"),
        (["他笑了。", "OK."], "他笑了。 OK."),
        (["…", "…"], "… …"),
        ([], ""),
    ],
)
def test_sentences_are_joined_by_a_space_but_not_in_chinese(sentences: list[str], text: str) -> None:
    assert join_sentences(sentences) == text
