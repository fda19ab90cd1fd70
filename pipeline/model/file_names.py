"""Names of files as the system gives them -> text that can be shown and stored.

A name is bytes. Those that are not UTF-8, as old archives and network disks hold them, reach Python as lone surrogates
(PEP 383), which no database, page or terminal takes.
"""

import os
import re
from pathlib import Path
from urllib.parse import quote

_ESCAPED = re.compile("[\udc80-\udcff]")
_LONE = re.compile("[\ud800-\udfff]")


def is_plain(name: str) -> bool:
    """True for a name that is text."""
    return _LONE.search(name) is None


def readable_name(name: str) -> str:
    r"""The name as a person may know it; bytes that are no UTF-8 are taken for those of Western Windows.

    >>> readable_name("caf\udce9.txt")
    'café.txt'
    """
    return _LONE.sub("\ufffd", _ESCAPED.sub(lambda found: _western(ord(found[0]) - 0xDC00), name))


def path_identity(path: Path) -> str:
    """What tells a path from every other, as text."""
    name = str(path)
    return f"file:{name}" if is_plain(name) else f"file-bytes:{quote(os.fsencode(name))}"


def _western(byte: int) -> str:
    return bytes([byte]).decode("cp1252", "replace")
