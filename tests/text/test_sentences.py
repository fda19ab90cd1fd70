"""Sentences tile their text, whatever the text is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.sentences import LONG_SEGMENT_CHARS, MAX_RULES_CHARS, split_sentences

HOSTILE = st.text(alphabet=st.sampled_from("ab A.?!…“”\"'()∯ȸ☏♬&ᓴ\u00a0\n。！？」—1 ,;"), max_size=120)


def parts(text: str, language: str = "en") -> list[str]:
    return [span.of(text).strip() for span in split_sentences(text, language)]


@given(st.one_of(HOSTILE, st.text(max_size=80)), st.sampled_from(["en", "zh"]))
def test_spans_tile_any_text(text: str, language: str) -> None:
    spans = split_sentences(text, language)
    assert "".join(span.of(text) for span in spans) == text
    assert all(span.start < span.end for span in spans)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello World. My name is Jonas.", ["Hello World.", "My name is Jonas."]),
        ("Mr. Smith left. He ran.", ["Mr. Smith left.", "He ran."]),
        ("She has $100.00 in her bag. It is in her bag.", ["She has $100.00 in her bag.", "It is in her bag."]),
        ("It cost $2.50. Fine.", ["It cost $2.50.", "Fine."]),
        ("“Yes?” she said.", ["“Yes?” she said."]),
        ("What?! Never!", ["What?!", "Never!"]),
    ],
)
def test_english_sentences(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_a_long_quoted_speech_is_split() -> None:
    speech = "“" + "I have said it before and I say it again. " * 20 + "So there.”"
    assert max(map(len, parts(speech))) <= LONG_SEGMENT_CHARS


def test_chinese_closing_marks_stay_with_their_sentence() -> None:
    assert parts("他说：“你好。”然后走了！真的吗？！是。", "zh") == [
        "他说：“你好。”",
        "然后走了！",
        "真的吗？！",
        "是。",
    ]


def test_a_block_over_the_rule_limit_is_still_split() -> None:
    text = "This is one sentence. " * (MAX_RULES_CHARS // 10)
    assert len(split_sentences(text)) > 100


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"Number {n} came. It went away. Dr. {n} saw it." for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(parts, texts)) == [parts(text) for text in texts]
