"""A stored book -> what its narration would take, without speaking anything."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.model.voice import Capabilities
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
REMOTE_REALTIME = 5.0
"""Audio seconds a wall second of one request to a service; a guess, for services do not say."""


@dataclass
class Estimate:
    """What a narration would take."""

    book: str
    title: str
    chapters: int = 0
    chunks: int = 0
    cached: int = 0
    requests: int = 0
    """Clips to be made: the same words are spoken once."""
    chars: int = 0
    chars_to_speak: int = 0
    chars_saved: int = 0
    """Characters of chunks that are spoken already, or twice."""
    chars_billed: int = 0
    """Characters that a service would bill."""
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    cost: float | None = None
    """None where nothing is known of the price."""
    cost_saved: float = 0.0
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
    to_speak: dict[str, int] = {}
    for chapter in chapters:
        plan = plan_narration(context, chapter, order)
        missing = plan.missing
        estimate.chunks += len(plan.chunks)
        estimate.cached += len(plan.chunks) - len(missing)
        estimate.chars += sum(chunk.spoken_chars for chunk in plan.chunks)
        to_speak.update({chunk.clip_key: chunk.spoken_chars for chunk in missing})
        skipped.update(c.reason for c in context.store.plans.chunks(chapter.id) if c.state == SKIPPED)
    estimate.skipped = dict(skipped)
    estimate.requests, estimate.chars_to_speak = len(to_speak), sum(to_speak.values())
    estimate.chars_saved = estimate.chars - estimate.chars_to_speak
    _estimate_time(estimate, able, choice.speed)
    _estimate_cost(estimate, able, choice.model)
    return estimate


def _estimate_time(estimate: Estimate, able: Capabilities, speed: float) -> None:
    estimate.audio_seconds = estimate.chars * SECONDS_PER_CHAR / speed
    to_speak_s = estimate.chars_to_speak * SECONDS_PER_CHAR / speed
    pace = REMOTE_REALTIME * able.concurrency if able.is_remote else LOCAL_REALTIME
    by_rate_s = estimate.requests * 60 / able.requests_per_minute if able.requests_per_minute else 0.0
    estimate.wall_seconds = STARTUP_S + max(to_speak_s / pace, by_rate_s)


def _estimate_cost(estimate: Estimate, able: Capabilities, model: str) -> None:
    price = able.price_per_1k_chars(model)
    estimate.chars_billed = estimate.chars_to_speak if able.is_remote else 0
    estimate.currency = able.currency
    if price or not able.is_remote:
        estimate.cost = round(estimate.chars_billed / 1000 * price, 6)
        estimate.cost_saved = round(estimate.chars_saved / 1000 * price, 6)
