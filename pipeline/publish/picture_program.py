"""One picture of a stranger, decoded or drawn in a process of its own: standard input -> standard output.

`python -m pipeline.publish.picture_program WORK SECONDS`, with no more than an address space and a processor time
that any honest cover needs, from before it is looked at. The process can open no file and no connection, except that
a drawing with words in it may read fonts: those are drawn only after everything that names a file was taken out. A
crash ends nobody else.
"""

import io
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from fractions import Fraction
from typing import Any

from pipeline.errors import UnusablePicture
from pipeline.model.book import PictureKind, find_picture_kind
from pipeline.publish.closed_svg import ClosedSvg, close_svg
from pipeline.publish.picture_size import check_picture_size

MAX_SIDE = 3_000
"""Of what is converted; more is scaled down."""
MOST_MEMORY_BYTES = 1024 * 1024 * 1024
"""Of addresses: 160 MB for a decoded picture, twice for a scaled one, and what the libraries map."""
REFUSED = 3
"""The exit code where standard output has the reason instead of a picture."""
DEMUXERS = {
    PictureKind.JPEG: "jpeg_pipe",
    PictureKind.PNG: "png_pipe",
    PictureKind.GIF: "gif",
    PictureKind.WEBP: "webp_pipe",
}
"""FFmpeg's; named, because some of those that it would find by itself open the files that a playlist names."""


class Work(StrEnum):
    """What can be asked for."""

    CHECK = "check"
    """Decode the picture; nothing is given back."""
    CONVERT = "convert"
    """A picture as JPEG."""
    DRAW = "draw"
    """An SVG as PNG."""
    DRAW_SMALL = "draw-small"
    """An SVG as JPEG."""


def bound_process(seconds: int, *, reads_fonts: bool) -> None:
    """From here on the process has no more than this; called after the last import."""
    # one second later, because a process at its hard limit is killed without a signal that tells why
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    _limit(resource.RLIMIT_AS, MOST_MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    if not reads_fonts:
        _open_nothing()


def _open_nothing() -> None:
    _limit(resource.RLIMIT_NOFILE, 0)


def _limit(what: int, most: int, hardest: int | None = None) -> None:
    with suppress(ValueError, OSError):  # a system that knows no such limit, or has a lower one already
        resource.setrlimit(what, (most, most if hardest is None else hardest))


def _check(data: bytes) -> bytes:
    check_picture_size(data)
    _decode(data)
    return b""


def _convert(data: bytes) -> bytes:
    check_picture_size(data)
    return _as_jpeg(_decode(data))


def _load_av() -> None:
    """PyAV imports parts of itself when they are first used, which must be before the process can open no file."""
    import av

    _decode(_as_jpeg(av.VideoFrame(16, 16, "rgb24")))


def _decode(data: bytes) -> Any:
    """The first frame."""
    import av

    demuxer = DEMUXERS[find_picture_kind(data) or PictureKind.JPEG]
    with av.open(io.BytesIO(data), "r", format=demuxer) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return next(container.decode(video=0))


def _as_jpeg(frame: Any) -> bytes:
    import av

    scale = min(1.0, MAX_SIDE / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    frame = frame.reformat(width=width, height=height, format="yuvj420p")
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.options = {"flags": "+bitexact+qscale", "global_quality": "354"}
    encoder.thread_count = 1
    encoder.time_base = Fraction(1, 1)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _load_resvg() -> None:
    import resvg_py

    resvg_py.svg_to_bytes(svg_string='<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')


def _draw(data: bytes) -> bytes:
    import resvg_py

    svg: ClosedSvg = close_svg(data)
    if not svg.has_text:
        _open_nothing()
    return bytes(resvg_py.svg_to_bytes(svg_string=svg.text, skip_system_fonts=not svg.has_text))


def _draw_small(data: bytes) -> bytes:
    return _as_jpeg(_decode(_draw(data)))


_DOES: dict[Work, Callable[[bytes], bytes]] = {
    Work.CHECK: _check,
    Work.CONVERT: _convert,
    Work.DRAW: _draw,
    Work.DRAW_SMALL: _draw_small,
}
_LOADS: dict[Work, tuple[Callable[[], None], ...]] = {
    Work.CHECK: (_load_av,),
    Work.CONVERT: (_load_av,),
    Work.DRAW: (_load_resvg,),
    Work.DRAW_SMALL: (_load_resvg, _load_av),
}


def main(work: Work, seconds: int) -> int:
    """Do one piece of work; the exit code. What goes wrong before it begins is the machine's fault, and raised."""
    data = sys.stdin.buffer.read()
    for load in _LOADS[work]:
        load()
    bound_process(seconds, reads_fonts=work in {Work.DRAW, Work.DRAW_SMALL})
    try:
        given, code = _DOES[work](data), 0
    except UnusablePicture as refusal:
        given, code = f"{refusal}\n{refusal.remedy}".encode(), REFUSED
    except MemoryError:
        given, code = b"The picture takes too much memory\n", REFUSED
    except BaseException:  # of two libraries, about these bytes; a panic of resvg is not even an Exception
        given, code = b"The picture cannot be read, or takes too much time or memory\n", REFUSED
    sys.stdout.buffer.write(given)
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(Work(sys.argv[1]), int(sys.argv[2])))
