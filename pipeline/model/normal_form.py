"""Unicode normal forms (UAX #15) of text that strangers write, in time that grows with its length."""

import unicodedata
from typing import Literal

import regex

_PILE = regex.compile(r"(\p{M}{40,}+)")
"""So many marks on one letter are no writing; UAX #15 calls 30 enough for every language (section 13)."""


def normal_form(text: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """`text` in that form; piles of marks stay as they are, because sorting one takes the square of its length."""
    if text.isascii():
        return text
    pieces = _PILE.split(text)
    return "".join(piece if at % 2 else unicodedata.normalize(form, piece) for at, piece in enumerate(pieces))
