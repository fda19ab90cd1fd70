"""What the speech interface may spend: nothing without a key and a cap, and all requests of a day under one cap."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from pipeline.errors import BudgetExceeded
from pipeline.narration.core.account import costs_money
from pipeline.narration.core.order import Order
from pipeline.settings import Settings
from pipeline.web.server.error_answers import ApiError


def under_day_cap(settings: Settings, order: Order) -> Order:
    """The order as a part of today's run: what was bought for other requests of the day counts against its cap."""
    return replace(order, max_cost=settings.speech_api.max_cost_per_day, cap_id=f"speech-{datetime.now(UTC):%Y-%m-%d}")


def check_may_spend(settings: Settings, order: Order, *, asks_key: bool) -> None:
    """Raises: ApiError where what speaks costs money, and any program may ask for it, or without an end.

    Args:
        settings: with [speech_api] and [budget].
        order: from `under_day_cap`.
        asks_key: callers have to give the key of [speech_api].
    """
    if not costs_money(settings, order):
        return
    if not asks_key:
        raise ApiError(
            403, "key_needed", "The voice of this model costs money, and this interface asks nobody for a key",
            param="model",
            remedy="set [speech_api] api_key_env to a variable that holds a key, or choose an embedded voice",
        )  # fmt: skip
    budget = settings.budget
    if all(cap is None for cap in (order.max_cost, budget.max_cost_per_run, budget.max_cost_per_month)):
        raise ApiError(
            403, "cap_needed", "The voice of this model costs money, and no cap is set", param="model",
            remedy="set [speech_api] max_cost_per_day, or choose an embedded voice",
        )  # fmt: skip


@contextmanager
def telling_of_caps() -> Iterator[None]:
    """A cap that is reached inside is told in the words of this interface. Raises: ApiError."""
    try:
        yield
    except BudgetExceeded as error:
        raise ApiError(
            429, "quota_exceeded", f"The speech interface may spend no more for now. {error}",
            remedy="wait for the next day (UTC), or raise [speech_api] max_cost_per_day or the caps of [budget]",
        ) from error  # fmt: skip
