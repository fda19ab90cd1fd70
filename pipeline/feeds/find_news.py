"""Feeds -> those that have something to narrate: looked at before anything is started, hosts side by side.

Most looks find nothing. They cost a conditional request each, and start neither Prefect nor a voice.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from pipeline.errors import DocumentError, Failure, NarrationError, NotFound
from pipeline.feeds.only_run import as_only_run
from pipeline.feeds.read_feed import ALL_FEEDS, Look, finish_look, look_at_feed
from pipeline.ingest.http.addresses import host_of
from pipeline.model.states import RunState
from pipeline.narration.core.context import Context
from pipeline.narration.reading.parse_apart import Read, read_here
from pipeline.podcasts.expire_episodes import expire_episodes
from pipeline.podcasts.write_podcasts import write_podcasts

HOSTS_AT_ONCE = 8
"""A host is asked by one thread: its feeds wait for each other anyway."""


@dataclass
class News:
    """What a look at feeds found."""

    looks: list[Look] = field(default_factory=list)
    """Of the feeds with something to narrate, in the order of their addresses."""
    failures: list[Failure] = field(default_factory=list)
    """Feeds that cannot be read."""


def find_news(context: Context, urls: Sequence[str], *, asked: bool, read: Read = read_here) -> News:
    """Look at feeds; what a look without news leaves to be done is done.

    Args:
        context: the open data directory.
        urls: of the feeds.
        asked: see `look_at_feed`.
        read: likewise.

    Raises:
        Interrupted: the context is told to stop.
        StoreError: the database cannot be used.
    """
    news, hosts = News(), SimpleQueue[list[str]]()
    for group in _by_host(context, urls, news):
        hosts.put(group)
    errors: list[Exception] = []

    def look() -> None:
        try:
            while not errors:
                for url in hosts.get_nowait():
                    context.check_stopping()
                    _look(context, url, news, asked=asked, read=read)
        except Empty:
            return
        except Exception as error:  # whatever it is, it belongs to who waits for the looks
            errors.append(error)

    # as daemons: a host that takes its time must not keep the program from ending
    threads = [threading.Thread(target=look, daemon=True) for _ in range(min(HOSTS_AT_ONCE, hosts.qsize()))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    news.looks.sort(key=lambda found: urls.index(found.feed.url))
    return news


def _by_host(context: Context, urls: Sequence[str], news: News) -> list[list[str]]:
    """The feeds of each host; those that are gone, or have no address that can be asked, are failures."""
    groups: dict[str, list[str]] = {}
    for url in urls:
        try:
            groups.setdefault(host_of(context.store.feeds.get(url).address), []).append(url)
        except (NotFound, DocumentError) as error:
            news.failures.append(Failure(url, str(error)))
    return list(groups.values())


def _look(context: Context, url: str, news: News, *, asked: bool, read: Read) -> None:
    with as_only_run(context, url) as is_ours:
        if not is_ours:
            return
        try:
            found = look_at_feed(context, url, asked=asked, read=read)
            if found.items:
                news.looks.append(found)
            else:
                finish_look(context, found)
        except NarrationError as error:
            if error.stops_run:
                raise
            news.failures.append(Failure(url, str(error)))
        except Exception as error:  # whatever it is about this feed, the others have their news
            news.failures.append(Failure(url, f"it cannot be looked at: {type(error).__name__}: {error}"))


def keep_podcasts(context: Context) -> None:
    """What a run over feeds does at its end, where no run was needed: written anew only if something has changed."""
    last = context.store.runs.last(ALL_FEEDS)
    was_cut_short = last is not None and last[0] not in {RunState.FINISHED, RunState.FAILED}
    if expire_episodes(context) or was_cut_short:
        write_podcasts(context)
