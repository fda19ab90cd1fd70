"""Encoded chapters -> one M4B (MPEG-4 part 12 and 14, QuickTime text chapters, Nero chpl), by packet copy.

Each chapter is a whole number of AAC frames with silence at both ends. Dropping the priming packet of
every chapter but the first joins them without a sample of drift, and marks are counted in packets.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from pipeline.errors import PublishError
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.book import Cover, PictureKind, ReleaseTags
from pipeline.publish.picture_program import DEMUXERS

FRAME_SAMPLES = 1024
_OPTIONS = {"fflags": "+bitexact", "movflags": "+faststart"}
"""The same bytes twice, and the index in front, so that a player can begin before it has the whole file."""
_AUDIOBOOK = "2"
"""The `stik` atom's word for an audiobook."""
_TIME_BASE = Fraction(1, SAMPLE_RATE_HZ)


@dataclass(frozen=True, slots=True)
class EncodedChapter:
    """One chapter to be joined."""

    path: Path
    """An M4A file."""
    title: str
    samples: int


def split_parts(chapters: Sequence[EncodedChapter], max_hours: float) -> list[list[EncodedChapter]]:
    """The chapters in runs of at most `max_hours`, cut between chapters; one that is longer is a part by itself.

    Players that count samples in 31 bits end at 24.8 hours of 24 kHz sound, and the index that the muxer
    holds in memory grows by 6 MB an hour.
    """
    parts: list[list[EncodedChapter]] = []
    length = 0
    for chapter in chapters:
        if not parts or length + chapter.samples > max_hours * 3600 * SAMPLE_RATE_HZ:
            parts.append([])
            length = 0
        parts[-1].append(chapter)
        length += chapter.samples
    return parts


def write_m4b(target: Path, chapters: Sequence[EncodedChapter], *, tags: ReleaseTags, cover: Cover | None) -> None:
    """Join the chapters into `target`, with marks, tags and cover; the same input gives the same bytes.

    Args:
        target: written in place; give a temporary path.
        chapters: in order, all encoded alike.
        tags: what players show.
        cover: JPEG or PNG, or None.

    Raises:
        PublishError: chapters that were encoded differently, or that cannot be read or written.
    """
    try:
        with av.open(str(target), "w", format="mp4", options={**_OPTIONS, "brand": "M4B "}) as out:
            out.metadata.update({**tags.fields(), "media_type": _AUDIOBOOK})
            _copy(out, chapters, cover, _marks(chapters))
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise PublishError(f"{tags.title} cannot be joined into an M4B: {error}", remedy="bookcast doctor") from error


def join_chapter(target: Path, segments: Sequence[tuple[Path, int]], tags: ReleaseTags | None) -> None:
    """Join the segments of one chapter, paths and lengths in samples, into the M4A `target`.

    Raises:
        PublishError: they cannot be read or written.
    """
    title = tags.title if tags else ""
    try:
        with av.open(str(target), "w", format="mp4", options=_OPTIONS) as out:
            out.metadata.update(tags.fields() if tags else {})
            _copy(out, [EncodedChapter(path, title, samples) for path, samples in segments], None, [])
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise PublishError(f"A chapter cannot be joined: {error}", remedy="bookcast doctor") from error


def _copy(out: Any, chapters: Sequence[EncodedChapter], cover: Cover | None, marks: list[dict[str, Any]]) -> None:
    with av.open(str(chapters[0].path)) as first:
        template = first.streams.audio[0]
        extradata = template.codec_context.extradata
        stream = out.add_stream_from_template(template)
    picture = _add_cover(out, cover) if cover else None
    if marks:
        out.set_chapters(marks)
    if picture:
        out.start_encoding()
        out.mux(picture)
    at = 0
    for number, chapter in enumerate(chapters):
        at = _copy_chapter(out, stream, chapter, extradata, at, first=number == 0)


def _copy_chapter(
    out: Any, stream: Any, chapter: EncodedChapter, extradata: bytes | None, at: int, *, first: bool
) -> int:
    """Copy one chapter's packets from packet number `at` on; the number after its last."""
    with av.open(str(chapter.path)) as source:
        audio = source.streams.audio[0]
        # Packets bring no settings of their own: players decode all of them by those of the first chapter.
        if audio.codec_context.extradata != extradata or audio.time_base != _TIME_BASE:
            raise PublishError(
                f'Chapter "{chapter.title}" was encoded with other settings than the first',
                remedy="bookcast cache prune, then narrate again",
            )
        copied = 0
        for packet in source.demux(audio):
            if packet.size == 0:  # PyAV ends with an empty one that flushes decoders
                continue
            if copied == 0 and not first:
                copied = 1  # the priming packet: its sound is silence that the chapter before has already
                continue
            # n frames of sound are n + 1 packets, the priming one included; what follows is padding.
            if copied > chapter.samples // FRAME_SAMPLES:
                break
            packet.stream = stream
            # The first packet is the priming one, which belongs before time zero.
            packet.pts = packet.dts = (at - 1) * FRAME_SAMPLES
            out.mux(packet)
            at, copied = at + 1, copied + 1
    return at


def _marks(chapters: Sequence[EncodedChapter]) -> list[dict[str, Any]]:
    marks, start = [], 0
    for number, chapter in enumerate(chapters):
        end = start + chapter.samples
        marks.append(
            {"id": number, "start": start, "end": end, "time_base": _TIME_BASE, "metadata": {"title": chapter.title}}
        )
        start = end
    return marks


def _add_cover(out: Any, cover: Cover) -> Any:
    """A still picture as an attached stream, copied from the file as it is; its one packet."""
    demuxer = DEMUXERS[cover.kind or PictureKind.JPEG]
    with av.open(io.BytesIO(cover.data), "r", format=demuxer) as source:
        still = source.streams.video[0]
        stream = out.add_stream_from_template(still)
        stream.disposition = av.stream.Disposition.attached_pic
        packet = next(p for p in source.demux(still) if p.size)
    packet.stream = stream
    packet.pts = packet.dts = 0
    return packet
