"""Covers as players take them; made once, because to look at one takes a process of its own."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UnusablePicture
from pipeline.model.book import Cover, PictureKind
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.publish.cover_image import PictureNotRead, usable_picture
from pipeline.publish.drawn_picture import draw_cover, draw_picture
from pipeline.store.files.whole_file import whole_file
from pipeline.store.records.documents import StoredBook

COVERS_VERSION = "3"
"""Raised when the same picture becomes another cover, or may become one."""


def usable_cover(context: Context, original: Cover) -> Cover | None:
    """The cover as JPEG or PNG, or None where the picture cannot be used."""
    made = _made_once(context, hashlib.sha256(original.data).hexdigest(), lambda: usable_picture(original))
    return made if isinstance(made, Cover) else None


@dataclass(frozen=True, slots=True)
class ReleaseCover:
    """The cover that a release gets."""

    cover: Cover | None
    """None where not even one can be drawn."""
    is_final: bool
    """False where this machine could not look at the book's own, which is tried again at the next release."""


def release_cover(context: Context, book: StoredBook, original: Cover) -> ReleaseCover:
    """The book's own cover, or where that cannot be used, one that is drawn, and a word about it."""
    made = _made_once(context, hashlib.sha256(original.data).hexdigest(), lambda: usable_picture(original))
    if isinstance(made, Cover):
        return ReleaseCover(made, is_final=True)
    facts = book.metadata
    name = hashlib.sha256("\n".join([facts.title, *facts.authors]).encode("utf-8", "replace")).hexdigest()
    drawn = _made_once(context, f"drawn-{name[:32]}", lambda: draw_cover(facts))
    cover = drawn if isinstance(drawn, Cover) else None
    instead = "a drawn one takes its place" if cover else "it is published without one"
    is_final = not isinstance(made, PictureNotRead)
    later = "" if is_final else " It is tried again when the book is narrated or rebuilt next."
    context.report(Note(f"The cover of {facts.title} cannot be used, so {instead}. {made}.{later}"))
    return ReleaseCover(cover, is_final=is_final and not isinstance(drawn, PictureNotRead))


def cover_of(context: Context, slug: str) -> Cover | None:
    """The usable cover of a book."""
    original = context.store.documents.find_cover(slug)
    return usable_cover(context, original) if original else None


def drawn_picture(context: Context, name: str) -> Cover:
    """A picture for what has none. Raises: UnusablePicture where nothing can be drawn on this machine."""
    key = f"drawn-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    made = _made_once(context, key, lambda: draw_picture(name))
    if isinstance(made, Cover):
        return made
    raise made


def picture_suffix(cover: Cover) -> str:
    """`.png` or `.jpg`."""
    return (cover.kind or PictureKind.JPEG).suffix


def made_name(key: str) -> str:
    """The file name, in the folder of usable covers, of what was made of the cover with that digest."""
    return f"{key}-{COVERS_VERSION}"


def _made_once(context: Context, key: str, make: Callable[[], Cover]) -> Cover | UnusablePicture:
    """The cover that was made under that key, or is made now; the reason where there is none.

    A reason that is the picture's is kept, too; one that is this machine's may be gone the next time.
    """
    path = context.store.data / "work" / "usable-covers" / made_name(key)
    if path.is_file():
        return _read(path)
    try:
        made: Cover | UnusablePicture = make()
    except PictureNotRead as trouble:
        return trouble
    except UnusablePicture as error:
        made = error
    _write(path, made)
    return made


def _read(path: Path) -> Cover | UnusablePicture:
    media_type, _, data = path.read_bytes().partition(b"\n")
    return Cover(media_type.decode(), data) if media_type else UnusablePicture(data.decode())


def _write(path: Path, made: Cover | UnusablePicture) -> None:
    kind, data = (made.media_type, made.data) if isinstance(made, Cover) else ("", str(made).encode())
    with whole_file(path) as temporary:
        temporary.write_bytes(kind.encode() + b"\n" + data)
