"""Foreign text and HTML -> plain text on one line, without tags and control characters."""

import html
import re
import unicodedata

_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(
    r"</?(?:a|abbr|b|big|br|cite|code|del|div|em|font|h[1-6]|i|img|ins|li|mark|p|q|s|small|span|strike|strong|sub|sup|u|"
    r"script|style|svg|iframe)(?:[\s/][^>]*)?>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]*>")


def plain_text(content: str) -> str:
    """The text of a piece of HTML.

    >>> plain_text("<b>A &amp; B</b>\\n<script>alert(1)</script>")
    'A & B'
    """
    return plain_line(html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", content))))


def plain_title(text: str) -> str:
    """A title that may hold HTML or may not: only what marks up text is taken for tags.

    >>> plain_title("On <canvas> &amp; <b>colour</b>")
    'On <canvas> & colour'
    """
    return plain_line(html.unescape(_MARKUP.sub("", _UNSEEN.sub(" ", text))))


def plain_line(text: str) -> str:
    """Text without control and format characters, its whitespace folded.

    >>> plain_line("a\\x00b\\u202e c")
    'ab c'
    """
    return " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c) not in _UNPRINTABLE).split())


_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
