"""What a book is called and what it is published as, with its cover."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class BookMetadata:
    """Bibliographic facts, as far as the document gives them; empty where it does not."""

    title: str
    authors: tuple[str, ...] = ()
    language: str = ""
    """BCP 47 tag."""
    description: str = ""
    publisher: str = ""
    published: str = ""
    """ISO 8601 date or year."""
    subjects: tuple[str, ...] = ()
    series: str = ""
    series_index: str = ""
    identifier: str = ""
    """What the document calls itself, whitespace folded: an EPUB's unique identifier, an article's address."""
    isbn: str = ""
    """13 digits, of an ISBN whose checksum is right."""


class PictureKind(StrEnum):
    """A kind of picture that browsers show, by its media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    WEBP = "image/webp"
    SVG = "image/svg+xml"

    @property
    def suffix(self) -> str:
        """Of a file, with its dot."""
        return _SUFFIXES[self]


_SUFFIXES = {
    PictureKind.JPEG: ".jpg",
    PictureKind.PNG: ".png",
    PictureKind.GIF: ".gif",
    PictureKind.WEBP: ".webp",
    PictureKind.SVG: ".svg",
}
_BEGINNINGS = {
    b"\xff\xd8": PictureKind.JPEG,
    b"\x89PNG": PictureKind.PNG,
    b"GIF8": PictureKind.GIF,
}
_SVG_WITHIN_BYTES = 2_000
"""The root element of an SVG stands behind a declaration and comments of at most this length in all covers seen."""


def find_picture_kind(data: bytes) -> PictureKind | None:
    """The kind of a picture; None for what is none, or none that browsers show.

    >>> find_picture_kind(b"GIF89a...").suffix
    '.gif'
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return PictureKind.WEBP
    for beginning, kind in _BEGINNINGS.items():
        if data.startswith(beginning):
            return kind
    return PictureKind.SVG if b"<svg" in data[:_SVG_WITHIN_BYTES] else None


@dataclass(frozen=True, slots=True)
class Cover:
    """The cover picture as the document holds it."""

    media_type: str
    """As the document says; its bytes may say otherwise."""
    data: bytes

    @property
    def kind(self) -> PictureKind | None:
        """What its bytes say."""
        return find_picture_kind(self.data)


@dataclass(frozen=True, slots=True)
class ReleaseTags:
    """What a player shows for one audio file."""

    title: str
    album: str
    artist: str
    narrator: str
    genre: str = ""
    year: str = ""
    description: str = ""
    series: str = ""
    series_part: str = ""
    track: int = 0
    """Number of the chapter file, from 1; 0 for a whole book."""
    tracks: int = 0

    def fields(self) -> dict[str, str]:
        """FFmpeg's names and values; empty ones are left out. Players show the composer as narrator."""
        values = {
            "title": self.title,
            "album": self.album,
            "artist": self.artist,
            "album_artist": self.artist,
            "composer": self.narrator,
            "genre": self.genre,
            "date": self.year,
            "comment": self.description,
            "description": self.description,
            "grouping": f"{self.series} #{self.series_part}".removesuffix(" #") if self.series else "",
            "track": f"{self.track}/{self.tracks}" if self.track else "",
        }
        return {key: value for key, value in values.items() if value}
