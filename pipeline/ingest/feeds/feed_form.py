"""A feed that is not well-formed -> what is meant: its ampersands, its tags and its prefixes mended (XML 1.0)."""

import re
from collections import Counter
from collections.abc import Iterator

from pipeline.ingest.documents.markup_tree import number_entities

_BARE_AMPERSAND = re.compile(rb"&(?!(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)")
_BEGINNING = re.compile(rb"<!\[CDATA\[|<!--|<\?")
_LITERAL = b"<![CDATA["
_END_OF = {_LITERAL: b"]]>", b"<!--": b"-->", b"<?": b"?>"}
_TAG = re.compile(rb"<(/?)([A-Za-z_][\w.:-]{0,80})(?=[\s/>])[^<>]*>")
_EMPTY = frozenset({b"br", b"hr", b"img", b"wbr", b"input"})
"""HTML's; nobody closes them."""
_PREFIX = re.compile(rb"(?:</?|\s(?=[\w.-]{1,41}:[\w.-]{1,60}\s{0,9}=))([A-Za-z_][\w.-]{0,40}):")
_ROOT = re.compile(rb"<[A-Za-z_][\w.:-]{0,80}")
_KNOWN_PREFIXES = {
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "itunes": "http://www.itunes.com/DTDs/PodCast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "atom": "http://www.w3.org/2005/Atom",
}


def mend_form(data: bytes, *, most_prefixes: int) -> bytes:
    """The feed with bare ampersands escaped, every element closed where one around it ends, and prefixes declared.

    Literal text (CDATA) stays as it is; comments and instructions are left out.

    Args:
        data: UTF-8, without an XML declaration.
        most_prefixes: how many are declared, those first that are used most.
    """
    pieces: list[bytes] = []
    opened: list[bytes] = []
    counts: Counter[bytes] = Counter()

    def balance(tag: re.Match[bytes]) -> bytes:
        is_end, name = bool(tag[1]), tag[2].lower()
        if not is_end:
            is_empty = tag[0].endswith(b"/>")
            if is_empty or name in _EMPTY:
                return tag[0] if is_empty else tag[0][:-1] + b"/>"
            opened.append(tag[2])
            counts[name] += 1
            return tag[0]
        return close(name) if counts[name] else b""  # the end of what never began

    def close(name: bytes = b"") -> bytes:
        """The ends of all down to the one of that name; libxml2 would take each end for that of the innermost."""
        ends = []
        while opened:
            last = opened.pop()
            ends.append(b"</%b>" % last)
            counts[last.lower()] -= 1
            if last.lower() == name:
                break
        return b"".join(ends)

    for piece, is_literal in _pieces(data):
        if not is_literal:
            piece = _TAG.sub(balance, _BARE_AMPERSAND.sub(b"&amp;", number_entities(piece)))
        pieces.append(piece)
    whole = b"".join([*pieces, close()])
    return _ROOT.sub(lambda root: root[0] + _declarations(whole, most_prefixes), whole, count=1)


def _pieces(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """The parts of a feed, each with whether it is literal text."""
    done = 0
    endless: set[bytes] = set()
    for beginning in _BEGINNING.finditer(data):
        kind = beginning[0]
        if beginning.start() < done or kind in endless:
            continue
        end = data.find(_END_OF[kind], beginning.end())
        if end < 0:
            endless.add(kind)  # so that none of the others of its kind is looked for in vain, too
            continue
        yield data[done : beginning.start()], False
        done = end + len(_END_OF[kind])
        if kind == _LITERAL:
            yield data[beginning.start() : done], True
    yield data[done:], False


def _declarations(data: bytes, most: int) -> bytes:
    """What the prefixes mean that a feed uses without saying so."""
    used = [prefix for prefix, _ in Counter(_PREFIX.findall(data)).most_common(most)]
    missing = [p for p in used if p not in {b"xml", b"xmlns"} and b"xmlns:" + p not in data]
    meant = [_KNOWN_PREFIXES.get(p.decode(), "urn:bookcast:" + p.decode()).encode() for p in missing]
    return b"".join(b' xmlns:%b="%b"' % pair for pair in zip(missing, meant, strict=True))
