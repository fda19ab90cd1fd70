"""Feeds that are due -> looked at here, read in processes of their own; those that have news become a flow run."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType

from flows.runner.schedules import Timetable
from flows.runs.run_names import BOOK_TAG, name_of_run
from pipeline.errors import Interrupted, NarrationError
from pipeline.feeds.feeds_summary import FeedsSummary, tell_summary
from pipeline.feeds.find_news import find_news, keep_podcasts
from pipeline.feeds.read_feed import ALL_FEEDS
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.narration.reading.parse_apart import read_apart

DEPLOYMENT = "convert-feeds"
LOOK_S = 15.0
"""How often the timetable is read: schedules count in minutes."""
Ask = Callable[[Callable[[SyncPrefectClient], Any]], Any]


class FeedRounds:
    """The rounds of one studio; `keep` is called by one thread. They end with the context."""

    def __init__(self, context: Context, ask: Ask) -> None:
        """`ask` puts a question to Prefect's server. Raises: StoreError, later."""
        self._context = context
        self._ask = ask
        self._timetable = Timetable(context)
        self._has_tidied = False
        self._looked_at = float("-inf")
        self._due: list[str] = []
        self._news: list[str] = []
        """Feeds that have something to narrate, and no run yet."""
        self._round: threading.Thread | None = None

    def keep(self) -> None:
        """See what is due and what was found; never waits for a site.

        Raises:
            StoreError: Prefect's server or the database does not answer; the next call goes on from there.
        """
        if not self._has_tidied:
            self._ask(_drop_schedules)
            self._has_tidied = True
        if time.monotonic() - self._looked_at > LOOK_S:
            self._due += [url for url in self._timetable.due() if url not in self._due]
            self._looked_at = time.monotonic()
        is_looking = self._round is not None and self._round.is_alive()
        if self._news and not is_looking:
            self._start(self._news)
            self._news = []
        if self._due and not is_looking:
            urls, self._due = self._due, []
            # as a daemon: a site that takes its time must not keep the studio from ending
            self._round = threading.Thread(target=self._look, args=(urls,), daemon=True, name="feeds")
            self._round.start()

    def _look(self, urls: Sequence[str]) -> None:
        try:
            found = find_news(self._context, urls, asked=False, read=read_apart)
            self._news = [look.feed.url for look in found.looks]
            tell_summary(self._context, FeedsSummary(failures=found.failures))
            if not found.looks:
                keep_podcasts(self._context)
        except Interrupted:
            return
        except NarrationError as error:
            self._context.report(Note(f"The feeds could not be looked at: {error}"))

    def _start(self, feeds: Sequence[str]) -> None:
        name = name_of_run(self._context, DEPLOYMENT, ALL_FEEDS)

        def create(client: SyncPrefectClient) -> None:
            known = client.read_deployment_by_name(f"{DEPLOYMENT}/{DEPLOYMENT}")
            # `asked`: how long to leave a feed alone was decided by the look
            parameters = {"feeds": list(feeds), "asked": True}
            client.create_flow_run_from_deployment(
                known.id, parameters=parameters, name=name, tags=[BOOK_TAG + ALL_FEEDS]
            )

        self._ask(create)


def _drop_schedules(client: SyncPrefectClient) -> None:
    """Schedules, and the runs that they have laid out, of a Bookcast that had Prefect look at the feeds."""
    deployment = client.read_deployment_by_name(f"{DEPLOYMENT}/{DEPLOYMENT}")
    for present in client.read_deployment_schedules(deployment.id):
        client.delete_deployment_schedule(deployment.id, present.id)
    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    own = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    for run in client.read_flow_runs(flow_run_filter=waiting, deployment_filter=own, limit=200):
        if run.auto_scheduled:
            client.delete_flow_run(run.id)
