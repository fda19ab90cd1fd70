"""`bookcast narrate`: documents to releases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.progress import RunDisplay
from pipeline.cli.session import duration, err, interruptible, open_context, options, print_json, say
from pipeline.errors import DocumentError, NarrationError, PartialFailure
from pipeline.ingest import READABLE_SUFFIXES
from pipeline.stages.account import caps_of
from pipeline.stages.context import Context
from pipeline.stages.estimate import Estimate, estimate_narration
from pipeline.stages.import_document import import_document
from pipeline.stages.order import Order, parse_chapters, resolve_formats, resolve_mastering
from pipeline.stages.pace import STAGE_THREADS
from pipeline.stages.plan_narration import check_languages, plan_narration
from pipeline.stages.run import Summary
from pipeline.stages.run_all import chosen_chapters, run_all
from pipeline.store.documents import StoredBook

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
    order = Order(backend, model, voice, speed, language, formats, output, numbers, allow_gaps, mastering, max_cost)
    paths = find_documents(sources)
    if dry_run:
        _dry_run(paths, order)
    else:
        finish(narrate_all(paths, order, direct=direct))


def find_documents(sources: list[str]) -> list[str]:
    """Paths and addresses of the documents that the sources name; a folder stands for the documents in it.

    Raises:
        DocumentError: a source does not exist, or holds nothing that can be read.
    """
    found: list[str] = []
    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir() and not source.startswith(("http://", "https://")):
            inside = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in READABLE_SUFFIXES and p.is_file())
            if not inside:
                raise DocumentError(f"The folder {path} holds no document", path=source, remedy="name a file")
            found += inside
        else:
            found.append(source)
    return found


def narrate_all(paths: list[str], order: Order, *, direct: bool) -> list[Summary | NarrationError]:
    """Narrate each document; an error of one does not keep the others from being narrated, unless it stops runs."""
    results: list[Summary | NarrationError] = []
    server = None
    display = RunDisplay()
    with interruptible(), open_context(display) as context:
        caps_of(context.settings, order)
        resolve_formats(context.settings, order)
        resolve_mastering(context.settings, order)
        try:
            if not direct:
                from flows.server import PrefectServer

                _check_first(context, paths)
                server = PrefectServer(options.data)
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
            return run_direct(context, import_document(context, path).slug, order)
        from flows.environment import enter

        enter(options.data, server.api_url)
        book = import_document(context, path)
        prepare(context, book.slug, order)  # done while the server is still starting
        server.wait(context.check_stopping)
        return run_prefect(context, server, path, order, book)
    except NarrationError as error:
        if error.stops_run:
            raise
        return error


def run_direct(context: Context, slug: str, order: Order, again: frozenset[str] | None = None) -> Summary:
    """Run every stage in this process, without Prefect."""
    with ThreadPoolExecutor(STAGE_THREADS, thread_name_prefix="stage") as threads:
        return run_all(context, slug, order, threads.submit, again)


def prepare(context: Context, slug: str, order: Order) -> None:
    """Everything of a run that needs no server: workers are started, Prefect is imported, chapters are planned.

    Raises:
        UnsupportedLanguage, SettingsError: before a flow run is made for them.
    """
    check_languages(context, slug, order)
    warm = False
    for chapter in chosen_chapters(context, slug, order):
        if plan_narration(context, chapter, order).missing and not warm:
            context.makers(order).warm()
            warm = True
    import flows.run_flow  # noqa: F401


def run_prefect(context: Context, server: Any, path: str, order: Order, book: StoredBook) -> Summary:
    """Run the flow of one document in this process; what came from the web is not fetched again."""
    from flows.narrate_document import narrate_document
    from flows.run_flow import run_here

    file = Path(path).expanduser()
    summary: Summary = run_here(
        context,
        narrate_document,
        {"source": str(file.resolve()) if file.exists() else book.slug, **order.as_parameters()},
        api_url=server.api_url,
        announce=lambda run: say(f"{book.metadata.title}: {server.page_url}/runs/flow-run/{run}"),
    )
    return summary


def finish(results: list[Summary | NarrationError]) -> None:
    """Print what was done. Raises: the gravest error."""
    done: list[dict[str, Any]] = []
    for result in results:
        summary = getattr(result, "summary", None) if isinstance(result, NarrationError) else result
        if isinstance(summary, Summary):
            done.append(summary.as_json())
            if isinstance(result, Summary):
                _describe(summary)
    failed = [result for result in results if isinstance(result, NarrationError)]
    if options.json and done:
        print_json(done[0] if len(results) == 1 else {"books": done, "errors": [str(error) for error in failed]})
    for error in failed[:-1]:
        err.print(f"Error: {error}", markup=False, style="red")
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
            estimate = estimate_narration(context, import_document(context, path).slug, order)
            plans.append(estimate.as_json())
            _describe_estimate(estimate)
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
