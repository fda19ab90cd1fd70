"""`bookcast feeds`: article feeds whose new articles are narrated into podcasts."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.output.leaving import leaving_soon
from pipeline.cli.output.session import duration, interruptible, open_context, options, print_json, print_table, say
from pipeline.cli.studio.studio_note import run_place
from pipeline.errors import DocumentError, Failure, NarrationError, PartialFailure, SettingsError, StoreError
from pipeline.feeds.feeds_summary import FeedsIncomplete, FeedsSummary, incomplete, tell_summary
from pipeline.feeds.find_news import News, find_news, keep_podcasts
from pipeline.feeds.read_feed import add_feed
from pipeline.ingest.feeds.opml import parse_opml, write_opml
from pipeline.model.states import ItemState
from pipeline.model.syndication.feed import FeedOptions
from pipeline.model.syndication.schedule import NEVER, check_cron
from pipeline.narration.core.context import Context

app = typer.Typer(
    no_args_is_help=True,
    help="Narrate the new articles of feeds into podcasts.",
    epilog="Examples: bookcast feeds add https://example.org  |  bookcast feeds add https://example.org/feed.xml "
    '--exclude "sponsored|quiz" --speed 1.1  |  bookcast feeds import subscriptions.opml  |  bookcast feeds update',
)
Address = Annotated[str, typer.Argument(metavar="URL", help="Address of a feed.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of a feed (RSS, Atom, JSON), or of its site.")],
    backend: Annotated[str | None, typer.Option(help="Which backend speaks.")] = None,
    model: Annotated[str | None, typer.Option(help="Which of its models.")] = None,
    voice: Annotated[str | None, typer.Option(help="Which voice.")] = None,
    speed: Annotated[float | None, typer.Option(min=0.25, max=4.0, help="Pace.")] = None,
    language: Annotated[str | None, typer.Option(help="Of the articles; otherwise it is detected.")] = None,
    include: Annotated[str | None, typer.Option(metavar="PATTERN", help="Only with this in title or category.")] = None,
    exclude: Annotated[str | None, typer.Option(metavar="PATTERN", help="None with this there.")] = None,
    min_chars: Annotated[int | None, typer.Option(min=0, help="Leave shorter articles out.")] = None,
    max_chars: Annotated[int | None, typer.Option(min=0, help="Leave longer ones out; 0 for no bound.")] = None,
    begin_with: Annotated[int | None, typer.Option(min=0, help="How many of the articles that are there.")] = None,
    keep_days: Annotated[int | None, typer.Option(min=0, help="Drop episodes after so long; 0 keeps them.")] = None,
    cron: Annotated[str | None, typer.Option(metavar='"M H D M W"', help='Its own schedule, or "never".')] = None,
) -> None:
    """Take a feed up, or change how the articles of one are narrated from now on."""
    given: dict[str, Any] = {
        "backend": backend, "model": model, "voice": voice, "speed": speed, "language": language, "include": include,
        "exclude": exclude, "min_chars": min_chars, "max_chars": max_chars, "begin_with": begin_with,
        "keep_days": keep_days, "cron": _checked_cron(cron),
    }  # fmt: skip
    given = {key: value for key, value in given.items() if value is not None}
    with open_context() as context:
        before = next((f.options for f in context.store.feeds.all() if url in {f.url, f.address}), FeedOptions())
        stored, feed = add_feed(context, url, replace(before, **given))
    say(f"{stored.title}: {len(feed.items)} articles; `bookcast feeds update` narrates the newest")
    if options.json:
        print_json({"feed": stored.url, "title": stored.title, "articles": len(feed.items), **_options(stored.options)})


def _checked_cron(cron: str | None) -> str | None:
    try:
        return check_cron(cron) if cron and cron != NEVER else cron
    except ValueError as error:
        raise SettingsError(str(error), key="cron") from error


def _options(given: FeedOptions) -> dict[str, Any]:
    return {"options": {k: v for k, v in asdict(given).items() if v != getattr(FeedOptions(), k)}}


@app.command("list")
def list_feeds() -> None:
    """Show the feeds, which articles failed or held nothing to narrate, and why."""
    with open_context() as context:
        rows = [_row(context, feed.url) for feed in context.store.feeds.all()]
    print_table(["feed", "title", "narrated", "failed", "skipped", "error"], [
        [r["feed"], r["title"], str(r["narrated"]), str(len(r["failed"])), str(len(r["skipped"])),
         r["ended"] or r["error"]] for r in rows
    ])  # fmt: skip
    for row in rows:
        for item in [*row["failed"], *(item for item in row["skipped"] if item["was_read"])]:
            say(f"  {item['title']}: {item['reason']}")
    if options.json:
        print_json({"feeds": rows})


def _row(context: Context, url: str) -> dict[str, Any]:
    feed = context.store.feeds.get(url)
    items = context.store.feeds.items(url)

    def having(state: ItemState) -> list[dict[str, Any]]:
        return [
            {"title": i.title, "link": i.link, "reason": i.reason, "was_read": i.attempts > 0}
            for i in items
            if i.state == state
        ]

    return {
        "feed": feed.url,
        "address": feed.address,
        "title": feed.title,
        "podcast": str(feed.podcast),
        "narrated": sum(item.state == ItemState.DONE for item in items),
        "failed": having(ItemState.FAILED),
        "skipped": having(ItemState.SKIPPED),
        "error": feed.error,
        "ended": feed.ended,
        **_options(feed.options),
    }


@app.command()
def remove(url: Address) -> None:
    """Drop a feed; the books of its articles stay."""
    with open_context() as context:
        context.store.feeds.remove(context.store.feeds.get(url).url)
    if options.json:
        print_json({"removed": url})


@app.command("import")
def import_opml(file: Annotated[Path, typer.Argument(metavar="FILE", help="OPML, as readers export it.")]) -> None:
    """Take up every feed of another reader's list."""
    try:
        found = parse_opml(file.read_bytes(), name=str(file))
    except OSError as error:
        raise DocumentError(
            f"{file} cannot be read: {error.strerror}", path=str(file), remedy="check the name"
        ) from error
    added: list[str] = []
    failed: list[Failure] = []
    with interruptible(), open_context() as context:
        known = {feed.url for feed in context.store.feeds.all()}
        for url, title in found:
            try:
                stored, _ = add_feed(context, url)
                added += [stored.url] if stored.url not in known else []
                say(f"{stored.title}")
            except NarrationError as error:
                failed.append(Failure(title or url, str(error)))
                say(f"{title or url}: {error}")
    say(f"{len(added)} feeds added, {len(found) - len(added) - len(failed)} were there already, {len(failed)} failed")
    if options.json:
        print_json({"added": added, "failed": [{"feed": what, "reason": why} for what, why in failed]})
    if failed and len(failed) == len(found):
        raise PartialFailure("No feed of the list could be read", failures=tuple(failed))


@app.command("export")
def export_opml(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="[default: stdout]")] = None,
) -> None:
    """Write the feeds as OPML, which every reader imports."""
    with open_context() as context:
        feeds = [(feed.address, feed.title, feed.facts.site) for feed in context.store.feeds.all()]
    data = write_opml(feeds)
    if file is None and not options.json:
        typer.echo(data.decode(), nl=False)
    elif file is not None:
        try:
            file.write_bytes(data)
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error.strerror}", remedy="choose another place") from error
        say(f"{len(feeds)} feeds: {file}")
    if options.json:
        print_json({"feeds": [{"feed": url, "title": title} for url, title, _ in feeds], "file": str(file or "")})


@app.command()
def update(
    urls: Annotated[list[str] | None, typer.Argument(metavar="[URL]...", help="Only these feeds.")] = None,
) -> None:
    """Look at the feeds, and narrate the new articles now as a run of Prefect's."""
    with interruptible(), open_context() as context, leaving_soon(context):
        chosen = [context.store.feeds.get(url) for url in urls] if urls else context.store.feeds.all()
        news = find_news(context, [feed.url for feed in chosen], asked=True)
        try:
            summary = _convert(context, news) if news.looks else _nothing_new(context, news)
        except FeedsIncomplete as error:
            _describe(error.summary)
            raise
    _describe(summary)


def _nothing_new(context: Context, news: News) -> FeedsSummary:
    """Most updates end here: neither Prefect nor a voice is started. Raises: FeedsIncomplete."""
    keep_podcasts(context)
    summary = FeedsSummary(failures=news.failures)
    tell_summary(context, summary)
    if summary.failures:
        raise incomplete(summary)
    return summary


def _convert(context: Context, news: News) -> FeedsSummary:
    """Narrate what was found. Raises: FeedsIncomplete, NarrationError."""
    from flows.server.environment import enter
    from flows.server.prefect_server import PrefectServer

    with PrefectServer(options.data, keep_days=context.settings.prefect.keep_days) as server:
        server.wait(context.check_stopping)
        enter(server.environment)
        from flows.runner.run_flow import run_here
        from flows.runs.convert_feeds import convert_feeds, having_found

        with having_found(news):
            summary: FeedsSummary = run_here(
                context,
                convert_feeds,
                {"feeds": [look.feed.url for look in news.looks], "asked": True},
                server=server,
                announce=lambda run: say(f"feeds: {run_place(options.data, server, run)}"),
            )
        return summary


def _describe(summary: FeedsSummary) -> None:
    say(
        f"{summary.narrated} articles narrated, {duration(summary.audio_seconds)} of audio, "
        f"{summary.skipped} skipped, {len(summary.failures)} failed"
    )
    for what, why in summary.failures:
        say(f"  {what}: {why}")
    if options.json:
        print_json(asdict(summary))
