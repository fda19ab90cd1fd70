"""The ledger: whatever breaks while it is written, no reservation is a phantom, no answer forgotten, no cap passed."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from pipeline.errors import BudgetExceeded, NarrationError, StoreError
from pipeline.store import Store
from pipeline.store.db.database import Database
from pipeline.store.db.tables import SpendRow
from pipeline.store.ownership.owners import Owner
from pipeline.store.ownership.scratch import Scratch
from pipeline.store.records.ledger import MAX_BILLED_CHARS, Spend
from pipeline.store.records.purchases import NANO, Caps, Purchase, Spending, SpendState
from tests.breaking_database import Break, BreakingDatabase, Moment

NANO_PER_CHAR = NANO // 100_000
ERRORS: dict[str, Callable[[], BaseException]] = {
    "OSError": lambda: OSError("no space left on device"),
    "StoreError": lambda: StoreError("The database stayed locked"),
    "SQLAlchemy": lambda: OperationalError("INSERT", {}, Exception("disk I/O error")),
    "MemoryError": MemoryError,
    "OverflowError": lambda: OverflowError("int too large"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(1),
}


def buy(chars: int, *, run: str = "run", book: str = "book", currency: str = "USD") -> Purchase:
    return Purchase(
        run=run, cap_id=run, book=book, backend="rig", model="qwen-tts", chars=chars, price_per_1k_chars=0.01,
        currency=currency,
    )  # fmt: skip


def cap_of(chars: int) -> float:
    """What that many characters cost."""
    return float(Decimal(chars) / 100_000)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BreakingDatabase]:
    opened = BreakingDatabase(tmp_path_factory.mktemp("ledger") / "bookcast.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    folder = tmp_path_factory.mktemp("owner")
    calm = Database(folder / "bookcast.db")  # its heart is to beat on while the ledger's database breaks
    held = Owner(calm, Scratch(folder / "scratch"))
    yield held
    held.close()
    calm.close()


@pytest.fixture
def spend(database: BreakingDatabase, owner: Owner) -> Spend:
    return fresh(database, owner)


def fresh(database: BreakingDatabase, owner: Owner) -> Spend:
    """An empty ledger in a database that does not break yet."""
    database.breaks.clear()
    database.look = lambda session: None
    with database.writing() as session:
        session.execute(delete(SpendRow))
    return Spend(database, owner)


def rows(database: BreakingDatabase) -> dict[str, tuple[str, int]]:
    """State and cost in characters, by number."""
    with database.reading() as session:
        found = session.execute(select(SpendRow.id, SpendRow.state, SpendRow.cost_nano)).all()
    return {number: (state, nano // NANO_PER_CHAR) for number, state, nano in found}


@dataclass
class Shopper:
    """A thread that reserves and closes, and remembers what it was told."""

    spend: Spend
    caps: Caps
    expected: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What has to be in the ledger at the end, by number."""
    errors: list[BaseException] = field(default_factory=list)

    def go(self, steps: Sequence[tuple[int, str]]) -> None:
        for chars, end in steps:
            purchase = buy(chars)
            try:
                number = self.spend.reserve(purchase, self.caps)
            except BaseException as error:
                self.errors.append(error)
                continue
            self.expected[number] = self._close(number, purchase, end)

    def _close(self, number: str, purchase: Purchase, end: str) -> tuple[str, int]:
        try:
            if end == "settle":
                self.spend.settle(number, purchase)
            elif end == "bill more":
                self.spend.settle(number, purchase, 3 * purchase.chars)
            elif end == "void":
                self.spend.void(number)
        except BaseException as error:  # Ctrl-C, and only after it was put in line
            assert not isinstance(error, Exception)
        return {
            "settle": (SpendState.SPENT, purchase.chars),
            "bill more": (SpendState.SPENT, 3 * purchase.chars),
            "void": (SpendState.VOID, 0),
            "leave": (SpendState.RESERVED, purchase.chars),
        }[end]


def end_well(spend: Spend, database: BreakingDatabase) -> None:
    database.breaks.clear()
    spend.flush()


_STEPS = st.lists(st.tuples(st.integers(1, 50), st.sampled_from(["settle", "void", "leave"])), min_size=1, max_size=6)
_BREAK = st.builds(
    lambda moment, name: Break(moment, ERRORS[name]()), st.sampled_from(Moment), st.sampled_from([*ERRORS])
)
_BREAKS = st.lists(st.one_of(st.none(), _BREAK), max_size=14)


@settings(max_examples=60)
@given(st.lists(_STEPS, min_size=1, max_size=6), _BREAKS, st.integers(0, 400))
def test_whatever_breaks_every_reservation_is_a_row_or_an_error_and_every_answer_is_booked(
    database: BreakingDatabase, owner: Owner, plans: list[list[tuple[int, str]]], breaks: list[Break | None], cap: int
) -> None:
    spend, sums = fresh(database, owner), []
    database.look = lambda session: sums.append(counted(session))
    database.breaks.extend(breaks)
    shoppers = [Shopper(spend, Caps(run=cap_of(cap))) for _ in plans]
    with ThreadPoolExecutor(len(plans)) as threads:
        for ended in [threads.submit(shopper.go, plan) for shopper, plan in zip(shoppers, plans, strict=True)]:
            ended.result()
    end_well(spend, database)
    found = rows(database)
    expected = {number: row for shopper in shoppers for number, row in shopper.expected.items()}
    assert {number: found.get(number) for number in expected} == expected
    others = Counter(state for number, (state, _) in found.items() if number not in expected)
    assert set(others) <= {SpendState.VOID}, "what nobody was told of counts for nothing"
    assert max(sums) <= cap * NANO_PER_CHAR
    planned = [b.error for b in breaks if b]
    for error in (error for shopper in shoppers for error in shopper.errors):
        assert isinstance(error, NarrationError) or error in planned, "only Ctrl-C and its like come as they are"
        assert isinstance(error, NarrationError) or not isinstance(error, Exception)


def counted(session: Session) -> int:
    query = select(func.coalesce(func.sum(SpendRow.cost_nano), 0)).where(SpendRow.state != SpendState.VOID)
    return int(session.scalar(query) or 0)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.sampled_from(["settle", "bill more", "void"])), max_size=20),
    _BREAKS,
    st.integers(0, 300),
)
def test_what_a_service_billed_beyond_its_reservation_is_seen_by_the_next_one(
    database: BreakingDatabase, owner: Owner, steps: list[tuple[int, str]], breaks: list[Break | None], cap: int
) -> None:
    spend = fresh(database, owner)
    database.breaks.extend(breaks)
    shopper = Shopper(spend, Caps(run=cap_of(cap)))
    for step in steps:
        before = sum(chars for _, chars in shopper.expected.values())
        known = len(shopper.expected)
        shopper.go([step])
        if len(shopper.expected) > known:
            assert before + step[0] <= cap, "a cap that is passed lets nothing more pass"
    end_well(spend, database)
    assert {n: row for n, row in rows(database).items() if n in shopper.expected} == shopper.expected


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("name", list(ERRORS))
def test_when_the_writer_dies_those_behind_it_are_written_or_told(
    spend: Spend, database: BreakingDatabase, name: str, moment: Moment
) -> None:
    """Eight wait while one writes; then the one who writes for all of them breaks."""
    in_line = threading.Barrier(9)
    database.look = lambda session: hold(database, in_line)
    database.breaks.extend([None, Break(moment, ERRORS[name]())])
    shoppers = [Shopper(spend, Caps()) for _ in range(9)]

    def shop(number: int) -> None:
        if number:
            in_line.wait(10)
        shoppers[number].go([(10, "leave")])

    with ThreadPoolExecutor(9) as threads:
        list(threads.map(shop, range(9)))
    end_well(spend, database)
    told = {number for shopper in shoppers for number in shopper.expected}
    assert {number for number, (state, _) in rows(database).items() if state != SpendState.VOID} == told
    assert sum(bool(shopper.errors) for shopper in shoppers) == 9 - len(told)
    if name not in ("StoreError", "SQLAlchemy"):  # only the database's own word is passed on to all who wait
        assert len(told) == 8


def hold(database: BreakingDatabase, in_line: threading.Barrier) -> None:
    """Let the others come while the first transaction is open."""
    database.look = lambda session: None
    in_line.wait(10)
    time.sleep(0.02)  # they have to get from the barrier to the lock; where one does not, it comes later


def test_answers_wait_for_a_ledger_that_can_be_written_again(spend: Spend, database: BreakingDatabase) -> None:
    purchase = buy(100)
    first, second = spend.reserve(purchase, Caps()), spend.reserve(purchase, Caps())
    spend.settle(first, purchase, 90)
    spend.void(second)
    database.breaks.extend([Break(moment, OSError("gone")) for moment in Moment])
    for _ in Moment:
        with pytest.raises(StoreError, match="cannot be written: OSError: gone"):
            spend.reserve(purchase, Caps())
    assert spend.of_run("run") == (90, Decimal("0.0009"))
    assert Counter(state for state, _ in rows(database).values())[SpendState.RESERVED] == 0


def test_more_than_was_reserved_is_booked_at_once_for_other_programs_to_see(
    spend: Spend, database: BreakingDatabase
) -> None:
    purchase = buy(100)
    number = spend.reserve(purchase, Caps())
    assert spend.settle(number, purchase, 250) == 250
    assert rows(database) == {number: (SpendState.SPENT, 250)}


@pytest.mark.parametrize("said", [-1, MAX_BILLED_CHARS + 1, 10**30])
def test_a_figure_that_cannot_be_is_not_booked(spend: Spend, database: BreakingDatabase, said: int) -> None:
    purchase = buy(100)
    number = spend.reserve(purchase, Caps())
    assert spend.settle(number, purchase, said) == 100
    spend.flush()
    assert rows(database) == {number: (SpendState.SPENT, 100)}


def test_a_cap_counts_every_amount_or_those_of_its_currency(spend: Spend) -> None:
    spend.reserve(buy(100, currency="EUR"), Caps())
    with pytest.raises(BudgetExceeded, match="for this month"):
        spend.reserve(buy(100), Caps(month=cap_of(150)))
    spend.reserve(buy(100), Caps(month=cap_of(150), currency="USD"))
    with pytest.raises(BudgetExceeded, match="for this month"):
        spend.reserve(buy(100), Caps(month=cap_of(150), currency="USD"))
    with pytest.raises(BudgetExceeded, match="caps are in USD, but rig is paid in EUR"):
        spend.reserve(buy(1, currency="EUR"), Caps(month=cap_of(10_000), currency="USD"))


def test_where_nothing_may_be_bought_not_even_what_has_no_price_is(spend: Spend, database: BreakingDatabase) -> None:
    free = Purchase(
        run="run", cap_id="run", book="book", backend="rig", model="m", chars=10, price_per_1k_chars=0.0, currency="USD"
    )
    for caps in (Caps(run=0.0), Caps(book=0.0), Caps(month=0.0), Caps(spending=Spending.NONE)):
        with pytest.raises(BudgetExceeded):
            spend.reserve(free, caps)
    assert rows(database) == {}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 5_000), st.sampled_from(["settle", "void", "leave"])), max_size=30),
    st.integers(1, 60_000),
)
def test_no_order_of_answers_passes_a_cap(
    database: BreakingDatabase, owner: Owner, requests: list[tuple[int, str]], cap: int
) -> None:
    spend, counted = fresh(database, owner), 0
    shopper = Shopper(spend, Caps(run=cap_of(cap)))
    for chars, end in requests:
        known = len(shopper.expected)
        shopper.go([(chars, end)])
        assert (len(shopper.expected) > known) == (counted + chars <= cap)
        counted = sum(chars for _, chars in shopper.expected.values())
        assert spend.of_run("run") == (counted, Decimal(counted) / 100_000)


def test_a_cap_holds_under_many_threads_and_two_programs(tmp_path: Path) -> None:
    stores = [Store(tmp_path), Store(tmp_path)]
    passed = []

    def shop(store: Store) -> None:
        for _ in range(20):
            try:
                store.spend.reserve(buy(100), Caps(book=0.037))
                passed.append(1)
            except BudgetExceeded:
                return

    threads = [threading.Thread(target=shop, args=(store,)) for store in stores * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 37
    for store in stores:
        store.close()
