"""A text of one's own -> clips with pauses, in order, through the clip cache: no book, no chapters.

Each clip is made once, whoever asks at the same moment; the next few are spoken while one is being heard.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import numpy as np

from pipeline.audio.assemble import whole_blocks
from pipeline.audio.pcm import Samples, decode_audio
from pipeline.errors import SettingsError, StoreError, UnsupportedLanguage
from pipeline.model.audio import SAMPLE_RATE_HZ, Clip, Part
from pipeline.model.keys import clip_key
from pipeline.model.text import Block, BlockKind
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.account import Account, Warnings, caps_of
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, resolve_voice
from pipeline.narration.reading.plan_chapter import Planner
from pipeline.narration.reading.spoken_rules import UNREADABLE
from pipeline.narration.speaking.engine_pool import Makers
from pipeline.narration.upkeep.rebuild_cache import recover_cache
from pipeline.store.sound.clips import KeptClip

AHEAD = 4
"""Clips that are being made while an earlier one is waited for."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One request of a text, and the silence that follows it."""

    request: SpeechRequest
    pause_s: float


def plan_text(context: Context, text: str, order: Order) -> list[Passage]:
    """What has to be spoken for `text`; paragraphs are parted by empty lines.

    Raises:
        SettingsError: nothing in the text can be spoken.
        UnsupportedLanguage: the voice cannot pronounce a passage.
    """
    choice, _ = resolve_voice(context.settings, order)
    blocks = [Block(BlockKind.PARAGRAPH, " ".join(p.split())) for p in text.split("\n\n") if p.strip()]
    spoken = []
    for chunk in Planner(context, order).chunks(blocks):
        if chunk.skip_reason.startswith(UNREADABLE):
            excerpt = chunk.span.of(blocks[chunk.block_index].text)[:60]
            raise UnsupportedLanguage(
                f'The voice "{choice.voice}" of {choice.backend} cannot read "{excerpt}" '
                f"({chunk.skip_reason.removeprefix(UNREADABLE)})",
                backend=choice.backend,
                remedy="choose a backend that reads this language",
            )
        if chunk.sentences:
            spoken.append(chunk)
    if not spoken:
        raise SettingsError("There is nothing to speak in this text", key="text", remedy="give a text with words")
    pauses = context.settings.pauses
    return [
        Passage(
            SpeechRequest(tuple(s.spoken for s in chunk.sentences), choice),
            pauses["sentence"] if after is not None and after.block_index == chunk.block_index else pauses["* > *"],
        )
        for chunk, after in zip(spoken, [*spoken[1:], None], strict=True)
    ]


def speak_text(context: Context, passages: Sequence[Passage], order: Order) -> Iterator[Part]:
    """The clips of the passages in order, each with the silence after it; made as they are asked for.

    Raises:
        SynthesisError, SettingsError, StoreError.
    """
    recover_cache(context)
    keys = [clip_key(passage.request.sentences, passage.request.choice) for passage in passages]
    found = context.store.clips.find(keys)
    # A text that was spoken before needs no voice, so none is started and a listener need not wait for one.
    if all(key in found and context.store.clips.blobs.path(found[key].blob).is_file() for key in keys):
        yield from (_part(found[key], passage) for key, passage in zip(keys, passages, strict=True))
        return
    run = uuid4().hex
    account = Account(
        run=run,
        cap_id=order.cap_id or run,
        book="",
        caps=caps_of(context.settings, order),
        check_stopping=context.check_stopping,
        check_paid=context.check_stopping,
        warn=Warnings(context.report),
    )
    makers = context.makers(order)
    waiting: deque[Future[Clip]] = deque()
    with ThreadPoolExecutor(AHEAD, thread_name_prefix="speak") as threads:
        try:
            coming = iter(passages)
            for passage in passages:
                while len(waiting) < AHEAD and (further := next(coming, None)):
                    waiting.append(threads.submit(_clip, context, makers, further.request, account))
                yield _part(waiting.popleft().result(), passage)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # who asked may have gone away


def _part(clip: Clip, passage: Passage) -> Part:
    pause = whole_blocks(clip.samples, round(passage.pause_s * SAMPLE_RATE_HZ))
    return Part(blob=clip.blob, samples=clip.samples, pause_samples=pause, energies=clip.energies)


def _clip(context: Context, makers: Makers, request: SpeechRequest, account: Account) -> Clip:
    """The clip of a request: the stored one, ours, or that of who is making it right now."""
    key = clip_key(request.sentences, request.choice)
    clips, claims = context.store.clips, context.store.claims
    while True:
        found = clips.find([key]).get(key)
        # The row alone proves nothing: somebody is about to hear the file.
        if found and clips.blobs.find(found.blob) is not None:
            return found
        # A damaged clip still has its row, which would refuse the claim.
        if claims.claim([key], again=found is not None):
            break
        account.check_stopping()
        # Short, because a person may be waiting for the sound that another program is making.
        time.sleep(0.05)
    try:
        made = makers.result(makers.submit(request, key, account), request, key, account)
        clips.keep([KeptClip(made.clip, made.answers)])
    except BaseException:  # a claim that is forgotten here would hold until this program ends
        claims.release([key])
        raise
    return made.clip


def part_sound(context: Context, part: Part) -> Iterator[Samples]:
    """The samples of a part with its silence. Raises: StoreError where its sound is gone, AudioError."""
    data = context.store.clips.blobs.find(part.blob)
    if data is None:
        raise StoreError("The sound of a clip went away while it was being sent", remedy="ask again")
    yield decode_audio(data)
    yield np.zeros(part.pause_samples, np.int16)
