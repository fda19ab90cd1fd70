"""Clips of a chapter -> its audio: pauses, gain and cues worked out from the store, then one encoding pass."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.audio.assemble import HEAD_SAMPLES, assemble, chapter_samples, effected_parts, whole_blocks
from pipeline.audio.encode import Encoding, describe_encoder
from pipeline.audio.mastering import Mastering, choose_gain_db, measure_parts
from pipeline.audio.segments import encode_segments
from pipeline.errors import DamagedClips
from pipeline.model.audio import SAMPLE_RATE_HZ, ChapterAudio, Clip, Cue, Part
from pipeline.model.book import ReleaseTags
from pipeline.model.keys import content_address
from pipeline.model.text import BlockKind
from pipeline.publish.m4b import join_chapter
from pipeline.stages.context import Context
from pipeline.stages.events import ChapterReady
from pipeline.stages.order import Order, resolve_formats, resolve_mastering
from pipeline.stages.release_tags import chapter_tags
from pipeline.store.blobs import whole_file
from pipeline.store.documents import StoredBook, StoredChapter
from pipeline.store.plans import SKIPPED, PlannedChunk

ASSEMBLY_VERSION = 1
"""Raised when the same clips would sound otherwise."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A chunk that is heard, with its clip."""

    chunk: PlannedChunk
    kind: BlockKind
    text: str
    clip: Clip
    after_break: bool
    """A scene break stands before it."""


def assemble_chapter(context: Context, book: StoredBook, chapter: StoredChapter, order: Order) -> ChapterAudio:
    """Assemble a chapter, or find it assembled from the same clips, pauses and settings.

    Raises:
        DamagedClips: sound of some chunks is missing or changed; it was dropped and has to be made again.
        AudioError, StoreError.
    """
    spoken = list(_heard(context, chapter))
    parts = _parts(spoken, context.settings.pauses)
    mastering = resolve_mastering(context.settings, order)
    key = _sound_key(parts, mastering, context.settings.effects.hooks)
    outputs = _outputs(context, book, chapter, order, key)
    with context.store.lock(f"chapter {key}"):  # two runs of one book must not encode it twice
        missing = {path: output for path, output in outputs.items() if not path.is_file()}
        audio = context.store.releases.find_chapter(key, position=chapter.position, title=chapter.title)
        if audio is None or missing:
            audio = _assemble(context, chapter, spoken, parts, mastering, key, missing)
            context.report(ChapterReady(chapter.position, chapter.title, audio.seconds))
    replaced = context.store.plans.set_audio(chapter.id, key)
    if replaced:
        context.store.releases.remove_chapter(replaced)
    return audio


def find_assembled(context: Context, book: StoredBook, chapter: StoredChapter, order: Order) -> ChapterAudio | None:
    """The chapter as it was assembled from what is asked for now, where nothing has to be done; a few milliseconds."""
    if not chapter.audio_key:
        return None
    parts = _parts(list(_heard(context, chapter)), context.settings.pauses)
    if (
        _sound_key(parts, resolve_mastering(context.settings, order), context.settings.effects.hooks)
        != chapter.audio_key
    ):
        return None
    outputs = _outputs(context, book, chapter, order, chapter.audio_key)
    if not all(path.is_file() for path in outputs):
        return None
    return context.store.releases.find_chapter(chapter.audio_key, position=chapter.position, title=chapter.title)


def chapter_file(context: Context, key: str, encoding: Encoding, tags: ReleaseTags | None) -> Path:
    """Where the encoded chapter of that sound lies: one file for each encoder setting and set of tags."""
    name = content_address([describe_encoder(encoding), tags.fields() if tags else None])[:16]
    return context.store.releases.chapter_folder(key) / f"{name}.{encoding.format}"


def chapter_encoding(context: Context, name: str) -> Encoding:
    """How a format is encoded; an M4B is joined from M4A chapters."""
    rates = context.settings.encoding
    kbps = {"m4b": rates.aac_kbps, "m4a": rates.aac_kbps, "mp3": rates.mp3_kbps, "opus": rates.opus_kbps}
    return Encoding("m4a" if name == "m4b" else name, kbps.get(name, 0))


def _heard(context: Context, chapter: StoredChapter) -> Iterator[_Spoken]:
    """Chunks with a clip, in order; chunks without one are gaps that somebody allowed."""
    planned = context.store.plans.with_kinds(chapter.id)
    clips = context.store.clips.find(chunk.clip_key for chunk, _, _ in planned if chunk.clip_key)
    breaks = {
        index
        for index, block in enumerate(context.store.documents.blocks(chapter.id))
        if block.kind is BlockKind.SCENE_BREAK
    }
    last = -1
    for chunk, kind, text in planned:
        clip = clips.get(chunk.clip_key)
        if chunk.state == SKIPPED or clip is None:
            continue
        after_break = any(last < index < chunk.block_position for index in breaks) and last >= 0
        last = chunk.block_position
        yield _Spoken(chunk, kind, text, clip, after_break)


def _parts(spoken: Sequence[_Spoken], pauses: dict[str, float]) -> list[Part]:
    parts = []
    for this, following in zip(spoken, [*spoken[1:], None], strict=True):
        seconds = pause_s(this, following, pauses) if following else 0.0
        pause = whole_blocks(this.clip.samples, round(seconds * SAMPLE_RATE_HZ))
        parts.append(Part(this.clip.blob, this.clip.samples, pause, this.clip.energies))
    return parts


def pause_s(before: _Spoken, after: _Spoken, pauses: dict[str, float]) -> float:
    """Silence between two chunks in seconds: the most exact entry of the table that fits."""
    if before.chunk.block_position == after.chunk.block_position:
        return pauses["sentence"]
    if after.after_break:
        return pauses["scene_break"]
    names = (f"{before.kind} > {after.kind}", f"* > {after.kind}", f"{before.kind} > *", "* > *")
    return next(pauses[name] for name in names if name in pauses)


def _sound_key(parts: Sequence[Part], mastering: Mastering, hooks: Sequence[str]) -> str:
    sound = [[part.blob, part.pause_samples] for part in parts]
    return content_address([ASSEMBLY_VERSION, sound, mastering.target_lufs, mastering.peak_dbfs, list(hooks)])


def _outputs(
    context: Context, book: StoredBook, chapter: StoredChapter, order: Order, key: str
) -> dict[Path, tuple[Encoding, ReleaseTags | None]]:
    outputs: dict[Path, tuple[Encoding, ReleaseTags | None]] = {}
    for name in resolve_formats(context.settings, order):
        encoding = chapter_encoding(context, name)
        tags = None if name == "m4b" else chapter_tags(context, book, chapter, order)
        outputs[chapter_file(context, key, encoding, tags)] = (encoding, tags)
    return outputs


def _assemble(
    context: Context,
    chapter: StoredChapter,
    spoken: Sequence[_Spoken],
    parts: Sequence[Part],
    mastering: Mastering,
    key: str,
    outputs: dict[Path, tuple[Encoding, ReleaseTags | None]],
) -> ChapterAudio:
    read = _BlobReader(context, spoken)
    heard = effected_parts(parts, read, context.hooks) if context.hooks else list(parts)
    loudness = measure_parts(heard)
    gain_db = choose_gain_db(loudness, mastering)
    how: dict[str, Any] = {"read_blob": read, "gain_db": gain_db, "mastering": mastering, "hooks": context.hooks}
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path)), encoding, tags) for path, (encoding, tags) in outputs.items()]
        for path, encoding, tags in (file for file in files if file[1].format == "m4a"):
            pieces = Path(stack.enter_context(TemporaryDirectory(dir=context.store.data / "work", prefix="segments-")))
            # a user's hooks were never asked to be called from several threads
            each = map if context.hooks else context.encoders.map
            join_chapter(path, encode_segments(heard, pieces, encoding, **how, each=each), tags)
        if others := [file for file in files if file[1].format != "m4a"]:
            assemble(heard, others, **how)
    audio = ChapterAudio(key, chapter.position, chapter.title, chapter_samples(heard), loudness, gain_db)
    context.store.releases.save_chapter(audio, list(_cues(spoken, heard)))
    return audio


class _BlobReader:
    """Gives the sound of clips; notices damage, and drops every damaged clip of the chapter at once."""

    def __init__(self, context: Context, spoken: Sequence[_Spoken]) -> None:
        self._clips = context.store.clips
        self._spoken = spoken

    def __call__(self, digest: str) -> bytes:
        data = self._clips.blobs.find(digest)
        if data is None:
            raise self._damaged()
        return data

    def _damaged(self) -> DamagedClips:
        bad = [s for s in self._spoken if self._clips.blobs.find(s.clip.blob) is None]
        self._clips.drop([s.clip.key for s in bad])
        ids = tuple(s.chunk.id for s in bad)
        return DamagedClips(
            f"The sound of {len(ids)} chunks was missing or damaged", chunk_ids=ids, remedy="bookcast cache verify"
        )


def _cues(spoken: Sequence[_Spoken], parts: Sequence[Part]) -> Iterator[Cue]:
    """Sentences with their times in the chapter; hooks that change a clip's length stretch its cues."""
    at = HEAD_SAMPLES
    for this, part in zip(spoken, parts, strict=True):
        stretch = part.samples / this.clip.samples if this.clip.samples else 1.0
        start = at
        for sentence, end in zip(this.chunk.sentences, this.clip.sentence_ends_samples, strict=True):
            stop = at + round(end * stretch)
            yield Cue(sentence.id, " ".join(sentence.span.of(this.text).split()), start, stop)
            start = stop
        at += part.samples + part.pause_samples
