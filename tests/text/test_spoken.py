"""What voices misread is said otherwise; everything else is left alone."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.model.text import BlockKind, Span
from pipeline.text.mapped import MappedText
from pipeline.text.normalize import normalize_text
from pipeline.text.spoken import roman_value, speak, spell_foreign_letters

HEADINGS = [
    ("XVIII", "18"),
    ("I", "1"),
    ("II: Mr. and Mrs.", "2: Mr. and Mrs."),
    ("CHAPTER IV. THE ARRIVAL", "Chapter 4. The Arrival"),
    ("Chapter II. THE LEDGER OF MISTER FERRIS", "Chapter 2. The ledger of mister ferris"),
    ("Part I", "Part 1"),
    ("THE MIX", "The Mix"),
    ("Down the Rabbit-Hole", "Down the Rabbit-Hole"),
]
SENTENCES = [
    ("See chapter XII.", "See chapter 12."),
    ("the letter I wrote", "the letter I wrote"),
    ("Part I of the plan", "Part I of the plan"),
    ("In Book I, he says", "In Book 1, he says"),
    ("Henry VIII and Louis XIV's court", "Henry the 8th and Louis the 14th's court"),
    ("Charles I went", "Charles I went"),
    ("Charles I, king", "Charles the 1st, king"),
    ("see pp. 12–15 and p. 7", "see pages 12 to 15 and page 7"),
    ("under § 4.2", "under section 4 point 2"),
    ("at https://www.example.org/a/b?c now", "at example dot org now"),
    ("write to me@example.org.", "write to me at example dot org."),
    ("The UNITED NATIONS met.", "The United nations met."),
    ("NASA and the BBC", "NASA and the BBC"),
    ("Dear Bill\u2060—", "Dear Bill—"),
    ("soft\u00adly", "softly"),
    ("To ⸻", "To blank"),
    ("one\ntwo,\nthree", "one, two, three"),
    ("a [b](c)", "a [b] (c)"),
]


@pytest.mark.parametrize(("written", "said"), HEADINGS)
def test_headings(written: str, said: str) -> None:
    assert speak(written, BlockKind.HEADING).text == said


@pytest.mark.parametrize(("written", "said"), SENTENCES)
def test_sentences(written: str, said: str) -> None:
    assert speak(written, BlockKind.PARAGRAPH).text == said


def test_other_languages_are_left_in_their_own_words() -> None:
    assert speak("Chapter IV, voir p. 7", BlockKind.PARAGRAPH, "fr").text == "Chapter IV, voir p. 7"


def test_foreign_letters_are_said_in_latin_ones() -> None:
    text = spell_foreign_letters(MappedText.of("The letter αβ and Москва."), ("LATIN",)).text
    assert text.isascii()
    assert "Moskva" in text


@pytest.mark.parametrize(
    ("numeral", "value"), [("I", 1), ("IV", 4), ("IX", 9), ("XIV", 14), ("XLII", 42), ("XC", 90), ("CXCIX", 199)]
)
def test_roman_numerals(numeral: str, value: int) -> None:
    assert roman_value(numeral) == value


def test_figures_and_abbreviations_become_words() -> None:
    said = normalize_text(MappedText.of("Dr. Smith paid $3.50 on 3/4/2025.")).text
    assert said == "Doctor Smith paid three dollars and fifty cents on March fourth twenty twenty five."


def test_only_english_is_normalised() -> None:
    text = MappedText.of("Il y a 3 ans")
    assert normalize_text(text, "fr") is text


def test_the_map_leads_back_to_what_was_written() -> None:
    text = normalize_text(speak("See pp. 12–15, he paid $3.50 there.", BlockKind.PARAGRAPH))
    at = text.text.index("three dollars")
    assert text.written_span(Span(at, at + len("three dollars and fifty cents"))).of(text.written) == "$3.50"
    at = text.text.index("there")
    assert text.written_span(Span(at, at + 5)).of(text.written) == "there"


@given(
    st.text(alphabet="abcdefgh", min_size=1, max_size=12),
    st.lists(
        st.lists(st.tuples(st.integers(0, 14), st.integers(1, 4), st.text("xyz", max_size=5)), max_size=3), max_size=4
    ),
)
def test_any_series_of_replacements_keeps_the_map_in_step(
    written: str, rounds: list[list[tuple[int, int, str]]]
) -> None:
    text, plain = MappedText.of(written), written
    for changes in rounds:
        spans, end = [], 0
        for start, length, new in sorted(changes):
            if start >= end and start + length <= len(plain):
                spans.append((Span(start, start + length), new))
                end = start + length
        text = text.replace(spans)
        for span, new in reversed(spans):
            plain = plain[: span.start] + new + plain[span.end :]
        assert text.text == plain
    spoken_at = written_at = 0
    for edit in text.edits:  # between the edits, both texts are the same
        assert text.text[spoken_at : edit.output.start] == written[written_at : edit.source.start]
        spoken_at, written_at = edit.output.end, edit.source.end
    assert text.text[spoken_at:] == written[written_at:]


@example("@§0D", BlockKind.HEADING)
@given(
    st.text(alphabet=st.sampled_from("abc $3.50 IV pp. 12-15 Dr. §\u2060\n@."), max_size=80),
    st.sampled_from(list(BlockKind)),
)
def test_any_text_is_said_and_mapped_without_error(written: str, kind: BlockKind) -> None:
    text = normalize_text(spell_foreign_letters(speak(written, kind), ("LATIN",)))
    assert any(map(str.isalnum, text.text)) == any(map(str.isalnum, written))
    before = 0
    for edit in text.edits:
        assert edit.output.start >= before
        before = edit.output.end
        assert 0 <= edit.source.start <= edit.source.end <= len(written)
    assert before <= len(text.text)
    whole = text.written_span(Span(0, len(text.text)))
    assert 0 <= whole.start <= whole.end <= len(written)
