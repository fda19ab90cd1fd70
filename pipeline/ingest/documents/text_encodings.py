"""The name of an encoding as a stranger writes it -> the codec for it, if texts of the web have it.

WHATWG Encoding, with the few that old documents have besides. Python knows many more under such names: some are no
encodings of text, some raise errors of their own, and some take the square of the length (Punycode).
"""

import codecs

_MAX_NAME_CHARS = 40
_BYTES = [*range(1, 12), 13, 14, 15, 16]
_KNOWN = frozenset(
    {"ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"}
    | {f"iso8859-{part}" for part in _BYTES}
    | {f"cp{page}" for page in (437, 850, 852, 866, 874, 932, 949, 950, *range(1250, 1259))}
    | {"koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "tis-620"}
    | {"gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs", "euc_jp", "iso2022_jp", "shift_jis", "euc_kr", "johab"}
)
"""As `codecs.lookup` calls them."""
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030"}
"""What says that it is the one is often the other, which has all of it."""


def find_encoding(name: str) -> str | None:
    """The codec for an encoding of that name, or None.

    >>> find_encoding("Latin1"), find_encoding("GB2312"), find_encoding("punycode")
    ('iso8859-1', 'gb18030', None)
    """
    if len(name) > _MAX_NAME_CHARS:  # Python remembers every name that it was ever asked for
        return None
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):  # a name with a NUL in it is a ValueError
        return None
    return _WIDER.get(known, known) if known in _KNOWN else None
