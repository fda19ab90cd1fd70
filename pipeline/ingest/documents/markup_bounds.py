"""Bounds on markup before it is parsed: a tree of a million tags fills the memory, and libxml2's reading of HTML takes
the square of the number of attributes in one tag.

Tags are found as browsers find them (WHATWG HTML, tokenization), so that nothing can hide from the count.
"""

import re

from pipeline.errors import DocumentTooLarge

MAX_TAGS = 1_000_000
"""A novel has 10,000; a million make a tree of 200 MB."""
MAX_ATTRIBUTES = 3_000
"""Of one tag. Nobody writes a hundred."""

_BEGIN = re.compile(rb"<(?:!--|[A-Za-z][^\s/>]*+)")
_ATTRIBUTES = re.compile(rb"(?:[\s/]++|=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>]*+)|[^\s/>=]++)*+")
_ATTRIBUTE = re.compile(rb"[^\s/>=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>]*+))?+")
_END = {
    b"<!--": re.compile(rb"-->"),
    b"<script": re.compile(rb"</script", re.IGNORECASE),
    b"<style": re.compile(rb"</style", re.IGNORECASE),
}
"""What ends text in which no tag begins."""


def check_tags(data: bytes, *, name: str, most: int = MAX_TAGS) -> None:
    """Raises: DocumentTooLarge for more than `most` tags; `name` is what the message calls the document."""
    if data.count(b"<") > most:
        raise DocumentTooLarge(f"{name} holds more than {most:,} tags", path=name, remedy="split the document")


def check_attributes(data: bytes, *, name: str) -> None:
    """Raises: DocumentTooLarge for a tag of HTML with more than MAX_ATTRIBUTES attributes."""
    at = 0
    while begin := _BEGIN.search(data, at):
        kind, at = begin[0].lower(), begin.end()
        if kind != b"<!--":
            tag = _ATTRIBUTES.match(data, at)
            at = tag.end() if tag else at
            if tag and len(tag[0]) > 2 * MAX_ATTRIBUTES and len(_ATTRIBUTE.findall(tag[0])) > MAX_ATTRIBUTES:
                raise DocumentTooLarge(
                    f"{name} has a tag with more than {MAX_ATTRIBUTES:,} attributes",
                    path=name,
                    remedy="get the document from its publisher again",
                )
        if kind in _END:
            end = _END[kind].search(data, at)
            at = end.end() if end else len(data)
