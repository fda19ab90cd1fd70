"""Chinese text -> the same with its figures written out in Chinese, as voices for Chinese want it.

Numbers, dates, money, times, telephone numbers and units are wetext's work. Figures that belong to a
Latin name (`iPhone 15`, `GPT-4`, `5G`) are left alone: they are read with it.
"""

import re
from functools import cache
from typing import Any

from pipeline.extras import needing
from pipeline.text.mapped import MappedText

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_UNITS = "kg|km|cm|mm|nm|mg|ml|mL|KB|kB|MB|GB|TB|Hz|kHz|MHz|GHz|kWh|kW|kV|min|m|g|l|L|s|h|W|V|t"
_NAME = r"[A-Za-z][A-Za-z'’]*(?:[ ./&+_-]?[A-Za-z0-9]+)*"
_BEFORE_NAME = rf"\d[\d.,]{{0,40}}+(?:[ -]?(?!(?:{_UNITS})(?![A-Za-z]))(?={_NAME})){_NAME}"
_LATIN_RUN = re.compile(rf"(?<![A-Za-z0-9])(?:{_BEFORE_NAME}|{_NAME})")
_CLAUSE = re.compile(r"[^，。！？；：、…\n“”「」『』（）《》]+")
_PIECE = re.compile(r".{1,400}[\d０-９.,]{0,40}", re.DOTALL)
"""What wetext is given at once: it takes the square of the length."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPEED = re.compile(r"(?<=\d) ?km/h\b")
_HAS_FIGURE = re.compile(r"[\d０-９]")


@cache
def _normalizer() -> Any:
    with needing("zh"):
        from wetext import Normalizer  # 0.3 s and 40 MB, which only Chinese needs

    return Normalizer(lang="zh", operator="tn")


def is_chinese(text: str) -> bool:
    """True where more of `text` is Chinese characters than Latin words."""
    return len(_HAN.findall(text)) > len(_LATIN_WORD.findall(text))


def write_figures(text: MappedText) -> MappedText:
    """Figures in Chinese characters; the map to the written text is kept, a clause at a time. Raises: MissingExtra."""
    if not _HAS_FIGURE.search(text.text):
        return text
    return text.substitute(_CLAUSE, lambda match: _write_clause(match[0]) if _HAS_FIGURE.search(match[0]) else None)


def _write_clause(clause: str) -> str:
    """Everything between the Latin names of a clause."""
    clause = _SPEED.sub("千米每小时", clause)  # wetext does not know this unit
    pieces, done = [], 0
    for name in _LATIN_RUN.finditer(clause):
        pieces += [_write(clause[done : name.start()]), name[0]]
        done = name.end()
    return "".join([*pieces, _write(clause[done:])])


def _write(text: str) -> str:
    return "".join(_write_piece(piece) for piece in _PIECE.findall(text))


def _write_piece(text: str) -> str:
    if not _HAS_FIGURE.search(text):
        return text
    core = text.strip()
    try:
        written = str(_normalizer().normalize(_THOUSANDS.sub("", core)))
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError):
        return text
    return text.replace(core, written) if written.strip() else text
