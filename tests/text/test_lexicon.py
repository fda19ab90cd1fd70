"""Pronunciations replace whole words, longest first."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.text.lexicon import Lexicon, Pronunciation, read_lexicon
from pipeline.text.mapped import MappedText

LEXICON = Lexicon(
    (
        Pronunciation("Combe", "Coom", "kˈum"),
        Pronunciation("Combe Regis", "Coom Reejis"),
        Pronunciation("US", "U S", match_case=True),
    )
)


def said(text: str, ipa: str = "") -> str:
    return LEXICON.apply(MappedText.of(text), ipa_markup=ipa).text


def test_the_longest_entry_wins_and_parts_of_words_stay() -> None:
    assert said("From Combe Regis to Combe, not Combes.") == "From Coom Reejis to Coom, not Combes."


def test_capitals_matter_only_where_asked() -> None:
    assert said("combe; tell us of the US") == "Coom; tell us of the U S"


def test_ipa_is_used_by_voices_that_take_it() -> None:
    assert said("Combe", "[{word}](/{ipa}/)") == "[Combe](/kˈum/)"
    assert said("Combe Regis", "[{word}](/{ipa}/)") == "Coom Reejis"


def test_a_file_is_read_and_its_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "l.toml"
    path.write_text('[words]\n"viz." = "namely"\nX = { ipa = "ɛks" }\n')
    assert [w.written for w in read_lexicon(path).words] == ["viz.", "X"]
    path.write_text("[words]\nbad = 3\n")
    with pytest.raises(SettingsError, match="bad"):
        read_lexicon(path)
    path.write_text("[words\n")
    with pytest.raises(SettingsError, match="TOML"):
        read_lexicon(path)
