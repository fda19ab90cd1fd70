"""A chapter's blocks -> its plan: chunks, each with the key of the clip that speaks it. Planning writes nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pipeline.model.edits import SentenceEdit, WrittenSentence, edits_of_chapter, place_edits
from pipeline.model.keys import clip_key, content_address, fold_text, former_clip_key
from pipeline.model.plan import ChapterPlan, PlannedChunk
from pipeline.model.text import Block, Chunk
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.reading.chapter_text import ChapterText
from pipeline.narration.reading.spoken_rules import SpokenRules, spoken_rules
from pipeline.speech.registry import language_of
from pipeline.text.chunks import plan_chunks


class Planner:
    """Plans the chapters of one book for one order; what all of them share is worked out once."""

    def __init__(self, context: Context, order: Order, *, book: str = "", digests: Iterable[str] = ()) -> None:
        """Args:
            context: the open data directory.
            order: what is asked for.
            book: slug, for its pronunciations and edits; empty for a text that is in no book.
            digests: of all chapters of the edition.

        Raises:
            UnknownBackend, UnknownVoice, SettingsError, StoreError.
        """
        self._store = context.store
        self.rules: SpokenRules = spoken_rules(context, order, book)
        self._rules_id = self.rules.id  # hashed once: the key of every chapter needs it
        self._digests = frozenset(digests)
        self._edits = context.store.changes.sentences(book) if book else []

    def find(self, chapter: ChapterText) -> ChapterPlan | None:
        """The stored plan that `plan` would make."""
        return self._store.plans.find(self._key(chapter, self._edits_of(chapter)))

    def plan(self, chapter: ChapterText) -> ChapterPlan:
        """The plan of a chapter, in memory."""
        edits = self._edits_of(chapter)
        chunks = self.chunks(chapter.read_blocks(), _placing(edits, chapter))
        planned = (self._planned(chunk, number) for number, chunk in enumerate(chunks, 1))
        return ChapterPlan(self._key(chapter, edits), tuple(planned))

    def chunks(
        self, blocks: Iterable[Block], change: Callable[[Sequence[WrittenSentence]], Mapping[str, str]] | None = None
    ) -> Iterable[Chunk]:
        """The chunks of these blocks, in order."""
        prepared = self.rules.prepared(blocks)
        return plan_chunks(prepared, self.rules.speak, self.rules.packing, change or (lambda sentences: {}))

    def former_keys(self, chunks: Iterable[PlannedChunk]) -> dict[str, list[str]]:
        """By clip key, the keys that an older Bookcast may have kept the clip under."""
        choice = self.rules.choice
        # The first version keyed clips by a language no voice was told: that of the book, that of the voice, or none.
        languages = {self.rules.language, language_of(self.rules.able, choice.voice).split("-")[0].lower(), ""}
        return {
            chunk.clip_key: [former_clip_key([s.spoken for s in chunk.sentences], choice, each) for each in languages]
            for chunk in chunks
        }

    def _edits_of(self, chapter: ChapterText) -> list[SentenceEdit]:
        candidates = edits_of_chapter(self._edits, chapter.digest, self._digests)
        if all(edit.chapter_digest == chapter.digest for edit in candidates):
            return candidates
        # set in an earlier edition: only where its words are may it change anything
        text = "\n".join(fold_text(block.text) for block in chapter.read_blocks())
        return [edit for edit in candidates if edit.chapter_digest == chapter.digest or edit.written in text]

    def _key(self, chapter: ChapterText, edits: Sequence[SentenceEdit]) -> str:
        changes = [
            [e.chapter_digest, e.chapter_title, e.sentence_id, e.written, e.before, e.after, e.spoken] for e in edits
        ]
        # the title decides only where an edit of another edition may belong
        return content_address([chapter.digest, self._rules_id, changes, chapter.title if changes else ""])

    def _planned(self, chunk: Chunk, number: int) -> PlannedChunk:
        spoken = [sentence.spoken for sentence in chunk.sentences]
        return PlannedChunk(
            id=chunk.id,
            block_position=chunk.block_index,
            span=chunk.span,
            sentences=chunk.sentences,
            clip_key=clip_key(spoken, self.rules.choice) if spoken else "",
            skip_reason=chunk.skip_reason,
            number=number,
        )


def _placing(
    edits: Sequence[SentenceEdit], chapter: ChapterText
) -> Callable[[Sequence[WrittenSentence]], Mapping[str, str]]:
    def change(sentences: Sequence[WrittenSentence]) -> Mapping[str, str]:
        placed = place_edits(edits, chapter.digest, chapter.title, sentences)
        return {sentence: edit.spoken for sentence, edit in placed.items()}

    return change


def plan_chapter(context: Context, planner: Planner, chapter: ChapterText) -> ChapterPlan:
    """Plan a chapter and keep the plan: the stage of a run. Raises: SettingsError, StoreError."""
    plan = planner.plan(chapter)
    context.store.plans.save(plan)
    return plan
