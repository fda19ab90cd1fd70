"""A chapter cut into segments is the same chapter: tiled, on the frames of the encoder, joined without drift."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.assemble import HEAD_SAMPLES, chapter_samples
from pipeline.audio.encode import AAC_FRAME_SAMPLES, Encoding
from pipeline.audio.mastering import Mastering
from pipeline.audio.pcm import decode_audio
from pipeline.audio.segments import SEGMENT_SAMPLES, encode_segments, split_segments
from pipeline.model.audio import Part
from pipeline.publish.m4b import join_chapter
from tests.audio.test_assemble import make_parts

LENGTHS = st.lists(st.tuples(st.integers(1, 900_000), st.integers(0, 60_000)), max_size=40)


@given(LENGTHS)
def test_segments_tile_the_chapter_in_whole_frames_with_silence_at_every_cut(lengths: list[tuple[int, int]]) -> None:
    parts = [Part(str(n), samples, pause, b"") for n, (samples, pause) in enumerate(lengths)]
    segments = split_segments(parts)
    assert sum(segment.samples for segment in segments) == chapter_samples(parts)
    assert [p.blob for s in segments for p in s.parts] == [p.blob for p in parts]
    assert all(segment.samples % AAC_FRAME_SAMPLES == 0 for segment in segments)
    assert all(segment.samples >= SEGMENT_SAMPLES for segment in segments[:-1])
    for before, after in zip(segments, segments[1:], strict=False):
        assert before.parts[-1].pause_samples >= AAC_FRAME_SAMPLES
        assert after.head_samples >= AAC_FRAME_SAMPLES


def test_every_clip_is_heard_at_its_place_in_the_joined_chapter(tmp_path: Path) -> None:
    """Clicks at the start of every clip, over three cuts."""
    clips = []
    for _ in range(26):
        clip = np.zeros(200_003, np.int16)
        clip[:240] = 12_000 * np.sin(np.arange(240) * 0.7)
        clips.append(clip)
    parts, blobs = make_parts(clips)
    pieces = encode_segments(
        parts, tmp_path, Encoding("m4a", 64), read_blob=blobs.__getitem__, gain_db=0.0, mastering=Mastering()
    )
    assert len(pieces) == 4
    target = tmp_path / "whole.m4a"
    join_chapter(target, pieces, None)
    sound = decode_audio(target.read_bytes())
    assert len(sound) == chapter_samples(parts)
    at = HEAD_SAMPLES
    for part in parts:
        window = np.abs(sound[at - 3_000 : at + 3_000].astype(int))
        peak = int(np.argmax(window > 4_000))
        assert abs(peak - 3_000) < 60, "a click is where it belongs"
        at += part.samples + part.pause_samples


def test_the_same_chapter_gives_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    parts, blobs = make_parts([(rng.normal(0, 3000, 400_000)).astype(np.int16) for _ in range(8)])
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        how = {"read_blob": blobs.__getitem__, "gain_db": -1.0, "mastering": Mastering()}
        join_chapter(tmp_path / f"{name}.m4a", encode_segments(parts, folder, Encoding("m4a", 64), **how), None)
        made.append((tmp_path / f"{name}.m4a").read_bytes())
    assert made[0] == made[1]
