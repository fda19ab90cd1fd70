"""English figures, dates, money and abbreviations -> words, for voices that do not read them well.

spokenform does the work (24,000 characters a second), so only a sentence that holds something to
normalise is given to it. Where it fails, the text stays as it is written.
"""

import re

from pipeline.model.text import Span
from pipeline.text.mapped import MappedText
from pipeline.text.pieces import cut_pieces

_AT_ONCE_CHARS = 400
"""A longer sentence is given in pieces: spokenform takes the square of the length, half a second for 100 prices."""
_WORTH_IT = re.compile(r"\d|[$€£¥%&§@#+=°]|\b(?:[A-Z][a-z]{0,4}|[a-z]{1,4})\.(?=\s|$|,)|\b[a-z]\.[a-z]\.")


def normalize_text(text: MappedText, language: str = "en") -> MappedText:
    """`text` with numbers and abbreviations in words; unchanged in languages other than English.

    The map to the written text is kept.
    """
    if language.split("-")[0] != "en" or not _WORTH_IT.search(text.text):
        return text
    changes = [change for span in cut_pieces(text.text, _AT_ONCE_CHARS) for change in _changes(text.text, span)]
    result = text.replace(changes)
    return result if result.text.strip() else text


def _changes(text: str, within: Span) -> list[tuple[Span, str]]:
    """What becomes of the figures and abbreviations of a piece; nothing where spokenform fails."""
    import spokenform  # takes 0.4 s, which most commands and voices never need

    if not _WORTH_IT.search(within.of(text)):
        return []
    try:
        found = spokenform.prepare(within.of(text), language="en").source_replacements
        changes = [(Span(within.start + e.source_start, within.start + e.source_end), e.replacement) for e in found]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError, re.error):
        return []
    return sorted(changes, key=lambda change: change[0].start)
