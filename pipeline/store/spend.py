"""The ledger: what services were asked to speak, reserved before each request and settled after it.

A reservation whose request was never heard of again (a kill, a broken line) stays counted: the service
may have billed it, and a cap must hold all the same. Amounts are whole billionths of the currency, so
that sums are exact.
"""

import uuid
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from pipeline.errors import BudgetExceeded
from pipeline.store.documents import now
from pipeline.store.engine import Database
from pipeline.store.owners import Owner
from pipeline.store.tables import SpendRow

NANO = 1_000_000_000
RESERVED, SPENT, VOID = "reserved", "spent", "void"


@dataclass(frozen=True, slots=True)
class Purchase:
    """One request that is about to be sent."""

    run: str
    book: str
    backend: str
    model: str
    chars: int
    price_per_1k_chars: float
    currency: str

    def cost_nano(self, chars: int) -> int:
        """What `chars` characters cost, in billionths, rounded up."""
        exact = Decimal(repr(self.price_per_1k_chars)) * chars * (NANO // 1000)
        return int(exact.to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class Caps:
    """Hard limits in the currency of the backend; None for no limit."""

    run: float | None = None
    book: float | None = None
    month: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """A line of the account."""

    month: str
    """`2026-11`."""
    backend: str
    book: str
    currency: str
    requests: int
    chars: int
    cost: Decimal
    unanswered: int
    """Requests among them of which nobody knows whether they were billed."""


class Spend:
    """The ledger of one data directory."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    def reserve(self, purchase: Purchase, caps: Caps) -> str:
        """Put the cost of a request aside; the id of the reservation.

        Raises:
            BudgetExceeded: a cap would be passed; nothing was put aside.
        """
        cost, month, number = purchase.cost_nano(purchase.chars), now().strftime("%Y-%m"), uuid.uuid4().hex
        with self._database.writing() as session:
            for name, cap, condition in (
                ("run", caps.run, SpendRow.run == purchase.run),
                ("book", caps.book, SpendRow.book == purchase.book),
                ("month", caps.month, SpendRow.month == month),
            ):
                if cap is not None:
                    query = _sum().where(condition, SpendRow.currency == purchase.currency)
                    _check_cap(session, query, cost, name, cap, purchase)
            session.add(
                SpendRow(
                    id=number, run=purchase.run, book=purchase.book, backend=purchase.backend, model=purchase.model,
                    month=month, chars=purchase.chars, cost_nano=cost, currency=purchase.currency,
                    state=RESERVED, owner=self._owner.id, at=now(),
                )
            )  # fmt: skip
        return number

    def settle(self, number: str, purchase: Purchase, billed_chars: int | None = None) -> None:
        """The request was answered; the service may say how much it billed."""
        chars = purchase.chars if billed_chars is None else billed_chars
        self._close(number, state=SPENT, chars=chars, cost_nano=purchase.cost_nano(chars))

    def void(self, number: str) -> None:
        """The request was refused, or never reached the service: it costs nothing."""
        self._close(number, state=VOID)

    def _close(self, number: str, **values: object) -> None:
        with self._database.writing() as session:
            session.execute(update(SpendRow).where(SpendRow.id == number).values(**values))

    def of_run(self, run: str) -> tuple[int, Decimal]:
        """Characters billed and cost of one run."""
        query = select(func.coalesce(func.sum(SpendRow.chars), 0), func.coalesce(func.sum(SpendRow.cost_nano), 0))
        with self._database.reading() as session:
            chars, nano = session.execute(query.where(SpendRow.run == run, SpendRow.state != VOID)).one()
        return int(chars), Decimal(int(nano)) / NANO

    def account(self, *, book: str = "") -> list[Spent]:
        """What was spent by month, backend and book; newest month first."""
        keys = (SpendRow.month, SpendRow.backend, SpendRow.book, SpendRow.currency)
        query = (
            select(
                *keys,
                func.count(),
                func.sum(SpendRow.chars),
                func.sum(SpendRow.cost_nano),
                func.sum(SpendRow.state == RESERVED),
            )
            .where(SpendRow.state != VOID)
            .group_by(*keys)
            .order_by(SpendRow.month.desc(), SpendRow.backend, SpendRow.book)
        )
        with self._database.reading() as session:
            rows = session.execute(query.where(SpendRow.book == book) if book else query).all()
        return [Spent(m, b, t, c, n, chars, Decimal(nano) / NANO, open_) for m, b, t, c, n, chars, nano, open_ in rows]


def _sum() -> Select[int]:
    return select(func.coalesce(func.sum(SpendRow.cost_nano), 0)).where(SpendRow.state != VOID)


def _check_cap(session: Session, query: Select[int], cost: int, name: str, cap: float, purchase: Purchase) -> None:
    spent = int(session.scalar(query) or 0)
    if spent + cost > int(Decimal(repr(cap)) * NANO):
        how = "--max-cost" if name == "run" else f"[budget] max_cost_per_{name}"
        raise BudgetExceeded(
            f"The cap of {cap:g} {purchase.currency} for this {name} is reached: {Decimal(spent) / NANO:f} spent, "
            f"and the next request would cost {Decimal(cost) / NANO:f}",
            backend=purchase.backend,
            remedy=f"everything done is kept: run the same command again with a higher {how}",
        )
