"""The flow of the feeds: a flow run for each feed with news, a task for each article; no failure stops the others."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import run_flow
from prefect.runtime import flow_run
from prefect.states import Cancelled, Pending
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import opaque

from flows.runs.outcome import Outcome, kept_in, remembered
from flows.runs.run_book import Cancellation, present_context, using
from flows.runs.run_names import first_name
from flows.runs.tasks import in_threads
from flows.server.server_watch import note, patiently
from pipeline.errors import Failure, Interrupted, NarrationError
from pipeline.feeds.feeds_summary import FeedsSummary, incomplete, tell_summary
from pipeline.feeds.find_news import News, find_news
from pipeline.feeds.narrate_item import ItemOutcome, narrate_item
from pipeline.feeds.only_run import as_only_run
from pipeline.feeds.read_feed import ALL_FEEDS, Look, finish_look, unfinished
from pipeline.model.states import RunState
from pipeline.model.syndication.feed import FeedItem
from pipeline.narration.core.batch_sizes import STAGE_THREADS
from pipeline.narration.core.context import Context
from pipeline.podcasts.expire_episodes import expire_episodes
from pipeline.podcasts.write_podcasts import write_podcasts
from pipeline.store.records.feed_rows import StoredFeed

FEEDS_AT_ONCE = 4
ARTICLES_AT_ONCE = 3
"""Of one feed: while one is being published, the voice goes on with the next."""
FEED_THREADS: Any = ThreadPoolTaskRunner(max_workers=FEEDS_AT_ONCE)
ARTICLE_THREADS: Any = ThreadPoolTaskRunner(max_workers=ARTICLES_AT_ONCE)

_found: ContextVar[News | None] = ContextVar("bookcast_news", default=None)


@contextmanager
def having_found(news: News) -> Iterator[None]:
    """The flow that is called inside narrates this, and does not look again."""
    token = _found.set(news)
    try:
        yield
    finally:
        _found.reset(token)


@flow(name="convert-feeds", flow_run_name=first_name, persist_result=False, task_runner=FEED_THREADS)
@remembered
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
        record = context.store.runs.start(ALL_FEEDS, {"feeds": list(feeds)}, flow_run=run, replaces=False)
        cancellation = Cancellation(context, run)
        state = RunState.STOPPED
        try:
            news = _found.get() or find_news(context, urls, asked=asked)
            summary = _convert_all(context, news.looks, threads, run)
            summary.failures += news.failures
            state = RunState.FAILED if summary.failures else RunState.FINISHED
            expire_episodes(context)
            write_podcasts(context)
        except Interrupted:
            if not cancellation.is_wanted:
                raise
            return Cancelled(message="Cancelled; everything done is kept.")
        except BaseException as error:  # a signal, too, as Python or Prefect raises it in the main thread
            if not isinstance(error, Exception):
                state = context.told_to_end
            raise
        finally:
            cancellation.close()
            context.store.runs.end(record, state, {})
    tell_summary(context, summary)
    if summary.failures:
        raise incomplete(summary)
    return summary


def _convert_all(context: Context, looks: Sequence[Look], threads: Executor, run: str) -> FeedsSummary:
    """Several feeds at once; each in a flow run of its own."""
    total, stops = FeedsSummary(), None
    started = []
    for look, feed_run in _create_runs(looks):
        own, hidden = FeedsSummary(), cast(FlowRun, opaque(feed_run))  # Prefect would wait for a run that it sees
        shown, title = cast(Look, opaque(look)), look.feed.title or look.feed.url
        started.append((look.feed.url, own, start_feed.submit(context, title, shown, hidden, own, threads, run)))
    for url, own, future in started:
        try:
            future.result()
        except NarrationError as error:
            stops = error if error.stops_run or isinstance(error, Interrupted) else stops
            if not own.failures:
                own.failures.append(Failure(url, str(error)))
        total.add(own)
    if stops:
        if stops.stops_run:
            write_podcasts(context)  # what was narrated before a budget was spent is to be heard
        raise stops
    return total


def _create_runs(looks: Sequence[Look]) -> list[tuple[Look, FlowRun]]:
    """A flow run for each feed, made before any work: a server on SQLite often refuses new ones beside other writing.

    They are no subflows: a retry could take one feed's run for another's.
    """
    if not looks:
        return []
    with ExitStack() as stack:
        client = patiently(lambda: stack.enter_context(get_client(sync_client=True)))
        runs = [(look, patiently(partial(_create_run, client, look.feed))) for look in looks]
    rows = [{"feed": look.feed.url, "run": f"/runs/flow-run/{feed_run.id}"} for look, feed_run in runs]
    note(lambda: create_table_artifact(table=rows, key="feeds", description="The run of each feed"))
    return runs


def _create_run(client: SyncPrefectClient, feed: StoredFeed) -> FlowRun:
    name = feed.title or feed.url
    return client.create_flow_run(convert_feed, parameters={"url": feed.url}, name=name, state=Pending())


@task(name="feed", task_run_name="{title}", cache_policy=NO_CACHE, persist_result=False)
def start_feed(
    context: Context, title: str, look: Look, feed_run: FlowRun, summary: FeedsSummary, threads: Any, run: str
) -> None:
    """Run the flow of one feed."""
    parameters = {"url": look.feed.url, "look": look, "summary": summary, "threads": threads, "run": run}
    try:
        context.check_stopping()
    except Interrupted:
        note(lambda: _cancel(feed_run))
        raise
    outcome = Outcome()

    def convert() -> None:
        try:
            with using(context), kept_in(outcome):
                run_flow(convert_feed, flow_run=feed_run, parameters=parameters, return_type="state")
        except Exception:  # what Prefect could not report is done all the same
            if not outcome.settled.is_set():
                raise

    patiently(convert, context.check_stopping, retries=True)
    outcome.result()


def _cancel(feed_run: FlowRun) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(feed_run.id, Cancelled(message="The run over all feeds was stopped."))


@flow(name="convert-feed", persist_result=False, validate_parameters=False, task_runner=ARTICLE_THREADS)
@remembered
def convert_feed(url: str, look: Look, summary: FeedsSummary, threads: Any, run: str) -> None:
    """Narrate the new articles of one feed.

    Args:
        url: the feed's.
        look: what was found at it.
        summary: what was done is counted in it, also where something failed.
        threads: executor for the stages.
        run: id of the flow run that is restarted when its process dies.
    """
    with present_context() as context, as_only_run(context, url) as is_ours:
        if not is_ours:
            return
        _convert(context, unfinished(context, look), summary, threads, run)
    if summary.failures:
        raise incomplete(summary)


def _convert(context: Context, look: Look, summary: FeedsSummary, threads: Any, run: str) -> None:
    submit = in_threads(threads)
    started = [(item, narrate_article.submit(context, look.feed, item, item.title, submit, run)) for item in look.items]
    stops: NarrationError | None = None
    for item, future in started:
        try:
            summary.count(future.result())
        except NarrationError as error:
            summary.failures.append(Failure(item.title, str(error)))
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
