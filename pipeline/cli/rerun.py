"""`bookcast rerun`: speak chunks again, rebuild just their chapters."""

from typing import Annotated

import typer

from pipeline.cli.narrate import MaxCost, finish, run_direct
from pipeline.cli.progress import RunDisplay
from pipeline.cli.session import interruptible, open_context, options, say
from pipeline.errors import NarrationError
from pipeline.stages.choose_again import choose_again
from pipeline.stages.context import Context
from pipeline.stages.order import Order
from pipeline.stages.run import Summary

EXAMPLES = (
    "Examples: bookcast rerun my-book --failed  |  bookcast rerun my-book --chapter 3  |  "
    "bookcast rerun my-book --chunk 1f2e3d4c5b6a"
)


def rerun(
    book: Annotated[str, typer.Argument(help="The book's name, as `bookcast status` shows it.")],
    failed: Annotated[bool, typer.Option("--failed", help="The failed chunks (the default).")] = False,
    chapter: Annotated[list[int] | None, typer.Option(help="All of this chapter; repeatable.")] = None,
    chunk: Annotated[list[str] | None, typer.Option(metavar="ID", help="This chunk; repeatable.")] = None,
    max_cost: MaxCost = None,
    direct: Annotated[bool, typer.Option("--direct", help="Run without Prefect.")] = False,
) -> None:
    """Speak chunks of a book again and rebuild just their chapters, with the options of its last narration."""
    wanted = {
        "failed": failed or not (chapter or chunk),
        "chapters": tuple(chapter or ()),
        "chunks": tuple(chunk or ()),
    }
    with interruptible(), RunDisplay() as display, open_context(display) as context:
        again = choose_again(context, book, **wanted)  # type: ignore[arg-type]
        if not again:
            say(f"{book}: no chunk failed")
        try:
            result: Summary | NarrationError = _run(context, book, again, wanted, max_cost, direct=direct)
        except NarrationError as error:
            if error.stops_run:
                raise
            result = error
    finish([result])


def _run(
    context: Context,
    book: str,
    again: frozenset[str],
    wanted: dict[str, object],
    max_cost: float | None,
    *,
    direct: bool,
) -> Summary:
    order = Order.from_options(context.store.documents.get_book(book).narration, max_cost=max_cost)
    if direct:
        return run_direct(context, book, order, again)
    from flows.environment import enter
    from flows.server import PrefectServer

    with PrefectServer(options.data) as server:
        enter(options.data, server.wait(context.check_stopping))
        from flows.rerun_chunks import rerun_failed_chunks
        from flows.run_flow import run_here

        address = f"{server.page_url}/runs/flow-run/"
        summary: Summary = run_here(
            context,
            rerun_failed_chunks,
            {"book": book, **wanted, "max_cost": max_cost},
            api_url=server.api_url,
            announce=lambda run: say(f"{book}: {address}{run}"),
        )
    return summary
