"""Text is compared in its normal form, however many marks strangers pile up."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.normal_form import normal_form
from tests.growth import MOST_GROWTH, feeding, growth


@given(st.text(st.sampled_from("aé一e\u0301\u0327ﬁ가\u1100\u1161 \u0e49"), max_size=30))
def test_what_people_write_gets_the_form_that_unicode_says(text: str) -> None:
    assert normal_form(text) == unicodedata.normalize("NFC", text)
    assert normal_form(text, "NFKC") == unicodedata.normalize("NFKC", text)


def test_a_pile_of_marks_is_left_alone_and_takes_no_time() -> None:
    pile = "a" + "\u0315\u0327" * 30
    assert normal_form(pile + " e\u0301") == pile + " é"
    assert growth(feeding(normal_form), "\u0315\u0327") < MOST_GROWTH
