"""`bookcast status`: books, chapters, chunks, and what failed why."""

from typing import Annotated, Any

import typer

from pipeline.cli.commands.spend import money
from pipeline.cli.output.session import duration, open_context, options, out, print_json, print_table
from pipeline.model.plan import ChunkState
from pipeline.narration.core.context import Context
from pipeline.store.records.documents import StoredBook

EXAMPLES = (
    "Examples: bookcast status  |  bookcast status my-book  |  bookcast status my-book --failed  |  "
    "bookcast status --review"
)


def status(
    book: Annotated[str, typer.Argument(help="A book's name; without it, all books are listed.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only the failed chunks, with their reasons.")] = False,
    review: Annotated[bool, typer.Option("--review", help="Only chunks that a person should listen to.")] = False,
) -> None:
    """Show books, the chapters of one, its failed chunks, or those that a person should listen to."""
    with open_context(only_looks=True) as context:
        if review:
            value = _review(context, book)
        elif failed:
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
        counts = {state.value: number for state, number in context.store.chunks.totals(book.slug).items()}
        run = context.store.runs.last(book.slug)
        last = run[0] if run else "none"
        rows.append(
            {"book": book.slug, "title": book.metadata.title, "last_run": last, **counts, **_cost(context, book)}
        )
    print_table(["book", "title", "last run", "done", "failed", "left", "cost"], [
        [r["book"], r["title"], r["last_run"], str(r["done"]), str(r["failed"]), str(r["pending"]), _price(r)]
        for r in rows
    ])  # fmt: skip
    return {"books": rows}


def _cost(context: Context, book: StoredBook) -> dict[str, Any]:
    spent = context.store.spend.account(book=book.slug)
    costs = {s.currency: float(sum(t.cost for t in spent if t.currency == s.currency)) for s in spent}
    return {"chars_billed": sum(s.chars for s in spent), "cost": costs}


def _price(row: dict[str, Any]) -> str:
    return ", ".join(money(cost, currency) for currency, cost in row["cost"].items()) or "-"


def _book(context: Context, slug: str) -> dict[str, Any]:
    book = context.store.documents.get_book(slug)
    counts = context.store.chunks.counts(slug)
    rows: list[dict[str, Any]] = []
    for chapter in context.store.editions.chapters(slug):
        found = context.store.chapters.find(chapter.audio_key, position=chapter.position, title=chapter.title)
        states = {state.value: counts.get(chapter.position, {}).get(state, 0) for state in ChunkState}
        seconds = found.seconds if found else None
        rows.append({"chapter": chapter.position + 1, "title": chapter.title, "audio_seconds": seconds, **states})
    print_table(["#", "chapter", "length", "done", "failed", "left", "skipped"], [
        [str(r["chapter"]), str(r["title"]), duration(r["audio_seconds"]) if r["audio_seconds"] else "-",
         str(r["done"]), str(r["failed"]), str(r["pending"]), str(r["skipped"])] for r in rows
    ])  # fmt: skip
    files = [str(path) for path in context.store.releases.files(slug)]
    if not options.json:
        for path in files:
            out.print(path, markup=False)
    cost = _cost(context, book)
    if cost["cost"] and not options.json:
        out.print(f"cost: {_price(cost)} for {cost['chars_billed']:,} characters")
    return {"book": slug, "title": book.metadata.title, "chapters": rows, "files": files, **cost}


def _review(context: Context, slug: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for name in _slugs(context, slug):
        for place, remark in context.store.chunks.remarks(name):
            rows.append({
                "book": name, "chapter": place.chapter_position + 1, "chunk": place.chunk.id,
                "remark": remark, "text": place.text,
            })  # fmt: skip
    print_table(["book", "ch.", "chunk", "why", "text"], [
        [r["book"], str(r["chapter"]), r["chunk"], r["remark"], r["text"][:80]] for r in rows
    ])  # fmt: skip
    return {"review": rows}


def _slugs(context: Context, slug: str) -> list[str]:
    """The book of that name, or all. Raises: StoreError where there is none."""
    return [context.store.documents.get_book(slug).slug] if slug else [b.slug for b in context.store.documents.books()]


def _failed(context: Context, slug: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for name in _slugs(context, slug):
        for place in context.store.chunks.places(name, state=ChunkState.FAILED):
            chunk = place.chunk
            rows.append({
                "book": name, "chapter": place.chapter_position + 1, "chunk": chunk.id,
                "attempts": place.attempts, "reason": place.reason, "text": place.text,
            })  # fmt: skip
    print_table(["book", "ch.", "chunk", "tries", "reason", "text"], [
        [r["book"], str(r["chapter"]), r["chunk"], str(r["attempts"]), r["reason"], r["text"][:80]] for r in rows
    ])  # fmt: skip
    return {"failed": rows}
