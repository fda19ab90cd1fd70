"""Chapters and a voice -> passages in languages that the voice does not read, found before any work is done."""

from collections.abc import Iterable, Iterator

from pipeline.errors import UnsupportedLanguage
from pipeline.model.text import Block
from pipeline.model.voice import VoiceChoice
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, resolve_voice
from pipeline.narration.reading.chapter_text import ChapterText
from pipeline.narration.reading.spoken_rules import kinds_skipped
from pipeline.text.language import ForeignPassage, find_foreign

_PLACES_NAMED = 5


def check_languages(context: Context, chapters: Iterable[ChapterText], order: Order) -> list[ForeignPassage]:
    """Passages in a language that the voice does not read but can pronounce.

    Raises:
        UnsupportedLanguage: passages that it cannot pronounce at all, unless gaps are allowed, or a book
            that is mostly in another language; the message names the places.
    """
    choice, able = resolve_voice(context.settings, order)
    spoken = 0

    def texts() -> Iterator[tuple[str, list[Block]]]:
        nonlocal spoken
        for chapter in chapters:
            blocks = kinds_skipped(chapter.read_blocks(), context.settings)
            spoken += sum(not block.skip_reason for block in blocks)
            yield chapter.title, blocks

    languages = () if order.language else able.languages
    foreign = list(find_foreign(texts(), languages=languages, scripts=able.scripts))
    mute = [passage for passage in foreign if not passage.pronounceable]
    if len(foreign) * 2 > spoken:
        raise _unsupported(foreign, choice)
    if mute and not order.allow_gaps:
        raise _unsupported(mute, choice)
    return [passage for passage in foreign if passage.pronounceable]


def _unsupported(passages: list[ForeignPassage], choice: VoiceChoice) -> UnsupportedLanguage:
    named = "; ".join(f'{p.chapter}: "{p.excerpt}" ({p.language})' for p in passages[:_PLACES_NAMED])
    more = f" and {len(passages) - _PLACES_NAMED} more" if len(passages) > _PLACES_NAMED else ""
    return UnsupportedLanguage(
        f'The voice "{choice.voice}" of {choice.backend} cannot read {len(passages)} passages: {named}{more}',
        backend=choice.backend,
        remedy="choose a backend that reads this language, or leave these passages out with --allow-gaps",
    )
