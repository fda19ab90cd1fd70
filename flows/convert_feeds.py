"""The flow of the feeds: a flow run for each feed, a task for each article; nothing that fails stops the others."""

import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

from filelock import Timeout
from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_engine import run_flow
from prefect.runtime import flow_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled, Pending
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import opaque

from flows.run_book import Cancellation, present_context, using
from flows.tasks import in_threads
from pipeline.errors import Interrupted, NarrationError, PartialFailure
from pipeline.model.feed import FeedItem
from pipeline.stages.context import Context
from pipeline.stages.events import Note
from pipeline.stages.expire_episodes import expire_episodes
from pipeline.stages.narrate_item import ItemOutcome, narrate_item
from pipeline.stages.notify import tell
from pipeline.stages.pace import STAGE_THREADS
from pipeline.stages.read_feed import ALL_FEEDS, finish_look, look_at_feed
from pipeline.stages.write_podcasts import write_podcasts
from pipeline.store.feeds import SKIPPED, StoredFeed

FEEDS_AT_ONCE = 4
ARTICLES_AT_ONCE = 3
"""Of one feed: while one is being published, the voice goes on with the next."""
BUSY_S, HTTP_BUSY = 20.0, 503
FEED_THREADS: Any = ThreadPoolTaskRunner(max_workers=FEEDS_AT_ONCE)
ARTICLE_THREADS: Any = ThreadPoolTaskRunner(max_workers=ARTICLES_AT_ONCE)


@dataclass
class FeedsSummary:
    """What a run over feeds did; `feeds update --json` prints it."""

    narrated: int = 0
    skipped: int = 0
    spoken_chunks: int = 0
    audio_seconds: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)
    """What failed, and why."""

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
        self.skipped += outcome.item.state == SKIPPED
        self.spoken_chunks += outcome.spoken
        self.audio_seconds += outcome.seconds


@flow(name="convert-feeds", flow_run_name="convert feeds", persist_result=False, task_runner=FEED_THREADS)
def convert_feeds(feeds: tuple[str, ...] = (), asked: bool = True) -> FeedsSummary | State[FeedsSummary]:
    """Narrate the new articles of feeds into episodes of podcasts.

    Args:
        feeds: addresses; empty for all that have no schedule of their own, or for all where a person asks.
        asked: a person wants it now; otherwise feeds are left alone that failed a short while ago.
    """
    with present_context() as context, ThreadPoolExecutor(STAGE_THREADS, thread_name_prefix="stage") as threads:
        known = [feed for feed in context.store.feeds.all() if asked or not feed.options.cron]
        urls = feeds or tuple(feed.url for feed in known)
        run = str(flow_run.id or "")
        record = context.store.runs.start(ALL_FEEDS, {"feeds": list(feeds)}, flow_run=run)
        cancellation = Cancellation(context, run)
        state = "stopped"
        try:
            summary = _convert_all(context, urls, threads, run, asked=asked)
            state = "failed" if summary.failures else "finished"
            expire_episodes(context)
            write_podcasts(context)
        except Interrupted:
            if not cancellation.is_wanted:
                raise
            return Cancelled(message="Cancelled; everything done is kept.")
        finally:
            cancellation.close()
            context.store.runs.end(record, state, {})
    _tell(context, summary)
    if summary.failures:
        raise _partial(summary)
    return summary


def _convert_all(context: Context, urls: Sequence[str], threads: Executor, run: str, *, asked: bool) -> FeedsSummary:
    """Several feeds at once; each in a flow run of its own."""
    total, stops = FeedsSummary(), None
    started = []
    for url, feed_run in _create_runs(urls):
        own, hidden = FeedsSummary(), cast(FlowRun, opaque(feed_run))  # Prefect would wait for a run that it sees
        started.append((url, own, start_feed.submit(context, url, hidden, own, threads, run, asked)))
    for url, own, future in started:
        try:
            future.result()
        except NarrationError as error:
            stops = error if error.stops_run or isinstance(error, Interrupted) else stops
            if not own.failures:
                own.failures.append((url, str(error)))
        total.add(own)
    if stops:
        if stops.stops_run:
            write_podcasts(context)  # what was narrated before a budget was spent is to be heard
        raise stops
    return total


def _create_runs(urls: Sequence[str]) -> list[tuple[str, FlowRun]]:
    """A flow run for each feed, made before any work: a server on SQLite often refuses new ones beside other writing.

    They are no subflows: a retry could take one feed's run for another's.
    """
    with get_client(sync_client=True) as client:
        runs = [(url, _create_run(client, url)) for url in urls]
    rows = [{"feed": url, "run": f"/runs/flow-run/{feed_run.id}"} for url, feed_run in runs]
    create_table_artifact(table=rows, key="feeds", description="The run of each feed")
    return runs


def _create_run(client: SyncPrefectClient, url: str) -> FlowRun:
    """Asked again at once where the server's database was busy; Prefect's own client would wait for many seconds."""
    deadline = time.monotonic() + BUSY_S
    while True:
        retries = 0 if time.monotonic() < deadline else PREFECT_CLIENT_MAX_RETRIES.value()
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: retries}):
                return client.create_flow_run(convert_feed, parameters={"url": url}, state=Pending())
        except PrefectHTTPStatusError as error:
            if error.response.status_code != HTTP_BUSY or retries:
                raise
        time.sleep(0.1)


@task(name="feed", task_run_name="{url}", cache_policy=NO_CACHE, persist_result=False)
def start_feed(
    context: Context, url: str, feed_run: FlowRun, summary: FeedsSummary, threads: Any, run: str, asked: bool
) -> None:
    """Run the flow of one feed."""
    parameters = {"url": url, "summary": summary, "threads": threads, "run": run, "asked": asked}
    try:
        context.check_stopping()
    except Interrupted:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(feed_run.id, Cancelled(message="The run over all feeds was stopped."))
        raise
    with using(context):
        run_flow(convert_feed, flow_run=feed_run, parameters=parameters, return_type="result")


@flow(
    name="convert-feed",
    flow_run_name="feed {url}",
    persist_result=False,
    validate_parameters=False,
    task_runner=ARTICLE_THREADS,
)
def convert_feed(url: str, summary: FeedsSummary, threads: Any, run: str, asked: bool) -> None:
    """Narrate the new articles of one feed.

    Args:
        url: the feed's.
        summary: what was done is counted in it, also where something failed.
        threads: executor for the stages.
        run: id of the flow run that is restarted when its process dies.
        asked: see `convert_feeds`.
    """
    with present_context() as context:
        lock = context.store.lock(f"feed {url}")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            context.report(Note(f"{url} is being narrated by another run"))
            return
        try:
            _convert(context, url, summary, threads, run, asked=asked)
        finally:
            lock.release()
    if summary.failures:
        raise _partial(summary)


def _convert(context: Context, url: str, summary: FeedsSummary, threads: Any, run: str, *, asked: bool) -> None:
    look = look_at_feed(context, url, asked=asked)
    submit = in_threads(threads)
    started = [(item, narrate_article.submit(context, look.feed, item, item.title, submit, run)) for item in look.items]
    stops: NarrationError | None = None
    for item, future in started:
        try:
            summary.count(future.result())
        except NarrationError as error:
            summary.failures.append((item.title, str(error)))
            stops = error if error.stops_run or isinstance(error, Interrupted) else stops
    if stops:
        raise stops
    finish_look(context, look)


@task(name="narrate article", task_run_name="{title}", cache_policy=NO_CACHE, persist_result=False)
def narrate_article(
    context: Context, feed: StoredFeed, item: FeedItem, title: str, submit: Any, run: str
) -> ItemOutcome:
    """Narrate one article; fails where it failed, so that its reason stands on the page of the run."""
    context.check_stopping()
    outcome = narrate_item(context, feed, item, submit, shared=True, flow_run=run)
    if outcome.error:
        raise outcome.error
    return outcome


def _partial(summary: FeedsSummary) -> PartialFailure:
    first = "; ".join(f"{what}: {why}" for what, why in summary.failures[:5])
    return PartialFailure(
        f"{len(summary.failures)} feeds or articles failed: {first}",
        failures=tuple(summary.failures),
        summary=summary,
        remedy="bookcast feeds list shows why; they are tried again later",
    )


def _tell(context: Context, summary: FeedsSummary) -> None:
    if summary.narrated or summary.failures:
        minutes = round(summary.audio_seconds / 60)
        failed = "".join(f"\n{what}: {why}" for what, why in summary.failures[:10])
        body = f"{summary.narrated} articles narrated, {minutes} min. {len(summary.failures)} failed.{failed}"
        tell(context, "Bookcast: feeds", body)
