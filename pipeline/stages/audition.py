"""A text of one's own -> a sound file, by the same plan, clips and assembly as a book."""

from pathlib import Path
from uuid import uuid4

from pipeline.audio.assemble import assemble, chapter_samples, whole_blocks
from pipeline.audio.encode import Encoding
from pipeline.audio.mastering import Mastering, choose_gain_db, measure_parts
from pipeline.errors import SettingsError
from pipeline.model.audio import SAMPLE_RATE_HZ, Clip, Part
from pipeline.model.keys import clip_key
from pipeline.model.text import Block, BlockKind
from pipeline.model.voice import SpeechRequest
from pipeline.stages.account import Account, caps_of
from pipeline.stages.assemble_chapter import chapter_encoding
from pipeline.stages.context import Context
from pipeline.stages.order import Order, resolve_voice
from pipeline.stages.plan_narration import plan_blocks
from pipeline.store.blobs import whole_file
from pipeline.store.clips import KeptClip

_FORMATS = ("wav", "mp3", "m4a", "opus", "flac")


def audition(context: Context, text: str, output: Path, order: Order) -> float:
    """Speak `text` into the file `output`; its length in seconds.

    Raises:
        SettingsError: nothing in the text can be spoken, or the file's kind is unknown.
        SynthesisError, StoreError.
    """
    encoding = _encoding(context, output)
    choice, _ = resolve_voice(context.settings, order)
    blocks = [Block(BlockKind.PARAGRAPH, " ".join(p.split())) for p in text.split("\n\n") if p.strip()]
    requests = [
        SpeechRequest(tuple(s.spoken for s in chunk.sentences), choice)
        for chunk in plan_blocks(context, blocks, order)
        if chunk.sentences
    ]
    if not requests:
        raise SettingsError("There is nothing to speak in this text", key="text", remedy="give a text with words")
    account = Account(uuid4().hex, "", caps_of(context.settings, order), context.check_stopping, context.check_stopping)
    clips = [_clip(context, request, order, account) for request in requests]
    pause = round(context.settings.pauses["* > *"] * SAMPLE_RATE_HZ)
    parts = [Part(c.blob, c.samples, whole_blocks(c.samples, pause), c.energies) for c in clips]
    mastering = Mastering(context.settings.mastering.target_lufs, context.settings.mastering.peak_dbfs)
    gain_db = choose_gain_db(measure_parts(parts), mastering)
    with whole_file(output) as path:
        assemble(
            parts,
            [(path, encoding, None)],
            read_blob=lambda digest: context.store.clips.blobs.path(digest).read_bytes(),
            gain_db=gain_db,
            mastering=mastering,
        )
    return chapter_samples(parts) / SAMPLE_RATE_HZ


def _encoding(context: Context, output: Path) -> Encoding:
    name = output.suffix.lower().lstrip(".")
    if name not in _FORMATS:
        raise SettingsError(
            f"{output} is not a kind of sound file that is written", key="output", remedy="use ." + ", .".join(_FORMATS)
        )
    return chapter_encoding(context, name)


def _clip(context: Context, request: SpeechRequest, order: Order, account: Account) -> Clip:
    key = clip_key(request.sentences, request.choice)
    found = context.store.clips.find([key])
    if key in found and context.store.clips.blobs.find(found[key].blob) is not None:
        return found[key]
    makers = context.makers(order)
    made = makers.result(makers.submit(request, key, account), request, key, account)
    kept = KeptClip(made.clip, request.choice, len(request.text), made.attempts, made.remark, made.answers)
    context.store.clips.keep([kept])
    return made.clip
