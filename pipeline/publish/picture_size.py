"""The header of a picture -> its width and height in pixels, before anything of it is decoded.

PNG (W3C, 11.2.2), JPEG (ITU-T T.81, B.2.2), GIF (GIF89a, 18) and WebP (RFC 9649, 2.5 to 2.7).
"""

import struct
from collections.abc import Callable

from pipeline.errors import UnusablePicture
from pipeline.model.book import PictureKind, find_picture_kind

MAX_PICTURE_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
"""160 MB decoded; the largest covers that shops ask for have 16 million."""
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's markers of a frame header, SOF0 to SOF15."""
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG's markers without a length."""


def check_picture_size(data: bytes) -> None:
    """Raises: UnusablePicture where a JPEG, PNG, GIF or WebP is too large, or its header does not say how large."""
    if len(data) > MAX_PICTURE_BYTES:
        raise UnusablePicture(f"The picture has more than {MAX_PICTURE_BYTES // 1_000_000} MB")
    size = find_picture_size(data)
    if size is None:
        raise UnusablePicture("The picture cannot be read")
    if size[0] * size[1] > MAX_PIXELS:
        raise UnusablePicture(
            f"The picture has {size[0]:,} x {size[1]:,} pixels, more than {MAX_PIXELS // 1_000_000} million",
            remedy="use a smaller picture, such as 1,400 x 1,400 pixels",
        )


def find_picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height; None where the header is damaged, or of another kind of picture."""
    kind = find_picture_kind(data)
    try:
        width, height = _READERS[kind](data) if kind in _READERS else (0, 0)
    except (struct.error, IndexError):
        return None
    return (width, height) if width and height else None


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        return 0, 0
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        low_x, high_x, low_y, high_y = struct.unpack_from("<HBHB", data, 24)
        return 1 + low_x + (high_x << 16), 1 + low_y + (high_y << 16)
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return (width & 0x3FFF, height & 0x3FFF) if chunk == b"VP8 " else (0, 0)


_READERS: dict[PictureKind | None, Callable[[bytes], tuple[int, int]]] = {
    PictureKind.PNG: _png,
    PictureKind.GIF: _gif,
    PictureKind.JPEG: _jpeg,
    PictureKind.WEBP: _webp,
}
