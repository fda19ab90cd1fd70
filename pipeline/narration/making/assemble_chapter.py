"""A chapter's plan and clips -> its audio: pauses, gain and cues are worked out first, then one encoding pass."""

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
from pipeline.model.plan import ChapterPlan, PlannedChunk
from pipeline.model.text import Block, BlockKind
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import ChapterReady
from pipeline.narration.core.order import Order, resolve_formats, resolve_mastering
from pipeline.narration.making.release_tags import chapter_tags
from pipeline.publish.m4b import join_chapter
from pipeline.store.files.whole_file import whole_file
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.editions import StoredChapter
from pipeline.store.records.releases import ReleasedChapter

ASSEMBLY_VERSION = 1
"""Raised when the same clips would sound otherwise."""
SEGMENTS = "segments-"
"""How folders of the work folder begin that hold a chapter while it is encoded."""


@dataclass(frozen=True, slots=True)
class MadeChapter:
    """An assembled chapter, with the plan that it speaks."""

    chapter: StoredChapter
    plan_key: str
    audio: ChapterAudio

    @property
    def released(self) -> ReleasedChapter:
        """As a release records it."""
        return ReleasedChapter(
            chapter_id=self.chapter.id,
            position=self.chapter.position,
            plan_key=self.plan_key,
            audio_key=self.audio.key,
        )


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A chunk that is heard, with its clip."""

    chunk: PlannedChunk
    block: Block
    clip: Clip
    after_break: bool
    """A scene break comes before it."""


def assemble_chapter(
    context: Context, book: StoredBook, chapter: StoredChapter, plan: ChapterPlan, order: Order
) -> MadeChapter | None:
    """Assemble a chapter, or find it assembled from the same clips, pauses and settings.

    Returns:
        The chapter; None where nothing of it is heard, so that it has no sound.

    Raises:
        DamagedClips: chunks without a clip where the order allows no gaps, or whose sound is missing or changed;
            what is damaged was dropped. They have to be made again.
        AudioError, StoreError.
    """
    spoken = _heard(context, chapter, plan, order)
    if not spoken:
        return None
    parts = _parts(spoken, context.settings.pauses)
    mastering = resolve_mastering(context.settings, order)
    key = _sound_key(parts, mastering, context.settings.effects.hooks)
    outputs = _outputs(context, book, chapter, order, key)
    # two runs of one book must not encode it twice, and upkeep must not remove what is about to be used
    with context.store.lock(f"chapter {key}"):
        missing = {path: output for path, output in outputs.items() if not path.is_file()}
        audio = context.store.chapters.find(key, position=chapter.position, title=chapter.title)
        if audio is None or missing:
            audio = _assemble(context, chapter, spoken, parts, mastering, key, missing)
            context.report(ChapterReady(chapter.position, chapter.title, audio.seconds, book=book.slug))
    made = MadeChapter(chapter, plan.key, audio)
    context.store.releases.point(book.slug, [made.released])
    return made


def find_assembled(
    context: Context, book: StoredBook, chapter: StoredChapter, plan: ChapterPlan, order: Order
) -> MadeChapter | None:
    """The chapter as it was assembled from what is asked for now, where nothing has to be done; a few milliseconds."""
    try:
        spoken = _heard(context, chapter, plan, order)
    except DamagedClips:
        return None
    if not spoken:
        return None
    parts = _parts(spoken, context.settings.pauses)
    key = _sound_key(parts, resolve_mastering(context.settings, order), context.settings.effects.hooks)
    # Where people are given other sound, this chapter must be pointed at first, which only the stage does.
    if key != chapter.audio_key or not all(map(Path.is_file, _outputs(context, book, chapter, order, key))):
        return None
    audio = context.store.chapters.find(key, position=chapter.position, title=chapter.title)
    return MadeChapter(chapter, plan.key, audio) if audio else None


def chapter_file(context: Context, key: str, encoding: Encoding, tags: ReleaseTags | None) -> Path:
    """Where the encoded chapter of that sound lies: one file for each encoder setting and set of tags."""
    name = content_address([describe_encoder(encoding), tags.fields() if tags else None])[:16]
    return context.store.chapters.folder(key) / f"{name}.{encoding.format}"


def chapter_encoding(context: Context, name: str) -> Encoding:
    """How a format is encoded; an M4B is joined from M4A chapters."""
    rates = context.settings.encoding
    kbps = {"m4b": rates.aac_kbps, "m4a": rates.aac_kbps, "mp3": rates.mp3_kbps, "opus": rates.opus_kbps}
    return Encoding("m4a" if name == "m4b" else name, kbps.get(name, 0))


def _heard(context: Context, chapter: StoredChapter, plan: ChapterPlan, order: Order) -> list[_Spoken]:
    """The chunks of the plan with their clips, in order. Raises: DamagedClips where one has none, unless it may."""
    clips = context.store.heard.find(chapter.book, plan.clip_keys)
    silent = tuple(chunk.id for chunk in plan.spoken if chunk.clip_key not in clips)
    if silent and not order.allow_gaps:
        raise DamagedClips(f"The sound of {len(silent)} passages is missing", chunk_ids=silent)
    blocks = context.store.editions.blocks(chapter.id)
    # No chunk speaks a scene break, so breaks are looked for between the blocks of two chunks.
    breaks = [index for index, block in enumerate(blocks) if block.kind is BlockKind.SCENE_BREAK]
    spoken: list[_Spoken] = []
    for chunk in plan.spoken:
        if clip := clips.get(chunk.clip_key):
            last = spoken[-1].chunk.block_position if spoken else chunk.block_position
            after_break = any(last < index < chunk.block_position for index in breaks)
            spoken.append(_Spoken(chunk, block=blocks[chunk.block_position], clip=clip, after_break=after_break))
    return spoken


def _parts(spoken: Sequence[_Spoken], pauses: dict[str, float]) -> list[Part]:
    parts = []
    for this, following in zip(spoken, [*spoken[1:], None], strict=True):
        seconds = pause_s(this, following, pauses) if following else 0.0
        # Whole blocks, so that stored energies add up to the chapter's loudness without reading any sound.
        pause = whole_blocks(this.clip.samples, round(seconds * SAMPLE_RATE_HZ))
        clip = this.clip
        parts.append(Part(blob=clip.blob, samples=clip.samples, pause_samples=pause, energies=clip.energies))
    return parts


def pause_s(before: _Spoken, after: _Spoken, pauses: dict[str, float]) -> float:
    """Silence between two chunks in seconds: the most exact entry of the table that fits."""
    if before.chunk.block_position == after.chunk.block_position:
        return pauses["sentence"]
    if after.after_break:
        return pauses["scene_break"]
    this, next_ = before.block.kind, after.block.kind
    names = (f"{this} > {next_}", f"* > {next_}", f"{this} > *", "* > *")
    return next(pauses[name] for name in names if name in pauses)


def _sound_key(parts: Sequence[Part], mastering: Mastering, hooks: Sequence[str]) -> str:
    # By the sound itself, not by clip keys: a new take of a clip is another chapter.
    sound = [[part.blob, part.pause_samples] for part in parts]
    return content_address([ASSEMBLY_VERSION, sound, mastering.target_lufs, mastering.peak_dbfs, list(hooks)])


def _outputs(
    context: Context, book: StoredBook, chapter: StoredChapter, order: Order, key: str
) -> dict[Path, tuple[Encoding, ReleaseTags | None]]:
    outputs: dict[Path, tuple[Encoding, ReleaseTags | None]] = {}
    for name in resolve_formats(context.settings, order):
        encoding = chapter_encoding(context, name)
        # An M4B gets its tags when it is joined, so a new title does not encode its chapters again.
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
    # Effects change length and loudness, so what they give is measured first, at the price of decoding twice.
    heard = effected_parts(parts, read, context.hooks) if context.hooks else list(parts)
    loudness = measure_parts(heard)
    gain_db = choose_gain_db(loudness, mastering)
    how: dict[str, Any] = {"read_blob": read, "gain_db": gain_db, "mastering": mastering, "hooks": context.hooks}
    prefix = f"{SEGMENTS}{context.store.owner.id}-"  # so that upkeep knows whose it is
    with ExitStack() as stack:
        files = [(stack.enter_context(whole_file(path)), encoding, tags) for path, (encoding, tags) in outputs.items()]
        for path, encoding, tags in (file for file in files if file[1].format == "m4a"):
            pieces = Path(stack.enter_context(TemporaryDirectory(dir=context.store.data / "work", prefix=prefix)))
            # a user's hooks were never asked to be called from several threads
            each = map if context.hooks else context.encoders.map
            join_chapter(path, encode_segments(heard, pieces, encoding, **how, each=each), tags)
        # The other formats share one pass over the sound. M4A does not need it: its segments are encoded side by side.
        if others := [file for file in files if file[1].format != "m4a"]:
            assemble(heard, others, **how)
    audio = ChapterAudio(
        key=key,
        position=chapter.position,
        title=chapter.title,
        samples=chapter_samples(heard),
        loudness_lufs=loudness,
        gain_db=gain_db,
    )
    context.store.chapters.save(audio, list(_cues(spoken, heard)))
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
        self._clips.drop({s.clip.key: s.clip.blob for s in bad})
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
            # As written, not as spoken, because captions show the book's own words.
            text = " ".join(sentence.span.of(this.block.text).split())
            yield Cue(sentence_id=sentence.id, text=text, start_samples=start, end_samples=stop)
            start = stop
        at += part.samples + part.pause_samples
