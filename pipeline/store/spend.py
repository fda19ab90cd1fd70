"""The ledger: what services were asked to speak, reserved before each request and settled after it.

A reservation whose request was never heard of again (a kill, a broken line) stays counted: the service
may have billed it, and a cap must hold all the same, also after a power cut, when nobody can say which
of the last ones were sent. Amounts are whole billionths of the currency, so
that sums are exact.
"""

import threading
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import Select, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from pipeline.errors import BudgetExceeded, NarrationError, StoreError
from pipeline.store.documents import now
from pipeline.store.engine import Database
from pipeline.store.owners import Owner
from pipeline.store.tables import SpendRow, table_of

NANO = 1_000_000_000
_TABLE = table_of(SpendRow)  # no ORM: requests wait for these rows
_INSERT = insert(_TABLE)
_CLOSE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("number"))
    .values(state=bindparam("new_state"), chars=bindparam("new_chars"), cost_nano=bindparam("new_cost_nano"))
)
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


@dataclass
class _Reservation:
    """A purchase on its way into the ledger."""

    number: str
    purchase: Purchase
    caps: Caps
    is_written: bool = False
    error: NarrationError | None = None


@dataclass(frozen=True)
class _Closing:
    """How a reservation ended."""

    number: str
    new_state: str
    new_chars: int
    new_cost_nano: int


class Spend:
    """The ledger of one data directory.

    Threads that reserve at the same moment share one transaction, and what was settled meanwhile goes with
    it: a request waits for its reservation, and a disk for nobody.
    """

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner
        self._waiting: deque[_Reservation | _Closing] = deque()
        self._writing = threading.Lock()

    def reserve(self, purchase: Purchase, caps: Caps) -> str:
        """Put the cost of a request aside; the id of the reservation.

        Raises:
            BudgetExceeded: a cap would be passed; nothing was put aside.
        """
        entry = _Reservation(uuid.uuid4().hex, purchase, caps)
        self._waiting.append(entry)
        with self._writing:
            if not entry.is_written:
                self._write()
        if entry.error:
            raise entry.error
        return entry.number

    def settle(self, number: str, purchase: Purchase, billed_chars: int | None = None) -> None:
        """The request was answered; the service may say how much it billed. Written with the next reservation."""
        chars = purchase.chars if billed_chars is None else billed_chars
        self._waiting.append(_Closing(number, SPENT, chars, purchase.cost_nano(chars)))

    def void(self, number: str) -> None:
        """The request was refused, or never reached the service: it costs nothing. Written as `settle` is."""
        self._waiting.append(_Closing(number, VOID, 0, 0))

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            if self._waiting:
                self._write()

    def _write(self) -> None:
        """Everything that waits in one transaction: what was closed first, for it may make room under a cap."""
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        closings = [entry for entry in entries if isinstance(entry, _Closing)]
        reservations = [entry for entry in entries if isinstance(entry, _Reservation)]
        try:
            with self._database.writing() as session:
                if closings:
                    session.connection().execute(_CLOSE, [asdict(entry) for entry in closings])
                for entry in reservations:
                    self._add(session, entry)
        except StoreError as error:
            self._waiting.extendleft(reversed(closings))
            for entry in reservations:
                entry.error = error
        for entry in reservations:
            entry.is_written = True

    def _add(self, session: Session, entry: _Reservation) -> None:
        purchase, month = entry.purchase, now().strftime("%Y-%m")
        cost = purchase.cost_nano(purchase.chars)
        try:
            for name, cap, condition in (
                ("run", entry.caps.run, SpendRow.run == purchase.run),
                ("book", entry.caps.book, SpendRow.book == purchase.book),
                ("month", entry.caps.month, SpendRow.month == month),
            ):
                if cap is not None:
                    query = _sum().where(condition, SpendRow.currency == purchase.currency)
                    _check_cap(session, query, cost, name, cap, purchase)
        except BudgetExceeded as error:
            entry.error = error
            return
        values = {
            "id": entry.number, "run": purchase.run, "book": purchase.book, "backend": purchase.backend,
            "model": purchase.model, "month": month, "chars": purchase.chars, "cost_nano": cost,
            "currency": purchase.currency, "state": RESERVED, "owner": self._owner.id, "at": now(),
        }  # fmt: skip
        session.connection().execute(_INSERT, values)

    def of_run(self, run: str) -> tuple[int, Decimal]:
        """Characters billed and cost of one run."""
        self.flush()
        query = select(func.coalesce(func.sum(SpendRow.chars), 0), func.coalesce(func.sum(SpendRow.cost_nano), 0))
        with self._database.reading() as session:
            chars, nano = session.execute(query.where(SpendRow.run == run, SpendRow.state != VOID)).one()
        return int(chars), Decimal(int(nano)) / NANO

    def of_books(self, books: Sequence[str]) -> dict[str, list[tuple[str, Decimal]]]:
        """What each of these books has cost: (currency, amount) of each currency."""
        query = (
            select(SpendRow.book, SpendRow.currency, func.sum(SpendRow.cost_nano))
            .where(SpendRow.book.in_(books), SpendRow.state != VOID)
            .group_by(SpendRow.book, SpendRow.currency)
        )
        costs: dict[str, list[tuple[str, Decimal]]] = {}
        with self._database.reading() as session:
            for book, currency, nano in session.execute(query):
                costs.setdefault(book, []).append((currency, Decimal(int(nano)) / NANO))
        return costs

    def account(self, *, book: str = "") -> list[Spent]:
        """What was spent by month, backend and book; newest month first."""
        self.flush()
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


def _sum() -> Select[tuple[int]]:
    return select(func.coalesce(func.sum(SpendRow.cost_nano), 0)).where(SpendRow.state != VOID)


def _check_cap(
    session: Session, query: Select[tuple[int]], cost: int, name: str, cap: float, purchase: Purchase
) -> None:
    spent = int(session.scalar(query) or 0)
    if spent + cost > int(Decimal(repr(cap)) * NANO):
        how = "--max-cost" if name == "run" else f"[budget] max_cost_per_{name}"
        raise BudgetExceeded(
            f"The cap of {cap:g} {purchase.currency} for this {name} is reached: {Decimal(spent) / NANO:f} spent, "
            f"and the next request would cost {Decimal(cost) / NANO:f}",
            backend=purchase.backend,
            remedy=f"everything done is kept: run the same command again with a higher {how}",
        )
