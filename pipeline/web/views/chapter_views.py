"""A chapter as its page and the REST interface show it: sentence by sentence, with where each is heard."""

from dataclasses import dataclass
from typing import Any

from pipeline.errors import NotFound
from pipeline.model.audio import SAMPLE_RATE_HZ, Cue
from pipeline.model.plan import ChunkState
from pipeline.model.text import BlockKind
from pipeline.narration.core.context import Context
from pipeline.narration.upkeep.edit_book import edits_in_chapter
from pipeline.store.records.chunk_states import ChunkPlace
from pipeline.store.records.editions import StoredChapter
from pipeline.web.views.book_views import audio_address, failed_chunk
from pipeline.web.views.one_moment import of_one_moment


@dataclass(frozen=True, slots=True)
class SentenceView:
    """A sentence on the page of its chapter."""

    id: str
    text: str
    state: str
    """done, pending, failed or skipped."""
    start_s: float | None
    end_s: float | None
    is_changed: bool
    reason: str
    chunk: str


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block on the page of its chapter."""

    kind: str
    level: int
    sentences: tuple[SentenceView, ...]


@of_one_moment
def chapter(context: Context, slug: str, number: int) -> dict[str, Any]:
    """A chapter (from 1) with its text, sentence by sentence. Raises: NotFound."""
    stored = get_chapter(context, slug, number)
    cues: dict[str, Cue] = {}
    if stored.audio_key and context.store.chapters.find(stored.audio_key, position=0, title=""):
        cues = {cue.sentence_id: cue for cue in context.store.chapters.cues(stored.audio_key)}
    changed = edits_in_chapter(context, slug, stored.position)
    planned = context.store.chunks.places(slug, chapter=stored.position)
    blocks: dict[int, list[SentenceView]] = {}
    kinds: dict[int, BlockKind] = {}
    for place in planned:
        kinds[place.chunk.block_position] = place.kind
        blocks.setdefault(place.chunk.block_position, []).extend(_sentences(place, cues, set(changed)))
    levels = {i: b.level for i, b in enumerate(context.store.editions.blocks(stored.id)) if b.level}
    lengths = context.store.chapters.lengths(slug).get(stored.position)
    return {
        "number": number,
        "title": stored.title,
        "count": context.store.editions.count_beside(stored.id),
        "audio": audio_address(slug, stored) if lengths else "",
        "seconds": lengths[0] / SAMPLE_RATE_HZ if lengths else None,
        "blocks": [BlockView(kinds[at].value, levels.get(at, 0), tuple(blocks[at])) for at in sorted(blocks)],
        "failed": [failed_chunk(place) for place in planned if place.state is ChunkState.FAILED],
        "is_planned": bool(planned),
    }


def get_chapter(context: Context, slug: str, number: int) -> StoredChapter:
    """A stored chapter by number, from 1. Raises: NotFound."""
    context.store.documents.get_book(slug)
    found = context.store.editions.find_chapter(slug, number - 1)
    if found is None:
        raise NotFound(f"The book has no chapter {number}", remedy="choose one of the list")
    return found


def _sentences(place: ChunkPlace, cues: dict[str, Cue], changed: set[str]) -> list[SentenceView]:
    chunk = place.chunk
    if not chunk.sentences:
        return [
            SentenceView(
                id="",
                text=place.text,
                state=place.state,
                start_s=None,
                end_s=None,
                is_changed=False,
                reason=place.reason,
                chunk=chunk.id,
            )
        ]
    views = []
    for sentence in chunk.sentences:
        cue = cues.get(sentence.id)
        views.append(
            SentenceView(
                id=sentence.id,
                text=place.written(sentence),
                state=place.state,
                start_s=round(cue.start_samples / SAMPLE_RATE_HZ, 3) if cue else None,
                end_s=round(cue.end_samples / SAMPLE_RATE_HZ, 3) if cue else None,
                is_changed=sentence.id in changed,
                reason=place.reason,
                chunk=chunk.id,
            )
        )
    return views
