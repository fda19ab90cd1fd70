"""A chapter is exactly as long as its parts, as loud as asked, and can be joined to others without drift."""

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.assemble import assemble, chapter_samples, whole_blocks
from pipeline.audio.encode import Encoding
from pipeline.audio.loudness import block_energies, integrated_lufs
from pipeline.audio.mastering import Mastering, choose_gain_db, measure_parts
from pipeline.audio.pcm import decode_audio, encode_flac
from pipeline.errors import AudioError
from pipeline.model.audio import LOUDNESS_BLOCK_SAMPLES, Part
from pipeline.model.book import Cover, ReleaseTags
from pipeline.publish.m4b import EncodedChapter, write_m4b
from tests.makers import make_png

MASTERING = Mastering()
TAGS = ReleaseTags(
    "A Title", "A Title", "An Author", "A Narrator", genre="Audiobook", year="1999", description="About."
)


def speechlike(seconds: float, seed: int, level: float = 4000.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = int(seconds * 24_000)
    envelope = np.interp(
        np.arange(n),
        np.arange(0, n + 2400, 2400),
        rng.uniform(0, 1, n // 2400 + 2)[: len(np.arange(0, n + 2400, 2400))],
    )
    return (rng.normal(0, level, n) * envelope).clip(-32000, 32000).astype(np.int16)


def make_parts(clips: list[np.ndarray], pause: int = 9_000) -> tuple[list[Part], dict[str, bytes]]:
    blobs = {str(n): encode_flac(clip) for n, clip in enumerate(clips)}
    parts = [
        Part(str(n), len(c), whole_blocks(len(c), pause), block_energies(c).astype("<f4").tobytes())
        for n, c in enumerate(clips)
    ]
    return parts, blobs


def write(
    folder: Path, name: str, clips: list[np.ndarray], formats: tuple[str, ...] = ("m4a",)
) -> tuple[dict[str, Path], list[Part]]:
    parts, blobs = make_parts(clips)
    kbps = {"m4a": 64, "mp3": 64, "opus": 32}
    outputs = [(folder / f"{name}.{f}", Encoding(f, kbps.get(f, 0)), None) for f in formats]
    gain = choose_gain_db(measure_parts(parts), MASTERING)
    assemble(parts, outputs, read_blob=blobs.__getitem__, gain_db=gain, mastering=MASTERING)
    return {f: path for f, (path, _, _) in zip(formats, outputs, strict=True)}, parts


@given(st.integers(1, 10**7), st.integers(0, 10**6))
def test_clip_and_pause_are_whole_loudness_blocks(clip: int, pause: int) -> None:
    padded = whole_blocks(clip, pause)
    assert pause <= padded < pause + LOUDNESS_BLOCK_SAMPLES
    assert (clip + padded) % LOUDNESS_BLOCK_SAMPLES == 0


def test_every_format_decodes_to_the_exact_length(tmp_path: Path) -> None:
    formats = ("m4a", "mp3", "opus", "flac", "wav")
    paths, parts = write(tmp_path, "c", [speechlike(1.234, 1), speechlike(2.345, 2)], formats)
    for path in paths.values():
        assert len(decode_audio(path.read_bytes())) == chapter_samples(parts), path.name


def test_the_measured_loudness_is_the_encoded_loudness(tmp_path: Path) -> None:
    paths, parts = write(tmp_path, "c", [speechlike(3 + n / 7, n, 900.0) for n in range(6)], ("flac",))
    sound = decode_audio(paths["flac"].read_bytes())
    assert integrated_lufs([block_energies(sound)]) == pytest.approx(MASTERING.target_lufs, abs=0.05)
    assert measure_parts(parts) is not None


def test_integrated_loudness_agrees_with_ffmpeg(tmp_path: Path) -> None:
    sound = np.concatenate([speechlike(4, 7), np.zeros(24_000, np.int16), speechlike(6, 8, 1500.0)])
    graph = av.filter.Graph()
    chain = [
        graph.add_abuffer(sample_rate=24_000, format="s16", layout="mono"),
        graph.add("ebur128", "metadata=1"),
        graph.add("abuffersink"),
    ]
    chain[0].link_to(chain[1])
    chain[1].link_to(chain[2])
    graph.configure()
    frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 24_000
    graph.push(frame)
    graph.push(None)
    reading = "0"
    while True:
        try:
            reading = graph.pull().metadata["lavfi.r128.I"]  # type: ignore[union-attr]
        except (av.error.EOFError, av.error.BlockingIOError):
            break
    assert integrated_lufs([block_energies(sound)]) == pytest.approx(float(reading), abs=0.05)


def test_the_limiter_keeps_the_peak_under_its_ceiling(tmp_path: Path) -> None:
    click = speechlike(3, 3, 300.0)
    click[30_000:30_010] = 32_000
    paths, _ = write(tmp_path, "c", [click], ("flac",))
    peak = np.abs(decode_audio(paths["flac"].read_bytes()).astype(int)).max() / 32768
    assert 20 * np.log10(peak) <= MASTERING.peak_dbfs + 0.05


def test_silence_has_no_loudness_and_no_gain() -> None:
    assert integrated_lufs([np.zeros(100, np.float32)]) is None
    assert integrated_lufs([]) is None
    assert choose_gain_db(None, MASTERING) == 0.0


def test_a_clip_of_another_length_than_recorded_is_refused(tmp_path: Path) -> None:
    parts, blobs = make_parts([speechlike(1, 1), speechlike(1.5, 2)])
    blobs["1"] = blobs["0"]
    with pytest.raises(AudioError, match="samples"):
        assemble(
            parts,
            [(tmp_path / "x.wav", Encoding("wav"), None)],
            read_blob=blobs.__getitem__,
            gain_db=0.0,
            mastering=MASTERING,
        )


def test_joined_chapters_do_not_drift_by_a_sample(tmp_path: Path) -> None:
    chapters, sounds = [], []
    for n in range(12):
        paths, parts = write(tmp_path, str(n), [speechlike(0.7 + n * 0.131, n), speechlike(0.5, 50 + n)])
        chapters.append(EncodedChapter(paths["m4a"], f"Chapter {n}", chapter_samples(parts)))
        sounds.append(decode_audio(paths["m4a"].read_bytes()))
    write_m4b(tmp_path / "book.m4b", chapters, tags=TAGS, cover=None)
    whole = decode_audio((tmp_path / "book.m4b").read_bytes())
    assert len(whole) == sum(c.samples for c in chapters)
    at = 0
    for sound, chapter in zip(sounds, chapters, strict=True):
        joined = whole[at : at + chapter.samples].astype(int)
        assert np.abs(joined - sound[: chapter.samples]).max() <= 2
        at += chapter.samples


def test_an_m4b_has_marks_tags_and_cover_and_the_same_bytes_twice(tmp_path: Path) -> None:
    paths, parts = write(tmp_path, "c", [speechlike(1, 1)])
    chapters = [EncodedChapter(paths["m4a"], title, chapter_samples(parts)) for title in ("One", "Zwei — 二")]
    picture = Cover("image/png", make_png(np.full((30, 20, 3), 90, np.uint8)))
    for name in ("a.m4b", "b.m4b"):
        write_m4b(tmp_path / name, chapters, tags=TAGS, cover=picture)
    assert (tmp_path / "a.m4b").read_bytes() == (tmp_path / "b.m4b").read_bytes()
    with av.open(str(tmp_path / "a.m4b")) as container:
        marks = container.chapters()
        assert [m["metadata"]["title"] for m in marks] == ["One", "Zwei — 二"]
        assert marks[1]["start"] * float(marks[1]["time_base"]) == pytest.approx(
            chapters[0].samples / 24_000, abs=0.001
        )
        assert container.metadata["title"] == "A Title"
        assert container.metadata["artist"] == "An Author"
        assert container.metadata["composer"] == "A Narrator"
        assert container.streams.video[0].codec_context.width == 20


def test_a_book_of_many_chapters_keeps_all_marks(tmp_path: Path) -> None:
    paths, parts = write(tmp_path, "c", [speechlike(0.3, 1)])
    chapters = [EncodedChapter(paths["m4a"], f"Chapter {n}", chapter_samples(parts)) for n in range(300)]
    write_m4b(tmp_path / "book.m4b", chapters, tags=TAGS, cover=None)
    with av.open(str(tmp_path / "book.m4b")) as container:
        assert len(container.chapters()) == 300
