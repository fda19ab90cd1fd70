"""English figures, dates, money and abbreviations -> words, for voices that do not read them well.

spokenform does the work (24,000 characters a second), so only a sentence that holds something to
normalise is given to it. Where it fails, the text stays as it is written.
"""

import re

from pipeline.model.text import Span
from pipeline.text.mapped import MappedText

_WORTH_IT = re.compile(r"\d|[$€£¥%&§@#+=°]|\b(?:[A-Z][a-z]{0,4}|[a-z]{1,4})\.(?=\s|$|,)|\b[a-z]\.[a-z]\.")


def normalize_text(text: MappedText, language: str = "en") -> MappedText:
    """`text` with numbers and abbreviations in words; unchanged in languages other than English.

    The map to the written text is kept.
    """
    if language.split("-")[0] != "en" or not _WORTH_IT.search(text.text):
        return text
    import spokenform  # takes 0.4 s, which most commands and voices never need

    try:
        prepared = spokenform.prepare(text.text, language="en")
        changes = [(Span(e.source_start, e.source_end), e.replacement) for e in prepared.source_replacements]
        result = text.replace(sorted(changes, key=lambda change: change[0].start))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError, re.error):
        return text
    return result if result.text.strip() else text
