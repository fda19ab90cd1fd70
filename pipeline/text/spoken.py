"""Written sentence -> what is said: capitals, Roman numerals, addresses and signs that voices misread.

These are the rules for which no library exists; numbers and abbreviations are `normalize`'s.
"""

import re
import unicodedata

from anyascii import anyascii

from pipeline.model.text import BlockKind
from pipeline.text.mapped import MappedText

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffc\ufffd\x00-\x08\x0b-\x1f\x7f]")
_LINE_END = re.compile(
    r"(?:(?<=[^\s.,;:!?—–\-\"”’)\]])|(?<=[\s.,;:!?—–-][\"”’)\]])|(?<=\A[\"”’)\]]))([\"”’)\]]*+)\s*\n\s*"
)
"""A row of closing marks is followed from its first one alone, not from each."""
_BLANK = re.compile("[⸺⸻]|_{3,}")
_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"[^\W\d_]+")
_MARKUP_TRAP = re.compile(r"\](?=\()")
_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"”’)\]]*[\w/]", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])([.+-]*+\w[\w.+-]*+)@([\w-]+(?:\.[\w-]+)+)\b")
_PAGES = re.compile(r"\b(pp|p)\.\s?(?=\d|[ivxl]+\b)", re.IGNORECASE)
_PAGE_RANGE = re.compile(r"(?<=\bpages )(\d+)\s?[-–]\s?(\d+)")
_SECTION = re.compile(r"(§§?)\s?(?=[\dA-Z])")
_SECTION_NUMBER = re.compile(r"(?<=\bsection )(\d+)\.(\d+)\b", re.IGNORECASE)
_SHOUT = re.compile(r"\b[A-Z]{2,}(?:['’][A-Z]+)?(?:[ ,-]+(?:[A-Z]{2,}(?:['’][A-Z]+)?|[AI]))+\b")

_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_PARTS = "chapter|book|part|volume|vol|act|scene|canto|section|appendix|stave|letter|lesson|psalm|figure|table"
_KINGS = (
    "Henry|Edward|George|William|James|Charles|Richard|John|Louis|Philip|Charles|Francis|Frederick|Napoleon|"
    "Elizabeth|Mary|Catherine|Peter|Alexander|Nicholas|Ivan|Pius|Benedict|Gregory|Leo|Innocent|Urban|Clement|"
    "Paul|Boniface|Ramesses|Ptolemy|Xerxes|Darius|Gustav|Christian|Haakon|Alfonso|Ferdinand|Leopold|Wilhelm|Otto"
)
_NUMBERED_PART = re.compile(
    rf"\b({_PARTS})(\.?\s+)({_ROMAN})\b(?=([.,:;!?)\]—–-]|\s*$|\s+(?-i:[A-Z“\"]))?)", re.IGNORECASE
)
_MONARCH = re.compile(rf"\b({_KINGS})(\s+)({_ROMAN})\b(?=(\s+of\b|[.,:;!?)\]]|['’]s\b|\s*$)?)")
_HEADING_NUMBER = re.compile(rf"^(\s*)({_ROMAN})(?=\s*$|[.:—–-]\s*|\s+[—–-])")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def speak(written: str, kind: BlockKind, language: str = "en") -> MappedText:
    """What is said for `written`, a sentence of a block of that kind, before numbers and the lexicon.

    Rules of wording are English; in other languages only invisible characters and line ends are seen to.
    """
    text = MappedText.of(written)
    if language == "en":
        text = _speak_english(text, kind)
    text = text.substitute(_MARKUP_TRAP, lambda m: "] ").substitute(_LINE_END, lambda m: f"{m[1]}, ")
    return text.substitute(_SPACES, lambda m: " ").substitute(_INVISIBLE, lambda m: "")


def _speak_english(text: MappedText, kind: BlockKind) -> MappedText:
    if kind is BlockKind.HEADING:
        text = text.substitute(_HEADING_NUMBER, lambda m: f"{m[1]}{roman_value(m[2])}")
    text = text.substitute(_NUMBERED_PART, lambda m: _part(m, kind))
    text = text.substitute(_MONARCH, _monarch)
    text = _lower_capitals(text, kind)
    text = text.substitute(_URL, lambda m: _say_address(m[0])).substitute(_EMAIL, lambda m: f"{m[1]} at {_dots(m[2])}")
    text = text.substitute(_PAGES, lambda m: "pages " if len(m[1]) == 2 else "page ")
    text = text.substitute(_PAGE_RANGE, lambda m: f"{m[1]} to {m[2]}")
    text = text.substitute(_SECTION, lambda m: "sections " if len(m[1]) == 2 else "section ")
    text = text.substitute(_SECTION_NUMBER, lambda m: f"{m[1]} point {m[2]}")
    return text.substitute(_BLANK, lambda m: "blank")


def spell_foreign_letters(text: MappedText, scripts: tuple[str, ...]) -> MappedText:
    """Letters of scripts that the voice does not pronounce, in Latin letters; it would drop them unheard."""
    if not scripts or text.text.isascii():
        return text
    return text.substitute(_WORD, lambda m: _romanize(m[0], scripts))


def _romanize(word: str, scripts: tuple[str, ...]) -> str | None:
    if all(c.isascii() or script_of(c) in scripts for c in word):
        return None
    return " ".join(anyascii(word).split()) or None


def script_of(character: str) -> str:
    """The script in a letter's Unicode name (`LATIN`, `CJK`, `GREEK`), or empty."""
    return unicodedata.name(character, "").split(" ")[0] if character.isalpha() else ""


def is_speakable(text: str) -> bool:
    """True where at least one letter or figure is said."""
    return any(c.isalnum() for c in text)


def roman_value(numeral: str) -> int:
    """The number of a Roman numeral under 400.

    >>> roman_value("XIV")
    14
    """
    values = [_VALUES[letter] for letter in numeral.upper()]
    return sum(-v if any(v < w for w in values[i + 1 : i + 2]) else v for i, v in enumerate(values))


def _part(match: re.Match[str], kind: BlockKind) -> str | None:
    """`Chapter I` is a numeral in a heading and before a stop; `the letter I wrote` is not."""
    name, space, numeral, after = match.groups()
    if not numeral or (numeral != numeral.upper() and kind is not BlockKind.HEADING):
        return None
    if numeral.upper() in {"I", "C", "L"} and kind is not BlockKind.HEADING and after is None:
        return None
    return f"{name}{space}{roman_value(numeral)}"


def _monarch(match: re.Match[str]) -> str | None:
    name, space, numeral, after = match.groups()
    if not numeral or (numeral in {"I", "C", "L"} and after is None):
        return None
    number = roman_value(numeral)
    suffix = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{name}{space}the {number}{suffix}"


def _lower_capitals(text: MappedText, kind: BlockKind) -> MappedText:
    letters = [c for c in text.text if c.isalpha()]
    if kind is BlockKind.HEADING and len(letters) > 3 and not any(c.islower() for c in letters):
        return text.substitute(re.compile(r"[^\W\d_][\w'’]*"), lambda m: m[0].capitalize())
    return text.substitute(
        _SHOUT, lambda m: m[0].capitalize() if max(map(len, re.split(r"[ ,-]+", m[0]))) > 4 else None
    )


def _say_address(url: str) -> str:
    host = re.sub(r"^(?:https?://)?(?:www\.)?", "", url, flags=re.IGNORECASE).split("/")[0].split("?")[0]
    return _dots(host.split(":")[0]) or url


def _dots(host: str) -> str:
    return host.replace(".", " dot ")
