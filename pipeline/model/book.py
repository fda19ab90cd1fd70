"""What a book is called and what it is published as."""

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Cover:
    """The cover picture as the document holds it."""

    media_type: str
    data: bytes


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
