"""What became of articles -> the figures of a run over feeds."""

from dataclasses import dataclass, field

from pipeline.errors import Failure, PartialFailure
from pipeline.feeds.narrate_item import ItemOutcome
from pipeline.model.states import ItemState
from pipeline.narration.core.context import Context
from pipeline.narration.running.notify import tell


@dataclass
class FeedsSummary:
    """What a run over feeds did; `feeds update --json` prints it."""

    narrated: int = 0
    skipped: int = 0
    spoken_chunks: int = 0
    audio_seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: "FeedsSummary") -> None:
        """Count another summary in."""
        self.narrated += other.narrated
        self.skipped += other.skipped
        self.spoken_chunks += other.spoken_chunks
        self.audio_seconds += other.audio_seconds
        self.failures += other.failures

    def count(self, outcome: ItemOutcome) -> None:
        """Count what became of an article."""
        self.narrated += outcome.is_news
        self.skipped += outcome.item.state == ItemState.SKIPPED
        self.spoken_chunks += outcome.spoken
        self.audio_seconds += outcome.seconds


def tell_summary(context: Context, summary: FeedsSummary) -> None:
    """Say to those of `[notify] urls` what a run over feeds did; nothing where it did nothing."""
    if summary.narrated or summary.failures:
        minutes = round(summary.audio_seconds / 60)
        failed = "".join(f"\n{what}: {why}" for what, why in summary.failures[:10])
        body = f"{summary.narrated} articles narrated, {minutes} min. {len(summary.failures)} failed.{failed}"
        tell(context, "Bookcast: feeds", body)


class FeedsIncomplete(PartialFailure):
    """Feeds or articles failed; the others were narrated."""

    def __init__(self, message: str, *, summary: FeedsSummary, remedy: str = "") -> None:
        super().__init__(message, failures=tuple(summary.failures), remedy=remedy)
        self.summary = summary


def incomplete(summary: FeedsSummary) -> FeedsIncomplete:
    """The error of a run with failures."""
    first = "; ".join(f"{what}: {why}" for what, why in summary.failures[:5])
    return FeedsIncomplete(
        f"{len(summary.failures)} feeds or articles failed: {first}",
        summary=summary,
        remedy="bookcast feeds list shows why; they are tried again later",
    )
