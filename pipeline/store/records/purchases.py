"""What is bought from services: a request with its price, the caps it is held against, and lines of the account.

Amounts of the ledger are whole billionths of the currency, so that sums are exact.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

NANO = 1_000_000_000


class SpendState(StrEnum):
    """What became of a request."""

    RESERVED = "reserved"
    """Sent or about to be, and not answered yet: it counts."""
    SPENT = "spent"
    VOID = "void"
    """Refused, or never sent: it costs nothing."""


class Spending(StrEnum):
    """Whether something may be bought at all."""

    CAPPED = "capped"
    """As far as the caps go."""
    NONE = "none"
    """Nothing, whatever it costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """One request that is about to be sent."""

    run: str
    cap_id: str
    """What the cap of the run counts: the purchases of every run with this id."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Hard limits over all backends; None for no limit, 0 where nothing may be bought."""

    run: float | None = None
    book: float | None = None
    month: float | None = None
    currency: str = ""
    """The only one that is counted and may be spent; empty where amounts count whatever their currency."""
    spending: Spending = Spending.CAPPED

    @property
    def amounts(self) -> tuple[float, ...]:
        """The limits that are in force."""
        return tuple(cap for cap in (self.run, self.book, self.month) if cap is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
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
