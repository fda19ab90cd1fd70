"""`bookcast rerun`: speak chunks again, rebuild just their chapters."""

from typing import Annotated, Any

import typer

from pipeline.cli.commands.narrate import MaxCost, finish, is_answering
from pipeline.cli.output.leaving import leaving_soon
from pipeline.cli.output.run_display import RunDisplay
from pipeline.cli.output.session import interruptible, open_context, options, say
from pipeline.cli.studio.studio_note import run_place
from pipeline.errors import NarrationError
from pipeline.narration.core.context import Context
from pipeline.narration.core.run_state import Summary
from pipeline.narration.running.narrations import prepare_rerun, run_prepared
from pipeline.narration.running.prepare import Prepared

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
    wanted: dict[str, Any] = {
        "failed": failed or not (chapter or chunk),
        "chapters": tuple(chapter or ()),
        "chunks": tuple(chunk or ()),
        "max_cost": max_cost,
    }
    with interruptible(), RunDisplay() as display, open_context(display) as context, leaving_soon(context):
        prepared = prepare_rerun(context, book, **wanted)
        if not prepared.wanted.chunks:
            say(f"{book}: no chunk failed")
        try:
            result: Summary | NarrationError = _run(context, prepared, wanted, direct=direct)
        except NarrationError as error:
            if error.stops_run:
                raise
            result = error
    finish([result])


def _run(context: Context, prepared: Prepared, wanted: dict[str, Any], *, direct: bool) -> Summary:
    if direct:
        return run_prepared(context, prepared)
    from flows.server.environment import enter
    from flows.server.prefect_server import PrefectServer

    with PrefectServer(options.data, keep_days=context.settings.prefect.keep_days) as server:
        enter(server.environment)
        if not is_answering(context, server):
            return run_prepared(context, prepared)
        from flows.runner.run_flow import run_here
        from flows.runs.rerun_chunks import rerun_failed_chunks

        book = prepared.book.slug
        summary: Summary = run_here(
            context,
            rerun_failed_chunks,
            {"book": book, **wanted},
            server=server,
            announce=lambda run: say(f"{book}: {run_place(options.data, server, run)}"),
            directly=lambda: run_prepared(context, prepared),
            prepared=prepared,
        )
    return summary
