"""Foreign text and HTML -> plain text on one line, without tags and control characters."""

import html
import re
import unicodedata

_UNSEEN_BEGIN = re.compile(r"<(?:(script\b)|(style\b)|(!--))", re.IGNORECASE)
_UNSEEN_END = {
    1: re.compile(r"</script\s*>", re.IGNORECASE),
    2: re.compile(r"</style\s*>", re.IGNORECASE),
    3: re.compile("-->"),
}
_MARKUP = re.compile(
    r"</?(?:a|abbr|b|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|li|mark|p|q|s|small|span|strike|strong|sub|sup|u|"
    r"script|style|svg|iframe)(?:[\s/][^>]*)?>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]*>")
_ENDLESS_NUMBER = re.compile(r"&#[0-9]{100,};?")
"""html.unescape refuses numbers of thousands of digits."""


def plain_text(content: str) -> str:
    """The text of a piece of HTML.

    >>> plain_text("<b>A &amp; B</b>\\n<script>alert(1)</script>")
    'A & B'
    """
    return plain_line(unescape(_without(_TAG, " ", _without_unseen(content))))


def plain_title(text: str) -> str:
    """A title that may hold HTML or may not: only what marks up text is taken for tags.

    >>> plain_title("On <canvas> &amp; <b>colour</b>")
    'On <canvas> & colour'
    """
    return plain_line(unescape(_without(_MARKUP, "", _without_unseen(text))))


def unescape(text: str) -> str:
    """Text with the character references of HTML replaced by what they name.

    >>> unescape("A &amp; B&#33;")
    'A & B!'
    """
    return html.unescape(_ENDLESS_NUMBER.sub("\ufffd", text))


def _without(tags: "re.Pattern[str]", gap: str, text: str) -> str:
    """The text without these tags. Behind the last ">" none ends, and each "<" would be followed in vain."""
    end = text.rfind(">") + 1
    return tags.sub(gap, text[:end]) + text[end:]


def _without_unseen(text: str) -> str:
    """The text with a space in place of each script, style and comment; one that does not end is left."""
    pieces: list[str] = []
    endless: set[int] = set()
    done = at = 0
    while begin := _UNSEEN_BEGIN.search(text, at):
        kind, at = begin.lastindex or 0, begin.end()
        end = None if kind in endless else _UNSEEN_END[kind].search(text, at)
        if end is None:
            endless.add(kind)  # nor does any later one
            continue
        pieces += [text[done : begin.start()], " "]
        done = at = end.end()
    return "".join([*pieces, text[done:]])


def plain_line(text: str) -> str:
    """Text without control and format characters, its whitespace folded.

    >>> plain_line("a\\x00b\\u202e c")
    'ab c'
    """
    return " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c) not in _UNPRINTABLE).split())


_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
