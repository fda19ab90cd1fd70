"""A text of any length -> pieces of bounded length, for rules that take the square of what they are given at once."""

import re
from collections.abc import Iterator
from functools import cache

from pipeline.model.text import Span


def cut_pieces(text: str, most_chars: int) -> Iterator[Span]:
    """Spans that tile `text`, none longer than `most_chars`, cut behind white space where there is any.

    >>> [span.of("one two three") for span in cut_pieces("one two three", 9)]
    ['one two ', 'three']
    """
    return (Span(*match.span()) for match in _pieces(most_chars).finditer(text))


@cache
def _pieces(most_chars: int) -> "re.Pattern[str]":
    # the space is looked for from the end of a piece backwards, and never further than its beginning
    return re.compile(rf".{{1,{most_chars}}}\Z|.{{1,{most_chars - 1}}}\s|.{{1,{most_chars}}}", re.DOTALL)
