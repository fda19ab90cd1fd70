"""`bookcast spend`: what services cost, by month, backend and book."""

from decimal import Decimal
from typing import Annotated, Any

import typer

from pipeline.cli.output.session import open_context, options, print_json, print_table, say
from pipeline.store.records.purchases import Spent

EXAMPLES = "Examples: bookcast spend  |  bookcast spend my-book  |  bookcast spend --json"


def spend(book: Annotated[str, typer.Argument(help="Only of this book.")] = "") -> None:
    """Show characters billed and their cost by month, backend and book, from Bookcast's own ledger."""
    with open_context(only_looks=True) as context:
        if book:
            context.store.documents.get_book(book)
        lines = context.store.spend.account(book=book)
    if options.json:
        print_json({"spend": [as_row(line) for line in lines]})
        return
    print_table(
        ["month", "backend", "book", "requests", "characters", "cost"],
        [
            [s.month, s.backend, s.book or "(say)", str(s.requests), f"{s.chars:,}", money(s.cost, s.currency)]
            for s in lines
        ],
    )
    for currency in sorted({line.currency for line in lines}):
        say(f"Together: {money(sum((s.cost for s in lines if s.currency == currency), Decimal()), currency)}")
    unanswered = sum(line.unanswered for line in lines)
    if unanswered:
        say(f"{unanswered} requests among them were never answered, so the service may have billed less.")


def as_row(line: Spent) -> dict[str, Any]:
    """A line of the account as JSON values."""
    return {
        "month": line.month, "backend": line.backend, "book": line.book, "currency": line.currency,
        "requests": line.requests, "chars": line.chars, "cost": float(line.cost), "unanswered": line.unanswered,
    }  # fmt: skip


def money(amount: Decimal | float, currency: str) -> str:
    """`0.4375 USD`."""
    return f"{amount:.4f} {currency}"
