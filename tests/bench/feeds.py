"""50 feeds with 20 new articles each, converted unattended, against the voice's own time for the same texts."""

import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.settings import read_settings
from tests.bench.limit import measure_limit
from tests.conftest import plans_of
from tests.feed_makers import Post, atom, json_feed, paragraphs, rss
from tests.program import bookcast
from tests.web_site import Site, open_site

FEEDS, ARTICLES, SENTENCES = 50, 20, 10
_SUBJECTS = [
    "harbour",
    "lamp",
    "ferry",
    "keeper",
    "garden",
    "bridge",
    "winter",
    "letter",
    "captain",
    "market",
    "river",
    "clock",
    "teacher",
    "village",
    "storm",
]
_VERBS = [
    "watched",
    "carried",
    "painted",
    "forgot",
    "repaired",
    "counted",
    "followed",
    "remembered",
    "sold",
    "described",
]
_ENDS = (
    "before the tide had turned", "although nobody had asked for it", "and told the newspaper about it afterwards",
    "in a voice that could be heard across the square", "while the rain went on for the third day",
    "because the money had to be spent by the end of the year",
)  # fmt: skip


def build_site(site: Site, feeds: int, articles: int) -> list[str]:
    """Feeds in three formats, every sentence another one; their addresses."""
    chance, addresses = random.Random(7), []
    kinds = [(rss, "application/rss+xml"), (atom, "application/atom+xml"), (json_feed, "application/feed+json")]
    for feed in range(feeds):
        posts = [
            Post(f"{feed}-{n}", f"The {chance.choice(_SUBJECTS)} of day {feed * 100 + n}", _text(chance), day=n + 1)
            for n in range(articles)
        ]
        make, kind = kinds[feed % len(kinds)]
        addresses.append(site.put(f"/feed{feed}", make(f"Paper number {feed}", posts, site.url), kind))
    return addresses


def _text(chance: random.Random) -> str:
    sentences = [
        f"The {chance.choice(_SUBJECTS)} number {chance.randrange(10**6)} {chance.choice(_VERBS)} the {chance.choice(_SUBJECTS)} "
        f"{chance.choice(_ENDS)}."
        for _ in range(SENTENCES)
    ]
    return paragraphs(*(" ".join(sentences[at : at + 2]) for at in range(0, SENTENCES, 2)))


def measure_feeds(folder: Path, watch: Callable[..., Any], *, feeds: int = FEEDS, articles: int = ARTICLES) -> None:
    """Print how long it took, how much memory, and the share of the limit."""
    config, data = folder / "feeds.toml", folder / "feeds"
    config.write_text(f"[studio]\nprivate_addresses = true\n[feeds]\nbegin_with = {articles}\n")
    options = ["--config", str(config), "--data", str(data)]
    with open_site() as site:
        for address in build_site(site, feeds, articles):
            assert bookcast(*options, "feeds", "add", address).returncode == 0
        asked = len(site.log)
        run = watch(*options, "feeds", "update")
        found = len(site.log) - asked
        again = watch(*options, "feeds", "update")
        conditional = all(entry.conditional for entry in site.log[asked + found :])
    assert run.summary["narrated"] == feeds * articles
    assert not run.summary["failures"]
    assert again.summary["spoken_chunks"] == 0
    limit = measure_limit(_spoken(data))
    print(
        f"{feeds} feeds of {articles} articles: {run.wall_s:.1f} s for {run.summary['audio_seconds']:,.0f} s of audio, "
        f"{run.wall_s / limit.wall_s:.2f} times the voice's own {limit.speech_s:.1f} s with one AAC encode of "
        f"{limit.encoding_s:.1f} s; largest process {run.peak_mb:.0f} MB "
        f"({', '.join(f'{mb:.0f}' for mb in run.over_time(4))} MB in the quarters)",
        flush=True,
    )
    print(f"again: {again.wall_s:.1f} s, only conditional requests: {conditional}", flush=True)


def measure_unchanged(folder: Path, root: Path, *, feeds: int = FEEDS) -> None:
    """Print what it takes to look at feeds of which none has anything new: wall and CPU, the program's start included."""
    config, data = folder / "unchanged.toml", folder / "unchanged"
    config.write_text("[studio]\nprivate_addresses = true\n[feeds]\nbegin_with = 0\n")
    command = [sys.executable, "-m", "pipeline.cli", "--config", str(config), "--data", str(data), "feeds", "update"]
    with open_site() as site:
        for address in build_site(site, feeds, 2):
            assert bookcast("--config", str(config), "--data", str(data), "feeds", "add", address).returncode == 0
        for _ in range(2):  # the first look notes what is there
            asked, before, began = len(site.log), children_s(), time.perf_counter()
            subprocess.run(command, cwd=root, check=True, capture_output=True)
            wall, used = time.perf_counter() - began, children_s() - before
        is_conditional = [entry.status for entry in site.log[asked:]] == [304] * feeds
    started = any((data / "prefect").iterdir())
    print(
        f"{feeds} unchanged feeds: {wall:.2f} s of wall, {used:.2f} s of CPU; only answers 304: {is_conditional}, "
        f"Prefect started: {started}",
        flush=True,
    )


def children_s() -> float:
    """CPU seconds of the programs that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _spoken(data: Path) -> list[str]:
    """Every sentence that the voice was given."""
    context = Context(read_settings(), data)
    try:
        books = context.store.documents.books()
        plans = [plan for book in books for plan in plans_of(context, book.slug, Order())]
        return [sentence.spoken for plan in plans for chunk in plan.chunks for sentence in chunk.sentences]
    finally:
        context.close()
