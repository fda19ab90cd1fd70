"""Covers as players take them; made once, for to draw one can take longer than to join a book."""

import hashlib
from pathlib import Path

from pipeline.model.book import Cover
from pipeline.publish.cover import find_usable_cover
from pipeline.publish.podcast_picture import draw_picture
from pipeline.stages.context import Context
from pipeline.store.blobs import whole_file


def usable_cover(context: Context, original: Cover) -> Cover | None:
    """The cover as JPEG or PNG, or None where the picture cannot be read."""
    path = context.store.data / "work" / "usable-covers" / hashlib.sha256(original.data).hexdigest()
    if path.is_file():
        return _read(path)
    cover = find_usable_cover(original)
    _write(path, cover)
    return cover


def cover_of(context: Context, slug: str) -> Cover | None:
    """The usable cover of a book."""
    original = context.store.documents.find_cover(slug)
    return usable_cover(context, original) if original else None


def drawn_picture(context: Context, name: str) -> Cover:
    """A picture for what has none."""
    path = context.store.data / "work" / "usable-covers" / f"drawn-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    known = _read(path) if path.is_file() else None
    if known:
        return known
    picture = draw_picture(name)
    _write(path, picture)
    return picture


def picture_suffix(cover: Cover) -> str:
    """`png` or `jpg`."""
    return "png" if cover.media_type == "image/png" else "jpg"


def _read(path: Path) -> Cover | None:
    media_type, _, data = path.read_bytes().partition(b"\n")
    return Cover(media_type.decode(), data) if data else None


def _write(path: Path, cover: Cover | None) -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(cover.media_type.encode() + b"\n" + cover.data if cover else b"\n")
