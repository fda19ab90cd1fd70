"""An address in a book -> the file of the archive that it means, also where the two are not written alike.

Addresses are URLs (EPUB 3.3, section 4.2.5: resolved against the container's root, never above it), names in
a ZIP are bytes. Between the two, tools of thirty years change case, the form of accents, the escaping, the
slashes and the encoding. Looser readings are tried only after stricter ones, and a file that one
address names exactly is never given to another: else a missing chapter would be taken for its neighbour.
"""

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pipeline.model.normal_form import normal_form

_ENCODINGS = ("utf-8", "cp437", "cp1252", "gb18030", "shift_jis", "big5", "euc_kr", "cp1251", "cp866", "cp850")
"""UTF-8, then what ZIP means where it does not say (APPNOTE 6.3.9, appendix D), then what Windows wrote instead."""
_MANY = 20
"""So many candidates are none; a folder a chapter, each with an `index.html`, is told apart by longer ends."""
_LONGEST_NAME_CHARS = 1_000
_SUFFIX_PARTS = 8
"""Folders of a name that are looked at from its end; books have 3, and a hostile name may have 30,000."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an address leads to."""

    path: str
    """In the archive, percent-decoded, without `.`, `..` and doubled slashes."""
    written: str
    """The same before decoding, for tools that put the escaped name into the archive."""
    fragment: str
    others: tuple[str, ...] = ()
    """Further readings of the path where its escaped bytes are not UTF-8."""


def resolve(base: str, address: str) -> Target:
    r"""What `address` means in a file of the folder `base`.

    >>> resolve("OEBPS/Text", r"..\a%20b.xhtml#top")
    Target(path='OEBPS/a b.xhtml', written='OEBPS/a%20b.xhtml', fragment='top', others=())
    """
    written, _, fragment = address.strip().partition("#")
    anchor = unquote_to_bytes(fragment).decode("utf-8", "replace")
    if not written:
        return Target(path="", written="", fragment=anchor)
    path, *others = (_join(base, reading) for reading in readings_of(unquote_to_bytes(written)))
    return Target(path=path, written=_join(base, written), fragment=anchor, others=tuple(others))


def _join(base: str, path: str) -> str:
    return normal_name(posixpath.join(base, path.replace("\\", "/")))


def normal_name(name: str) -> str:
    r"""A name with plain slashes, without `.` and empty parts; `..` stops at the root, as in a browser.

    >>> normal_name(r".\OEBPS\\text/../a.xhtml"), normal_name("../../a.xhtml")
    ('OEBPS/a.xhtml', 'a.xhtml')
    """
    return posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/")


def readings_of(name: bytes) -> tuple[str, ...]:
    """What these bytes may say, the likeliest first; never empty, because cp437 reads any bytes."""
    found: list[str] = []
    for encoding in _ENCODINGS:
        try:
            text = name.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text not in found:
            found.append(text)
        if encoding == "utf-8":  # bytes beyond ASCII that happen to be UTF-8 are nothing else
            break
    return tuple(found)


class ArchiveNames:
    """The names of an archive, to be found by addresses."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        """Args: names: normal names, each with further readings of its bytes."""
        self._names = frozenset(names)
        # exact matches need no index, and nobody but an attacker has longer names
        loose = [name for name in names if len(name) <= _LONGEST_NAME_CHARS]
        self._by_form = _index((_form(name), name) for name in loose)
        self._by_case = _index((_case(name), name) for name in loose)
        self._by_reading = _index((_case(other), name) for name in loose for other in names[name])
        self._by_suffix = _index((suffix, name) for name in loose for suffix in _suffixes(_case(name)))

    def find(self, target: Target) -> str | None:
        """The file that is meant, or None where there is none or several could be."""
        return next(filter(None, (_only(found) for found in self._by_strictness(target))), None)

    def assign(self, targets: Iterable[Target]) -> dict[str, str]:
        """The file of each path; no file is given to two, and those that are named more exactly choose first."""
        waiting = {target.path: list(self._by_strictness(target)) for target in targets}
        given: dict[str, str] = {}
        taken: set[str] = set()
        for level in range(max(map(len, waiting.values()), default=0)):
            for path in [path for path in waiting if path not in given and level < len(waiting[path])]:
                name = _only(waiting[path][level], taken)
                if name:
                    given[path] = name
                    taken.add(name)
        return given

    def _by_strictness(self, target: Target) -> Iterator[list[str]]:
        """Candidates, the strictest reading of the address first."""
        # decoded before written: an address is a URL, so "a%20b" means "a b" where a book has both
        yield [target.path] if target.path in self._names else []
        yield [target.written] if target.written in self._names else []
        readings = (target.path, *target.others)
        for index, key in ((self._by_form, _form), (self._by_case, _case), (self._by_reading, _case)):
            yield [name for reading in readings for name in index.get(key(reading), [])]
        # a folder too many or too few: the longest end of the path that one file alone has
        for suffix in _suffixes(_case(target.path)):
            yield self._by_suffix.get(suffix, [])


def _index(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for key, name in pairs:
        names = index.setdefault(key, [])
        if len(names) < _MANY:  # more are no answer, and 20,000 names of one form would take minutes
            names.append(name)
    return index


def _only(found: Sequence[str], taken: Collection[str] = ()) -> str | None:
    """The one that is free, if there is exactly one."""
    free = set(found).difference(taken) if len(found) < _MANY else set()
    return free.pop() if len(free) == 1 else None


def _form(name: str) -> str:
    """Equal for names that differ in escaping and in the form of accents (UAX #15)."""
    return normal_form(unquote_to_bytes(name).decode("utf-8", "replace"))


def _case(name: str) -> str:
    """Equal for names that differ in case, too."""
    return normal_form(_form(name).casefold())


def _suffixes(name: str) -> list[str]:
    """The name and its ends at a slash, the longest first."""
    parts = name.split("/")[-_SUFFIX_PARTS:]
    return ["/".join(parts[at:]) for at in range(len(parts))]
