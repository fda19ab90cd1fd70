"""No rule of speaking takes longer than in proportion to its text, whatever strangers have written."""

import re

import pytest

import pipeline.text
from pipeline.model.text import Block, BlockKind, Span
from pipeline.text.chinese import is_chinese, write_figures
from pipeline.text.chunks import Packing, cut, plan_chunks
from pipeline.text.language import (
    block_language,
    detect_language,
    find_foreign,
    sentence_language,
    unreadable_script,
)
from pipeline.text.lexicon import Lexicon, Pronunciation
from pipeline.text.mapped import MappedText
from pipeline.text.normalize import normalize_text
from pipeline.text.pieces import cut_pieces
from pipeline.text.sentences import split_sentences
from pipeline.text.spoken import is_speakable, roman_value, speak, spell_foreign_letters
from pipeline.text.tokens import count_tokens
from tests.growth import (
    EVERYTHING,
    FIRST_CHARS,
    MOST_GROWTH,
    PROSE,
    Prepare,
    feeding,
    growth,
    public_functions,
    telling,
)

LEXICON = Lexicon((Pronunciation("a b", "c"), Pronunciation("Henry", "Enry")))
PACKING = Packing(max_chars=400, max_tokens=480)


def block(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text)


def spoken(text: str, block: Block) -> str:
    return LEXICON.apply(spell_foreign_letters(speak(text, block.kind), ("LATIN",))).text


def rewritten(text: str) -> MappedText:
    """A text in which every word and mark is an edit already."""
    return MappedText.of(text).substitute(re.compile(r"\w+|[^\w\s]"), lambda match: match[0] * 2)


def merged(text: str) -> MappedText:
    """A text that is one single edit."""
    return MappedText.of(text).replace([(Span(0, len(text)), text + "a")])


def looked_up(text: MappedText) -> None:
    for at in range(0, len(text.text), 8):
        text.written_span(Span(at, at + 4))


def letters(match: "re.Match[str]") -> str:
    return match[0].upper() + "x"


DRIVERS: dict[str, Prepare] = {
    "chinese.is_chinese": feeding(is_chinese),
    "chinese.write_figures": feeding(write_figures, MappedText.of),
    "chunks.cut": feeding(lambda text: cut(text, lambda piece: PACKING.fits([speak(piece, BlockKind.PARAGRAPH).text]))),
    "chunks.plan_chunks": feeding(lambda text: list(plan_chunks([block(text)], spoken, PACKING))),
    "chunks.Packing.fits": feeding(lambda text: Packing(10**9, max_tokens=10**9).fits(text.split(" "))),
    "language.block_language": feeding(block_language, block),
    "language.detect_language": feeding(detect_language),
    "language.find_foreign": feeding(
        lambda text: list(find_foreign([("", [block(text)])], languages=("en",), scripts=("LATIN",)))
    ),
    "language.sentence_language": feeding(lambda text: sentence_language(text, "en")),
    "language.unreadable_script": feeding(lambda text: unreadable_script(text, ("LATIN",))),
    "lexicon.Lexicon.apply": feeding(LEXICON.apply, MappedText.of),
    "lexicon.Lexicon.touches": feeding(LEXICON.touches),
    "mapped.MappedText.of": feeding(MappedText.of),
    "mapped.MappedText.replace": feeding(
        lambda text: text.replace((Span(at, at + 1), "ab") for at in range(0, len(text.text) - 1, 2)), rewritten
    ),
    "mapped.MappedText.substitute": feeding(lambda text: text.substitute(re.compile(r"\S"), letters), merged),
    "mapped.MappedText.written_span": feeding(looked_up, rewritten),
    "normalize.normalize_text": feeding(normalize_text, MappedText.of),
    "pieces.cut_pieces": feeding(lambda text: list(cut_pieces(text, 400))),
    "sentences.split_sentences": feeding(split_sentences),
    "spoken.is_speakable": feeding(is_speakable),
    "spoken.roman_value": feeding(lambda text: roman_value("".join(c for c in text.upper() if c in "IVXLC"))),
    "spoken.speak": feeding(lambda text: speak(text, BlockKind.HEADING)),
    "spoken.spell_foreign_letters": feeding(lambda text: spell_foreign_letters(text, ("LATIN",)), MappedText.of),
    "tokens.count_tokens": feeding(count_tokens),
}
FIRST_CHARS_OF_SLOW = {
    "chinese.write_figures": 500,
    "chunks.cut": 2_000,
    "chunks.plan_chunks": 2_000,
    "mapped.MappedText.replace": 1_000,
    "mapped.MappedText.substitute": 2_000,
    "mapped.MappedText.written_span": 1_000,
    "normalize.normalize_text": 500,
}
"""Enough of what takes a millisecond for a few characters."""
OWN_WORDS = {
    "lexicon.read_lexicon": "a file of the user's own",
    "mapped.len_change": "two spans",
    "mapped.touches": "two spans",
    "spoken.script_of": "a single character",
}


def test_every_public_function_of_text_is_driven() -> None:
    assert public_functions(pipeline.text) == DRIVERS.keys() | OWN_WORDS.keys()


@pytest.mark.long
@pytest.mark.parametrize("name", DRIVERS)
def test_work_grows_in_proportion_to_the_text(name: str) -> None:
    chars = FIRST_CHARS_OF_SLOW.get(name, FIRST_CHARS)
    grown = {kind: growth(DRIVERS[name], unit, chars) for kind, unit in telling(PROSE).items()}
    assert {kind: g for kind, g in grown.items() if g > MOST_GROWTH} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRIVERS)
def test_work_grows_in_proportion_to_every_text(name: str) -> None:
    chars = FIRST_CHARS_OF_SLOW.get(name, FIRST_CHARS)
    grown = {kind: growth(DRIVERS[name], unit, chars) for kind, unit in EVERYTHING.items()}
    assert {kind: g for kind, g in grown.items() if g > MOST_GROWTH} == {}
