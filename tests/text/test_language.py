"""Passages that a voice cannot read are found before any work."""

from pipeline.model.text import Block, BlockKind
from pipeline.text.language import detect_language, find_foreign

FRENCH = (
    "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient si vite."
)
ENGLISH = "It was a bright cold day in April, and the clocks were striking thirteen when he came home again that night."
CHINESE = "今天天气很好，我们一起去公园散步吧。"


def test_languages_are_told_apart() -> None:
    assert detect_language(FRENCH) == "fr"
    assert detect_language(ENGLISH) == "en"
    assert detect_language("Oui.") == ""


def test_foreign_passages_are_named_with_their_place() -> None:
    blocks = [Block(BlockKind.PARAGRAPH, text) for text in (ENGLISH, FRENCH, CHINESE)]
    found = list(find_foreign([("One", blocks)], languages=("en",), scripts=("LATIN",)))
    assert [(p.chapter, p.block_index, p.language, p.pronounceable) for p in found] == [
        ("One", 1, "fr", True),
        ("One", 2, "cjk", False),
    ]


def test_a_voice_of_any_language_reads_everything() -> None:
    assert not list(find_foreign([("One", [Block(BlockKind.PARAGRAPH, CHINESE)])], languages=(), scripts=()))
