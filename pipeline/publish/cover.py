"""A cover picture of any kind -> JPEG or PNG, which is what audio files and players take."""

import io
from fractions import Fraction

import av
import resvg_py
from av.error import FFmpegError

from pipeline.model.book import Cover

MAX_SIDE = 3_000
_READY = {"image/jpeg": b"\xff\xd8", "image/png": b"\x89PNG"}


def find_usable_cover(cover: Cover) -> Cover | None:
    """The cover as JPEG or PNG, or None where the picture cannot be read: a book goes without it then."""
    kind = next((kind for kind, mark in _READY.items() if cover.data.startswith(mark)), "")
    if kind:
        return Cover(kind, cover.data) if _size(cover.data) else None
    if "svg" in cover.media_type or b"<svg" in cover.data[:2000]:
        return _draw(cover.data)
    return _convert(cover.data)


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        with av.open(io.BytesIO(data), "r") as container:
            frame = next(container.decode(video=0))
            return (frame.width, frame.height)
    except (FFmpegError, StopIteration, IndexError, ValueError, EOFError):
        return None


def _draw(svg: bytes) -> Cover | None:
    """SVG by resvg, at the width that shops ask for at most."""
    try:
        png = resvg_py.svg_to_bytes(svg_string=svg.decode("utf-8", "replace"), width=1400)
    except (ValueError, RuntimeError, OSError):
        return None
    data = bytes(png)
    return _convert(data) or Cover("image/png", data) if data.startswith(b"\x89PNG") else None


def _convert(data: bytes) -> Cover | None:
    """Any picture that FFmpeg decodes, as JPEG."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            frame = next(container.decode(video=0))
        if max(frame.width, frame.height) > MAX_SIDE:
            return None
        frame = frame.reformat(format="yuvj420p")
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
        encoder.options = {"flags": "+bitexact+qscale", "global_quality": "354"}
        encoder.time_base = Fraction(1, 1)
        frame.pts = 0
        return Cover("image/jpeg", b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)]))
    except (FFmpegError, StopIteration, IndexError, ValueError, EOFError):
        return None
