"""The identifiers that a document gives itself -> one that can be trusted to mean this book and no other, or none.

Trust decides whether two documents are two editions of one book. A false "same" takes an audiobook away
from somebody, a false "other" only makes a second one: so in doubt there is no identity.
Follows ISBN (ISO 2108), UUID (RFC 9562), DOI (ISO 26324) and URI (RFC 3986).
"""

import re
from itertools import pairwise
from urllib.parse import urlsplit

_LONGEST_CHARS = 1_000

_UUID = re.compile(r"((?:urn:)?uuid: ?)?\{?([0-9a-f]{8}(-?)[0-9a-f]{4}\3[0-9a-f]{4}\3[0-9a-f]{4}\3[0-9a-f]{12})\}?")
_EXAMPLE_UUIDS = frozenset(
    {
        "123e4567e89b12d3a456426614174000",
        "550e8400e29b41d4a716446655440000",
        "6ba7b8109dad11d180b400c04fd430c8",
        "a1b0d67e2e814df59e67a64cbe366809",
        "f81d4fae7dec11d0a76500a0c91e6bf6",
    }
)
"""From RFC 4122, EPUB 3 and encyclopedias: templates and hurried hands copy them."""
_FEWEST_DIGITS = 7
"""Different digits of a UUID; of random ones, one in a hundred million has fewer."""
_MOST_STEPS = 15
"""Digits of a UUID that repeat the one before or count on from it; random ones have 4, and 16 once in ten million."""

_ISBN_LABEL = re.compile(r"(?:urn:)?e?-?isbn(?:[- ]?1[03](?![0-9]))?[:= ]*", re.IGNORECASE)
_EXAMPLE_ISBNS = frozenset({"9783161484100"})
"""From encyclopedias and manuals."""

_DOI = re.compile(r"(?:(?:urn:|info:)?doi[:/] ?|https?://(?:dx\.|www\.)?doi\.org/)(10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
_EXAMPLE_DOIS = ("10.5555/", "10.1234/", "10.12345/")
"""Prefixes for tests and manuals; the first is Crossref's own for that."""

_HOST = re.compile(r"[^\s/?#@:\[\]]+\.[^\s/?#@:\[\].0-9][^\s/?#@:\[\].]+")
_NO_SITES = re.compile(r"(^|\.)(example\.(com|org|net)|example|test|invalid|localhost|local|home\.arpa)$")
"""Names that lead nowhere or to another place for everybody (RFC 2606, RFC 6761, RFC 8375)."""
_USUAL_PORTS = {"http": 80, "https": 443}


def trusted_identifier(identifier: str, isbn: str = "") -> str:
    """The canonical form of an identifier that is unique by its making, else of the ISBN, else empty.

    Bare numbers, words, titles, placeholders and schemes without an issuer are not trusted.

    Args:
        identifier: the document's own: an EPUB's unique identifier, an article's address.
        isbn: what the document gives as its ISBN besides, or empty.

    >>> trusted_identifier("urn:uuid:8F2C64A0-7D1B-4E93-A5C8-0B6D9E3F1742")
    'urn:uuid:8f2c64a0-7d1b-4e93-a5c8-0b6d9e3f1742'
    >>> trusted_identifier("Collected Tales-Ada Field"), trusted_identifier("none", "0-306-40615-2")
    ('', 'isbn:9780306406157')
    """
    text = " ".join(identifier.split())
    if len(text) > _LONGEST_CHARS:
        text = ""
    labelled = _ISBN_LABEL.match(text)
    own = _isbn_urn(text) if labelled else _uuid_urn(text.lower()) or _doi(text) or _address(text)
    return own or _isbn_urn(isbn)


def parse_isbn(text: str, *, is_named: bool = False) -> str:
    """The 13 digits of an ISBN whose checksum is right, else empty; ten digits are converted.

    Args:
        text: with or without a label, hyphens and spaces.
        is_named: something else says that it is an ISBN. Of ten bare digits, one number in eleven would pass.

    >>> parse_isbn("ISBN 0-306-40615-2"), parse_isbn("0306406152"), parse_isbn("9780306406157")
    ('9780306406157', '', '9780306406157')
    """
    label = _ISBN_LABEL.match(text.strip())
    digits = re.sub(r"[-\s\u2010-\u2015]", "", text.strip()[label.end() if label else 0 :]).upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits) and (is_named or label):
        weighted = sum((10 - at) * (10 if digit == "X" else int(digit)) for at, digit in enumerate(digits))
        digits = _with_check_digit(f"978{digits[:9]}") if weighted % 11 == 0 else ""
    # 979-0 is printed music, which has numbers of its own (ISMN)
    is_isbn = re.fullmatch(r"97[89][0-9]{10}", digits) and not digits.startswith("9790")
    is_right = is_isbn and _with_check_digit(digits[:12]) == digits
    return digits if is_right and not _is_placeholder(digits) else ""


def _with_check_digit(digits: str) -> str:
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _is_placeholder(isbn: str) -> bool:
    own = isbn[3:12]  # 1-234-56789 and the like
    return len(set(own)) <= 2 or _count_steps(own) == len(own) - 1 or isbn in _EXAMPLE_ISBNS


def _isbn_urn(text: str) -> str:
    isbn = parse_isbn(text, is_named=True)
    return f"isbn:{isbn}" if isbn else ""


def _uuid_urn(text: str) -> str:
    match = _UUID.fullmatch(text)
    # 32 bare digits are as often the MD5 of who knows what
    if not match or not (match[1] or match[3]):
        return ""
    digits = match[2].replace("-", "")
    is_made_up = len(set(digits)) < _FEWEST_DIGITS or _count_steps(digits) > _MOST_STEPS or digits in _EXAMPLE_UUIDS
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "" if is_made_up else f"urn:uuid:{'-'.join(parts)}"


def _count_steps(digits: str) -> int:
    """How many digits repeat the one before, or count on from it, upwards or downwards."""
    values = [int(digit, 16) for digit in digits]
    pairs = list(pairwise(values))
    up = sum((after - before) % 16 in {0, 1} or (before, after) == (9, 0) for before, after in pairs)
    down = sum((before - after) % 16 in {0, 1} or (before, after) == (0, 9) for before, after in pairs)
    return max(up, down)


def _doi(text: str) -> str:
    match = _DOI.fullmatch(text)
    doi = match[1].lower() if match else ""  # DOIs are the same in capitals
    return f"doi:{doi}" if doi and not doi.startswith(_EXAMPLE_DOIS) else ""


def _address(text: str) -> str:
    """An address of the open web that names more than its site; http and https are the same place."""
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    is_web = parts.scheme in _USUAL_PORTS and not re.search(r"\s", text) and "@" not in parts.netloc
    if not is_web or not _HOST.fullmatch(host) or _NO_SITES.search(host):
        return ""
    # a fragment is kept: there are lists of books with an anchor for each
    place = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    place += f"#{parts.fragment}" if parts.fragment else ""
    shown = host if port in {None, _USUAL_PORTS[parts.scheme]} else f"{host}:{port}"
    return f"https://{shown}{place}" if place else ""
