"""`bookcast feeds`: article feeds whose new articles are narrated."""

from typing import Annotated, Any

import typer

from pipeline.cli.session import interruptible, open_context, options, print_json, print_table, say
from pipeline.stages.read_feed import add_feed

app = typer.Typer(
    no_args_is_help=True,
    help="Narrate the new articles of feeds.",
    epilog="Examples: bookcast feeds add https://example.org/feed.xml  |  bookcast feeds update",
)
Address = Annotated[str, typer.Argument(metavar="URL", help="Address of an RSS or Atom feed.")]


@app.command()
def add(url: Address) -> None:
    """Take a feed up; its articles are narrated with the next update."""
    with open_context() as context:
        feed = add_feed(context, url)
    say(f"{feed.title}: {len(feed.items)} articles; `bookcast feeds update` narrates the newest")
    if options.json:
        print_json({"feed": url, "title": feed.title, "articles": len(feed.items)})


@app.command("list")
def list_feeds() -> None:
    """Show the feeds, and which articles failed why."""
    rows: list[dict[str, Any]] = []
    with open_context() as context:
        for feed in context.store.feeds.all():
            items = context.store.feeds.items(feed.url)
            failed = [{"title": i.title, "reason": i.reason} for i in items if i.state == "failed"]
            done = sum(item.state == "done" for item in items)
            rows.append(
                {"feed": feed.url, "title": feed.title, "narrated": done, "failed": failed, "error": feed.error}
            )
    print_table(["feed", "title", "narrated", "failed", "error"], [
        [r["feed"], r["title"], str(r["narrated"]), str(len(r["failed"])), r["error"]] for r in rows
    ])  # fmt: skip
    for row in rows:
        for failure in row["failed"]:
            say(f"  {failure['title']}: {failure['reason']}")
    if options.json:
        print_json({"feeds": rows})


@app.command()
def remove(url: Address) -> None:
    """Drop a feed; the books of its articles stay."""
    with open_context() as context:
        context.store.feeds.remove(url)
    if options.json:
        print_json({"removed": url})


@app.command()
def update(
    urls: Annotated[list[str] | None, typer.Argument(metavar="[URL]...", help="Only these feeds.")] = None,
    most: Annotated[int, typer.Option(min=1, max=500, help="Articles of one feed.")] = 10,
) -> None:
    """Narrate the new articles, as a run of Prefect's."""
    with interruptible(), open_context() as context:
        for url in urls or ():
            context.store.feeds.get(url)
        from flows.environment import enter
        from flows.server import PrefectServer

        with PrefectServer(options.data) as server:
            enter(options.data, server.wait(context.check_stopping))
            from flows.convert_feeds import convert_feeds
            from flows.run_flow import run_here

            count: Any = run_here(
                context,
                convert_feeds,
                {"feeds": list(urls or ()), "most": most},
                api_url=server.api_url,
                announce=lambda run: say(f"feeds: {server.page_url}/runs/flow-run/{run}"),
            )
    say(f"{count} articles narrated")
    if options.json:
        print_json({"narrated": count})
