"""The ledger: what services were asked to speak, reserved before each request and settled after it.

The rule of caps. A request is reserved before it is sent, at the most that it is expected to cost, and a
reservation that would pass a cap is refused. What is reserved and what is spent counts, over all backends; what a
service refused is void. A reservation whose request was never heard of again (a kill, a broken line) stays counted:
the service may have billed it, and a cap must hold all the same, also after a power cut. Where a service says that
it billed more than was reserved, that figure is booked, for the ledger tells the truth: the next reservation sees
it, and the cap refuses from there on. So a cap can be passed only by what a service billed for requests that were
under way, beyond what their texts should have cost.

Threads that reserve at the same moment share one transaction, which one of them writes. Entries stay in line until
they are committed: where the writer dies, the next in line writes them. Whoever waits for a reservation gets a
committed row or an error, never neither.
"""

import threading
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, case, func, insert, select, update
from sqlalchemy.orm import Session

from pipeline.errors import BudgetExceeded, NarrationError, StoreError
from pipeline.store.db.clock import now
from pipeline.store.db.database import Database
from pipeline.store.db.tables import SpendRow, table_of
from pipeline.store.ownership.owners import Owner
from pipeline.store.records.purchases import NANO, Caps, Purchase, Spending, SpendState, Spent

MAX_BILLED_CHARS = 10_000_000
"""A service that says more of one request is not believed: profiles allow texts of some thousand characters."""
_TABLE = table_of(SpendRow)  # no ORM: requests wait for these rows
_INSERT = insert(_TABLE)
_CLOSE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("number"))
    .values(state=bindparam("new_state"), chars=bindparam("new_chars"), cost_nano=bindparam("new_cost_nano"))
)
_COUNTS = SpendRow.state != SpendState.VOID


@dataclass(slots=True)
class _Reservation:
    """A purchase in line for the ledger; of one thread, which waits until it is decided."""

    number: str
    purchase: Purchase
    caps: Caps
    is_tried: bool = False
    """It was in a transaction, which may have been committed though its writer never learned of it."""
    is_decided: bool = False
    error: NarrationError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closing:
    """How a reservation ended; in line for the ledger."""

    number: str
    new_state: SpendState
    new_chars: int = 0
    new_cost_nano: int = 0


class Spend:
    """The ledger of one data directory; safe to use from every thread."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner
        self._reservations: dict[str, _Reservation] = {}
        self._closings: dict[str, _Closing] = {}
        self._line = threading.Lock()
        """Held for moments only, to change who is in line; `_writing` is held while the disk is waited for."""
        self._writing = threading.Lock()

    def reserve(self, purchase: Purchase, caps: Caps) -> str:
        """Put the cost of a request aside; the id of the reservation.

        Raises:
            BudgetExceeded: a cap would be passed, or nothing may be bought; nothing was put aside.
            StoreError: the ledger cannot be written.
        """
        _check_may_buy(purchase, caps)
        entry = _Reservation(uuid.uuid4().hex, purchase, caps)
        try:
            with self._line:
                self._reservations[entry.number] = entry
            with self._writing:
                if not entry.is_decided:  # whoever wrote while we waited may have written ours
                    self._write()
        except BaseException:  # Ctrl-C too: nobody will send this request
            self._withdraw([entry])
            raise
        if entry.error:
            raise entry.error
        return entry.number

    def settle(self, number: str, purchase: Purchase, billed_chars: int | None = None) -> int:
        """The request was answered; the characters that are booked. Written with the next reservation at the latest.

        Args:
            number: of the reservation.
            purchase: what was reserved.
            billed_chars: what the service says; None, or a figure that cannot be, stands for what was reserved.
        """
        chars = purchase.chars if billed_chars is None else billed_chars
        if not 0 <= chars <= MAX_BILLED_CHARS:
            chars = purchase.chars
        self._close(number, SpendState.SPENT, chars=chars, cost_nano=purchase.cost_nano(chars))
        if chars > purchase.chars:
            with suppress(StoreError):  # other programs learn at once what no reservation has announced
                self.flush()
        return chars

    def void(self, number: str) -> None:
        """The request was refused, or never reached the service: it costs nothing. Written as `settle` is."""
        self._close(number, SpendState.VOID)

    def flush(self) -> None:
        """Write what is in line. Raises: StoreError; then it stays in line."""
        with self._writing:
            if self._closings or self._reservations:
                self._write()

    def _close(self, number: str, state: SpendState, *, chars: int = 0, cost_nano: int = 0) -> None:
        closing = _Closing(number=number, new_state=state, new_chars=chars, new_cost_nano=cost_nano)
        with self._line:
            self._closings[number] = closing

    def _withdraw(self, entries: Iterable[_Reservation], error: NarrationError | None = None) -> None:
        """Take reservations out of the line; one that is in the ledger all the same becomes void there."""
        with self._line:
            for entry in entries:
                self._reservations.pop(entry.number, None)
                self._closings[entry.number] = _Closing(number=entry.number, new_state=SpendState.VOID)
                entry.error, entry.is_decided = error, True

    def _write(self) -> None:
        """Everything in line in one transaction. Whatever goes wrong, nobody leaves the line undecided."""
        with self._line:
            closings, reservations = dict(self._closings), list(self._reservations.values())
        try:
            with self._database.writing() as session:
                refused = self._enter(session, closings.values(), reservations)
        except StoreError as error:  # the database fails for all who wait: they need not find out one by one
            self._withdraw(reservations, error)
            raise
        except Exception as error:  # this thread's own; the next in line writes for the others
            raise StoreError(
                f"The ledger cannot be written: {type(error).__name__}: {error}",
                remedy="everything done is kept: run the same command again",
            ) from error
        with self._line:
            for number, closing in closings.items():
                if self._closings.get(number) is closing:  # else it was closed anew meanwhile
                    del self._closings[number]
            for entry in reservations:
                self._reservations.pop(entry.number, None)
                entry.error, entry.is_decided = refused.get(entry.number), True

    def _enter(
        self, session: Session, closings: Iterable[_Closing], reservations: Sequence[_Reservation]
    ) -> dict[str, BudgetExceeded]:
        """Write closings first, which may make room under a cap or take it; the reservations that are refused."""
        connection = session.connection()
        if rows := [asdict(closing) for closing in closings]:
            connection.execute(_CLOSE, rows)
        tried = [entry.number for entry in reservations if entry.is_tried]
        written = set(session.scalars(select(SpendRow.id).where(SpendRow.id.in_(tried)))) if tried else set()
        refused: dict[str, BudgetExceeded] = {}
        for entry in reservations:
            entry.is_tried = True  # before the insert: a commit can succeed and its answer be lost
            if entry.number in written:
                continue
            row = self._row(entry)
            if error := _find_passed_cap(session, entry, row):
                refused[entry.number] = error
            else:
                connection.execute(_INSERT, row)
        return refused

    def _row(self, entry: _Reservation) -> dict[str, Any]:
        purchase, at = entry.purchase, now()
        return {
            "id": entry.number, "run": purchase.run, "cap_id": purchase.cap_id, "book": purchase.book,
            "backend": purchase.backend, "model": purchase.model, "month": at.strftime("%Y-%m"),
            "chars": purchase.chars, "cost_nano": purchase.cost_nano(purchase.chars), "currency": purchase.currency,
            "state": SpendState.RESERVED, "owner": self._owner.id, "at": at,
        }  # fmt: skip

    def of_run(self, run: str) -> tuple[int, Decimal]:
        """Characters billed and cost of one run. Raises: StoreError."""
        self.flush()
        query = select(func.coalesce(func.sum(SpendRow.chars), 0), func.coalesce(func.sum(SpendRow.cost_nano), 0))
        with self._database.reading() as session:
            chars, nano = session.execute(query.where(SpendRow.run == run, _COUNTS)).one()
        return int(chars), _amount(nano)

    def of_books(self, books: Sequence[str]) -> dict[str, list[tuple[str, Decimal]]]:
        """What each of these books has cost: (currency, amount) of each currency."""
        query = (
            select(SpendRow.book, SpendRow.currency, func.sum(SpendRow.cost_nano))
            .where(SpendRow.book.in_(books), _COUNTS)
            .group_by(SpendRow.book, SpendRow.currency)
        )
        costs: dict[str, list[tuple[str, Decimal]]] = {}
        with self._database.reading() as session:
            for book, currency, nano in session.execute(query):
                costs.setdefault(book, []).append((currency, _amount(nano)))
        return costs

    def account(self, *, book: str = "") -> list[Spent]:
        """What was spent by month, backend and book; newest month first. Raises: StoreError."""
        self.flush()
        keys = (SpendRow.month, SpendRow.backend, SpendRow.book, SpendRow.currency)
        query = (
            select(
                *keys,
                func.count().label("requests"),
                func.sum(SpendRow.chars).label("chars"),
                func.sum(SpendRow.cost_nano).label("nano"),
                func.sum(case((SpendRow.state == SpendState.RESERVED, 1), else_=0)).label("unanswered"),
            )
            .where(_COUNTS)
            .group_by(*keys)
            .order_by(SpendRow.month.desc(), SpendRow.backend, SpendRow.book)
        )
        with self._database.reading() as session:
            rows = session.execute(query.where(SpendRow.book == book) if book else query).all()
        return [
            Spent(
                month=row.month,
                backend=row.backend,
                book=row.book,
                currency=row.currency,
                requests=row.requests,
                chars=int(row.chars),
                cost=_amount(row.nano),
                unanswered=int(row.unanswered),
            )
            for row in rows
        ]


def _amount(nano: int) -> Decimal:
    return Decimal(int(nano)) / NANO


def _check_may_buy(purchase: Purchase, caps: Caps) -> None:
    """Raises: BudgetExceeded where no sum has to be known to refuse."""
    if caps.spending is Spending.NONE:
        raise BudgetExceeded(
            f"This run buys nothing, but {purchase.backend} would have to be paid to speak a text that is not recorded",
            backend=purchase.backend,
            remedy=f"bookcast narrate {purchase.book} speaks what is missing; bookcast rerun, what failed",
        )
    if caps.amounts and caps.currency not in ("", purchase.currency):
        raise BudgetExceeded(
            f"The caps are in {caps.currency}, but {purchase.backend} is paid in {purchase.currency}",
            backend=purchase.backend,
            remedy=f"choose a backend that is paid in {caps.currency}, or change [budget] currency",
        )


def _find_passed_cap(session: Session, entry: _Reservation, row: dict[str, Any]) -> BudgetExceeded | None:
    """The first cap that the row of a reservation would pass, as the error that says so."""
    caps = entry.caps
    for name, cap, condition in (
        ("run", caps.run, SpendRow.cap_id == row["cap_id"]),
        ("book", caps.book, SpendRow.book == row["book"]),
        ("month", caps.month, SpendRow.month == row["month"]),
    ):
        if cap is None:
            continue
        query = select(func.coalesce(func.sum(SpendRow.cost_nano), 0)).where(condition, _COUNTS)
        if caps.currency:
            query = query.where(SpendRow.currency == caps.currency)
        spent = int(session.scalar(query) or 0)
        if cap == 0 or spent + row["cost_nano"] > int(Decimal(repr(cap)) * NANO):  # 0 refuses free requests, too
            return _passed(entry.purchase, name, cap, spent)
    return None


def _passed(purchase: Purchase, name: str, cap: float, spent_nano: int) -> BudgetExceeded:
    cost = _amount(purchase.cost_nano(purchase.chars))
    how = "a new --max-cost" if name == "run" else f"a higher [budget] max_cost_per_{name}"
    return BudgetExceeded(
        f"The cap of {cap:g} {purchase.currency} for this {name} is reached: {_amount(spent_nano):f} spent, "
        f"and the next request would cost {cost:f}",
        backend=purchase.backend,
        remedy=f"everything done is kept: run the same command again with {how}",
    )
