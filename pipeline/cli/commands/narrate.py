"""`bookcast narrate`: documents to releases."""

from typing import Annotated, Any

import typer

from pipeline.cli.output.leaving import leaving_soon
from pipeline.cli.output.run_display import RunDisplay
from pipeline.cli.output.session import complain, duration, interruptible, open_context, options, print_json, say
from pipeline.cli.studio.studio_note import run_place
from pipeline.errors import NarrationError, PartialFailure, StoreError
from pipeline.ingest.find_documents import find_documents
from pipeline.narration.core.account import caps_of
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.narration.core.order import Order, parse_chapters, resolve_formats, resolve_mastering
from pipeline.narration.core.run_state import BookIncomplete, Summary
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.running.estimate import Estimate, estimate
from pipeline.narration.running.narrations import narrate as narrate_source
from pipeline.narration.running.narrations import run_prepared
from pipeline.narration.running.prepare import Prepared, plan_ahead, prepare

EXAMPLES = (
    "Examples: bookcast narrate book.epub  |  bookcast narrate shelf/ --format mp3 --format m4b  |  "
    "bookcast narrate book.epub --chapters 1,3-5 --speed 1.1  |  bookcast narrate book.epub --dry-run"
)

MaxCost = Annotated[
    float | None, typer.Option(metavar="X", min=0, help="Stop before a service has cost more than this.")
]


def narrate(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Documents, folders, web addresses.")],
    backend: Annotated[str, typer.Option(help="Which backend speaks.")] = "",
    model: Annotated[str, typer.Option(help="Which of its models.")] = "",
    voice: Annotated[str, typer.Option(help="Which voice (see `bookcast voices`).")] = "",
    speed: Annotated[float, typer.Option(help="Pace, 1.0 is the voice's own. [default: from the settings]")] = 0.0,
    language: Annotated[str, typer.Option(help="Language of the text; otherwise it is detected.")] = "",
    format_: Annotated[
        list[str] | None, typer.Option("--format", metavar="F", help="m4b, m4a, mp3, opus, flac or wav; repeatable.")
    ] = None,
    output: Annotated[str, typer.Option(metavar="DIR", help="Library folder. [default: DATA/library]")] = "",
    mastering: Annotated[str, typer.Option(help="audiobook, podcast or broadcast. [default: the settings]")] = "",
    chapters: Annotated[str, typer.Option(metavar="1,3-5", help="Only these chapters.")] = "",
    max_cost: MaxCost = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done; speak nothing.")] = False,
    direct: Annotated[bool, typer.Option("--direct", help="Run without Prefect.")] = False,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="Publish even where chunks failed.")] = False,
) -> None:
    """Turn documents into audiobooks. Run it again after anything went wrong: finished work is kept."""
    numbers, formats = parse_chapters(chapters), tuple(format_ or ())
    order = Order(
        backend=backend,
        model=model,
        voice=voice,
        speed=speed,
        language=language,
        formats=formats,
        output=output,
        chapters=numbers,
        allow_gaps=allow_gaps,
        mastering=mastering,
        max_cost=max_cost,
    )
    found = find_documents(sources)
    if dry_run:
        _dry_run(found.documents, order)
        finish([*found.errors])
    else:
        finish([*found.errors, *narrate_all(found.documents, order, direct=direct)])


def narrate_all(paths: list[str], order: Order, *, direct: bool) -> list[Summary | NarrationError]:
    """Narrate each document; an error of one does not keep the others from being narrated, unless it stops runs."""
    results: list[Summary | NarrationError] = []
    server = None
    display = RunDisplay()
    with interruptible(), open_context(display) as context, leaving_soon(context):
        caps_of(context.settings, order)
        resolve_formats(context.settings, order)
        resolve_mastering(context.settings, order)
        try:
            if not direct:
                from flows.server.prefect_server import PrefectServer

                _check_first(context, paths)
                server = PrefectServer(options.data, keep_days=context.settings.prefect.keep_days)
            for path in paths:
                with display:
                    results.append(_narrate_one(context, path, order, server))
        finally:
            if server:
                server.close()
    return results


def _check_first(context: Context, paths: list[str]) -> None:
    """A single unreadable document is refused before a server is started for it."""
    if len(paths) == 1:
        import_document(context, paths[0])


def _narrate_one(context: Context, path: str, order: Order, server: Any) -> Summary | NarrationError:
    try:
        if server is None:
            return narrate_source(context, path, order)
        from flows.server.environment import enter

        enter(server.environment)
        prepared = prepare(context, import_document(context, path), order)
        plan_ahead(context, prepared)  # done while the server is still starting
        import flows.runner.run_flow  # noqa: F401

        if not is_answering(context, server):
            return run_prepared(context, prepared)
        return run_prefect(context, server, prepared)
    except NarrationError as error:
        if error.stops_run:
            raise
        return error


def is_answering(context: Context, server: Any) -> bool:
    """True once Prefect's server answers; a narration goes on without one that does not come up, and says so."""
    server.revive()  # it may have ended since the last book
    try:
        server.wait(context.check_stopping)
    except StoreError as error:
        context.report(Note(f"{error}. The narration goes on without it."))
        return False
    return True


def run_prefect(context: Context, server: Any, prepared: Prepared) -> Summary:
    """Run the flow of one document in this process; what came from the web is not fetched again."""
    from flows.runner.run_flow import run_here
    from flows.runs.narrate_document import narrate_document

    book = prepared.book
    summary: Summary = run_here(
        context,
        narrate_document,
        # By its name, so that a retry from the page needs no file, and reads no other one.
        {"source": book.slug, **prepared.order.as_parameters()},
        server=server,
        announce=lambda run: say(f"{book.metadata.title}: {run_place(options.data, server, run)}"),
        directly=lambda: run_prepared(context, prepared),
        prepared=prepared,
    )
    return summary


def finish(results: list[Summary | NarrationError]) -> None:
    """Print what was done. Raises: the gravest error."""
    done: list[dict[str, Any]] = []
    for result in results:
        if isinstance(result, Summary):
            done.append(result.as_json())
            _describe(result)
        elif isinstance(result, BookIncomplete):
            done.append(result.summary.as_json())
    failed = [result for result in results if isinstance(result, NarrationError)]
    if options.json and done:
        print_json(done[0] if len(results) == 1 else {"books": done, "errors": [str(error) for error in failed]})
    for error in failed[:-1]:
        complain(f"Error: {error}")
    if failed:
        raise failed[-1] if len(failed) == 1 else _gravest(failed)


def _gravest(failed: list[NarrationError]) -> NarrationError:
    return next((error for error in failed if not isinstance(error, PartialFailure)), failed[-1])


def _describe(summary: Summary) -> None:
    rate = summary.audio_seconds / summary.wall_seconds if summary.wall_seconds else 0.0
    pace = f", {rate:.0f}x real time" if summary.synthesized else ", nothing left to speak"
    say(
        f"{summary.title}: {duration(summary.audio_seconds)} of audio in {duration(summary.wall_seconds)}{pace}; "
        f"{summary.synthesized} chunks spoken, {summary.cached} found, {summary.failed} failed"
    )
    for path in summary.outputs:
        say(f"  {path}")


def _dry_run(paths: list[str], order: Order) -> None:
    plans: list[dict[str, Any]] = []
    with open_context() as context:
        for path in paths:
            found = estimate(context, path, order)
            plans.append(found.as_json())
            _describe_estimate(found)
    if options.json:
        print_json(plans[0] if len(plans) == 1 else {"books": plans})


def _describe_estimate(estimate: Estimate) -> None:
    say(f"{estimate.title}: {estimate.chapters} chapters, {estimate.chunks} chunks, {estimate.chars:,} characters")
    say(f"  already spoken: {estimate.cached} chunks, which saves {estimate.chars_saved:,} characters")
    say(f"  to be spoken: {estimate.requests} requests, {estimate.chars_to_speak:,} characters")
    say(f"  about {duration(estimate.audio_seconds)} of audio, ready in about {duration(estimate.wall_seconds)}")
    if estimate.cost is not None and estimate.currency:
        saved = f", {estimate.cost_saved:.4f} saved" if estimate.cost_saved else ""
        say(f"  cost: {estimate.cost:.4f} {estimate.currency}{saved}")
    elif estimate.chars_billed:
        say(f"  to be billed: {estimate.chars_billed:,} characters; price_per_1k_chars of the backend is not set")
    for reason, count in sorted(estimate.skipped.items()):
        say(f"  skipped: {count} x {reason}")
