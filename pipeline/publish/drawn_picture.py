"""Pictures for what has none: bars of sound on a color of its own, as Apple asks for (square, 1400 px)."""

import hashlib
import unicodedata
from xml.sax.saxutils import escape

from pipeline.model.book import BookMetadata, Cover
from pipeline.publish.cover_image import draw_svg

_SIDE = 1400
_FONTS = "Georgia, 'Times New Roman', 'Liberation Serif', 'DejaVu Serif', 'Noto Serif', 'Noto Serif CJK SC', serif"
"""Where a machine has none of these, the words are missing and the bars stay."""
_TITLE_COLUMNS, _TITLE_LINES, _AUTHOR_COLUMNS = 18, 4, 36


def draw_picture(name: str) -> Cover:
    """The same PNG for the same name, always. Raises: UnusablePicture."""
    return draw_svg(_svg(name, middle=_SIDE // 2, least=160, step=3))


def draw_cover(facts: BookMetadata) -> Cover:
    """A PNG with the title and the authors of a book; the same for the same facts. Raises: UnusablePicture."""
    authors = ", ".join(facts.authors[:3])
    words = "".join(
        _line(text, y=250 + 150 * number, size=112)
        for number, text in enumerate(_lines(facts.title, _TITLE_COLUMNS)[:_TITLE_LINES])
    )
    words += "".join(_line(text, y=1310, size=56) for text in _lines(authors, _AUTHOR_COLUMNS)[:1])
    return draw_svg(_svg(f"{facts.title} {authors}", middle=1010, least=60, step=1, words=words))


def _svg(name: str, *, middle: int, least: int, step: int, words: str = "") -> str:
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    hue = digest[0] * 360 // 256
    bars = "".join(_bar(index, middle=middle, height=least + step * byte) for index, byte in enumerate(digest[1:10]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}">'
        f'<rect width="{_SIDE}" height="{_SIDE}" fill="hsl({hue},45%,28%)"/>'
        f'<g fill="hsl({(hue + 40) % 360},70%,88%)">{bars}{words}</g></svg>'
    )


def _bar(index: int, *, middle: int, height: int) -> str:
    return f'<rect x="{202 + index * 116}" y="{middle - height // 2}" width="68" height="{height}" rx="34"/>'


def _line(text: str, *, y: int, size: int) -> str:
    place = f'x="{_SIDE // 2}" y="{y}" font-size="{size}" font-family="{_FONTS}" text-anchor="middle"'
    return f"<text {place}>{escape(text)}</text>"


def _lines(text: str, columns: int) -> list[str]:
    """`text` in lines of at most so many columns; a word that is longer is cut."""
    lines, width = [""], 0
    for word in text[:1000].split():
        for piece in _pieces("".join(c for c in word if c.isprintable()), columns):
            own = _columns(piece)
            if width and width + 1 + own > columns:
                lines.append("")
                width = 0
            lines[-1] = f"{lines[-1]} {piece}".strip()
            width += own + (1 if width else 0)
    return [line for line in lines if line]


def _pieces(word: str, columns: int) -> list[str]:
    pieces = [""]
    for char in word:
        if _columns(pieces[-1] + char) > columns:
            pieces.append("")
        pieces[-1] += char
    return pieces


def _columns(text: str) -> int:
    """Chinese and its like take two each."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
