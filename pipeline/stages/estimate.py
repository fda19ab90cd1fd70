"""A stored book -> what its narration would take, without speaking anything."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.stages.context import Context
from pipeline.stages.order import Order, resolve_voice
from pipeline.stages.plan_narration import check_languages, plan_narration
from pipeline.stages.run_all import chosen_chapters
from pipeline.store.plans import SKIPPED

SECONDS_PER_CHAR = 0.064
"""Length of speech with its pauses: 17,960 s for the 277,520 characters of a novel (hibari, November 2026)."""
STARTUP_S = 3.0
LOCAL_REALTIME = 130.0
"""Audio seconds a wall second on two cores with the embedded voice (November 2026)."""


@dataclass
class Estimate:
    """What a narration would take."""

    book: str
    title: str
    chapters: int = 0
    chunks: int = 0
    cached: int = 0
    chars: int = 0
    chars_to_speak: int = 0
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    cost: float = 0.0
    currency: str = ""
    skipped: dict[str, int] = field(default_factory=dict)
    """Number of passages by the reason why they are not spoken."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, times rounded to a second."""
        return {**asdict(self), "audio_seconds": round(self.audio_seconds), "wall_seconds": round(self.wall_seconds)}


def estimate_narration(context: Context, slug: str, order: Order) -> Estimate:
    """Plan the book and add up what it takes.

    Raises:
        UnsupportedLanguage, SettingsError, StoreError.
    """
    choice, able = resolve_voice(context.settings, order)
    check_languages(context, slug, order)
    chapters = chosen_chapters(context, slug, order)
    estimate = Estimate(slug, context.store.documents.get_book(slug).metadata.title, len(chapters))
    skipped: Counter[str] = Counter()
    for chapter in chapters:
        plan = plan_narration(context, chapter, order)
        missing = {chunk.position for chunk in plan.missing}
        estimate.chunks += len(plan.chunks)
        estimate.cached += len(plan.chunks) - len(missing)
        for chunk in plan.chunks:
            estimate.chars += chunk.spoken_chars
            estimate.chars_to_speak += chunk.spoken_chars if chunk.position in missing else 0
        skipped.update(c.reason for c in context.store.plans.chunks(chapter.id) if c.state == SKIPPED)
    estimate.skipped = dict(skipped)
    estimate.audio_seconds = estimate.chars * SECONDS_PER_CHAR / choice.speed
    to_speak_s = estimate.chars_to_speak * SECONDS_PER_CHAR / choice.speed
    estimate.wall_seconds = STARTUP_S + to_speak_s / LOCAL_REALTIME
    estimate.cost = round(estimate.chars_to_speak / 1000 * able.price_per_1k_chars, 4)
    estimate.currency = able.currency
    return estimate
