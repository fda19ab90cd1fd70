"""Feeds converted in this process, stage by stage as the flow does it, without Prefect's server."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import NarrationError
from pipeline.feeds.narrate_item import ItemOutcome, narrate_item
from pipeline.feeds.read_feed import add_feed, finish_look, look_at_feed
from pipeline.model.syndication.feed import FeedOptions
from pipeline.narration.core.batch_sizes import STAGE_THREADS
from pipeline.narration.core.context import Context
from pipeline.settings import Settings
from pipeline.settings.article_sections import FeedsSettings
from pipeline.settings.sections import NarrationSettings, StudioSettings
from tests.conftest import make_settings


def feed_settings(backend: str = "fake", **feeds: object) -> Settings:
    return make_settings(
        narration=NarrationSettings(backend=backend, normalize="never"),
        studio=StudioSettings(private_addresses=True),
        feeds=FeedsSettings(**{"begin_with": 100, **feeds}),
    )


@dataclass
class Converted:
    outcomes: list[ItemOutcome] = field(default_factory=list)
    error: NarrationError | None = None

    @property
    def states(self) -> dict[str, str]:
        return {outcome.item.title: outcome.item.state for outcome in self.outcomes}

    @property
    def spoken(self) -> int:
        return sum(outcome.spoken for outcome in self.outcomes)


class FeedDesk:
    """One data directory."""

    def __init__(self, data: Path, settings: Settings | None = None) -> None:
        self.context = Context(settings or feed_settings(), data)

    def add(self, url: str, **options: object) -> str:
        return add_feed(self.context, url, FeedOptions(**options) if options else None)[0].url  # type: ignore[arg-type]

    def convert(self, url: str, *, asked: bool = True) -> Converted:
        converted = Converted()
        try:
            look = look_at_feed(self.context, url, asked=asked)
        except NarrationError as error:
            converted.error = error
            return converted
        with ThreadPoolExecutor(STAGE_THREADS) as stages, ThreadPoolExecutor(3) as articles:
            converted.outcomes = list(
                articles.map(lambda item: narrate_item(self.context, look.feed, item, stages.submit), look.items)
            )
        finish_look(self.context, look)
        return converted

    def close(self) -> None:
        self.context.close()
