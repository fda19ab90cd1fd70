"""Who speaks the chunks of a run: the voice of the order, and the one that its settings name for when it fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate

from pipeline.model.keys import clip_key, fold_text
from pipeline.model.plan import PlannedChunk
from pipeline.model.text import Block
from pipeline.model.voice import SpeechRequest, VoiceChoice
from pipeline.narration.core.order import Order, find_fallback, resolve_voice
from pipeline.narration.core.run_state import Run
from pipeline.narration.reading.spoken_rules import SpokenRules, spoken_rules
from pipeline.narration.speaking.engine_pool import Makers
from pipeline.narration.speaking.turns import Turn
from pipeline.store.records.editions import StoredChapter
from pipeline.store.sound.heard_clips import StandIn
from pipeline.text.chunks import cut


@dataclass(frozen=True, slots=True)
class Errand:
    """A chunk as one voice speaks it."""

    chunk: PlannedChunk
    speech: SpeechRequest
    key: str
    """Of the clip that it becomes: that of the chunk, or, by another voice, one of its own."""
    stand_in: StandIn | None = None
    """By another voice, how its clip stands in for the one that was wanted."""


class Speaker:
    """The voice of the order."""

    def __init__(self, makers: Makers, choice: VoiceChoice, turn: Turn) -> None:
        self.makers = makers
        self.choice = choice
        self.turn = turn

    def errand(self, chunk: PlannedChunk) -> Errand:
        """The chunk as it was planned."""
        sentences = tuple(sentence.spoken for sentence in chunk.sentences)
        return Errand(chunk, speech=SpeechRequest(sentences, self.choice), key=chunk.clip_key)


class Spare(Speaker):
    """The voice that speaks what another one could not.

    A plan is made for one voice: what it says, and how much of it in one request, is worked out anew for this one.
    Its clips are kept under their own keys, so that no other book takes them for those of the first voice.
    """

    def __init__(
        self, run: Run, first: VoiceChoice, order: Order, makers: Makers, turn: Turn, read: Callable[[], list[Block]]
    ) -> None:
        choice, self._able = resolve_voice(run.context.settings, order)
        super().__init__(makers, choice, turn)
        self._run = run
        self._order = order
        self._read_blocks = read
        self._reason = f"spoken by {choice.backend} ({choice.voice}) because {first.backend} failed"

    # Worked out with the first chunk that fails: most runs never need the spare voice.
    @cached_property
    def _blocks(self) -> list[Block]:
        return self._rules.prepared(self._read_blocks())

    @cached_property
    def _rules(self) -> SpokenRules:
        return spoken_rules(self._run.context, self._order, self._run.book.slug)

    @cached_property
    def _own_words(self) -> set[tuple[str, str]]:
        """What a person changed: folded text of a sentence, and how it is to be spoken."""
        edits = self._run.context.store.changes.sentences(self._run.book.slug)
        return {(edit.written, edit.spoken) for edit in edits}

    def errand(self, chunk: PlannedChunk) -> Errand:
        """The chunk in this voice, each sentence in as many pieces as one request may hold."""
        pieces = [self._pieces(spoken) for spoken in self._spoken(chunk)]
        speech = SpeechRequest(tuple(piece for sentence in pieces for piece in sentence), self.choice)
        key = clip_key(speech.sentences, self.choice)
        # Cues are made per sentence of the chunk, however many pieces this voice needs for it.
        ends = tuple(count - 1 for count in accumulate(map(len, pieces)))
        stand_in = StandIn(wanted_key=chunk.clip_key, clip_key=key, piece_ends=ends, reason=self._reason)
        return Errand(chunk, speech=speech, key=key, stand_in=stand_in)

    def _spoken(self, chunk: PlannedChunk) -> Iterator[str]:
        block = self._blocks[chunk.block_position]
        for sentence in chunk.sentences:
            written = sentence.span.of(block.text)
            # what a person wrote stays as it is; what the first voice's rules made is made anew. To make it by
            # these rules and compare would not tell: a pronunciation may have been set since the chunk was planned
            is_own = (fold_text(written), sentence.spoken) in self._own_words
            yield sentence.spoken if is_own else self._rules.speak(written, block).strip()

    def _pieces(self, spoken: str) -> list[str]:
        fits = self._rules.packing.fits
        if fits([spoken]):
            return [spoken]
        spans = cut(spoken, lambda text: fits([text.strip()]))
        return [piece for span in spans if (piece := span.of(spoken).strip())]


def speakers_of(run: Run, chapter: StoredChapter, wake: Callable[[], None]) -> list[Speaker]:
    """The voice of the run's order, and its spare where there is one.

    Args:
        run: whose they are.
        chapter: that they speak.
        wake: is called, in any thread, when there may be a place at a voice.

    Raises:
        UnknownBackend, UnknownVoice, SettingsError: its key is not there.
    """
    context = run.context
    choice, _ = resolve_voice(context.settings, run.order)
    makers = context.makers(run.order)
    first = Speaker(makers, choice, makers.turns.join(wake))
    order = find_fallback(context.settings, run.order)  # the one that the caps were checked for
    if order is None:
        return [first]
    spare_makers = context.makers(order)
    read = partial(context.store.editions.blocks, chapter.id)
    return [first, Spare(run, choice, order, spare_makers, spare_makers.turns.join(wake), read)]
