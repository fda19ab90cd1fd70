"""`bookcast status`: books, chapters, chunks, and what failed why."""

from typing import Annotated, Any

import typer
from rich.table import Table

from pipeline.cli.session import duration, open_context, options, out, print_json
from pipeline.stages.context import Context
from pipeline.store.plans import DONE, FAILED, PENDING, SKIPPED

EXAMPLES = "Examples: bookcast status  |  bookcast status my-book  |  bookcast status my-book --failed"


def status(
    book: Annotated[str, typer.Argument(help="A book's name; without it, all books are listed.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only the failed chunks, with their reasons.")] = False,
) -> None:
    """Show books, the chapters of one, or its failed chunks."""
    with open_context() as context:
        if failed:
            value = _failed(context, book)
        elif book:
            value = _book(context, book)
        else:
            value = _books(context)
    if options.json:
        print_json(value)


def _books(context: Context) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for book in context.store.documents.books():
        counts = _sum(context, book.slug)
        run = context.store.runs.last(book.slug)
        rows.append({"book": book.slug, "title": book.metadata.title, "last_run": run[0] if run else "none", **counts})
    _print_table(["book", "title", "last run", "done", "failed", "left"], [
        [r["book"], r["title"], r["last_run"], str(r[DONE]), str(r[FAILED]), str(r[PENDING])] for r in rows
    ])  # fmt: skip
    return {"books": rows}


def _sum(context: Context, slug: str) -> dict[str, int]:
    counts = context.store.plans.counts(slug).values()
    return {state: sum(c.get(state, 0) for c in counts) for state in (DONE, FAILED, PENDING, SKIPPED)}


def _book(context: Context, slug: str) -> dict[str, Any]:
    book = context.store.documents.get_book(slug)
    counts = context.store.plans.counts(slug)
    rows: list[dict[str, Any]] = []
    for chapter in context.store.documents.chapters(slug):
        found = context.store.releases.find_chapter(chapter.audio_key, position=chapter.position, title=chapter.title)
        states = {state: counts.get(chapter.position, {}).get(state, 0) for state in (DONE, FAILED, PENDING, SKIPPED)}
        seconds = found.seconds if found else None
        rows.append({"chapter": chapter.position + 1, "title": chapter.title, "audio_seconds": seconds, **states})
    _print_table(["#", "chapter", "length", "done", "failed", "left", "skipped"], [
        [str(r["chapter"]), str(r["title"]), duration(r["audio_seconds"]) if r["audio_seconds"] else "-",
         str(r[DONE]), str(r[FAILED]), str(r[PENDING]), str(r[SKIPPED])] for r in rows
    ])  # fmt: skip
    files = [str(path) for path in context.store.releases.releases(slug)]
    if not options.json:
        for path in files:
            out.print(path, markup=False)
    return {"book": slug, "title": book.metadata.title, "chapters": rows, "files": files}


def _failed(context: Context, slug: str) -> dict[str, Any]:
    slugs = [slug] if slug else [book.slug for book in context.store.documents.books()]
    rows: list[dict[str, Any]] = []
    for name in slugs:
        context.store.documents.get_book(name)
        for place in context.store.plans.places(name, state=FAILED):
            chunk = place.chunk
            rows.append({
                "book": name, "chapter": place.chapter_position + 1, "chunk": chunk.id,
                "attempts": chunk.attempts, "reason": chunk.reason, "text": place.text,
            })  # fmt: skip
    _print_table(["book", "ch.", "chunk", "tries", "reason", "text"], [
        [r["book"], str(r["chapter"]), r["chunk"], str(r["attempts"]), r["reason"], r["text"][:80]] for r in rows
    ])  # fmt: skip
    return {"failed": rows}


def _print_table(columns: list[str], rows: list[list[str]]) -> None:
    if options.json:
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    out.print(table if rows else "nothing")
