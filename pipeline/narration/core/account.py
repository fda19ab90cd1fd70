"""On whose behalf a clip is made, and what it may cost."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import NarrationError, SettingsError
from pipeline.model.voice import Capabilities, VoiceChoice
from pipeline.narration.core.events import Note, Report
from pipeline.narration.core.order import Order, find_fallback, resolve_voice
from pipeline.settings import Settings
from pipeline.store.records.purchases import Caps, Spending


class Warnings:
    """Reports what a person should know of a subject the first time that it comes up; safe to use from threads."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, subject: str, text: str) -> None:
        """Report `text`, unless something was said of `subject` before."""
        with self._lock:
            if subject in self._known:
                return
            self._known.add(subject)
        self._report(Note(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who asks for a clip, what it may cost, and whether it is still wanted."""

    run: str
    cap_id: str
    """What the cap of the run counts: the purchases of every run with this id."""
    book: str
    """Slug; empty for a text that is in no book."""
    caps: Caps
    check_stopping: Callable[[], None]
    """Raises Interrupted when the run is to stop."""
    check_paid: Callable[[], None]
    """The same for a request whose cost is reserved: a cap that is reached is no reason to drop it."""
    spoken: Callable[[], None] = lambda: None
    """Told of each clip that went well."""
    failed: Callable[[str, NarrationError], None] = lambda backend, error: None
    """Told of each clip that a backend gave up, after all its attempts."""
    check_backend: Callable[[str], None] = lambda backend: None
    """Raises what the backend was given up for, where it was."""
    warn: Callable[[str, str], None] = lambda subject, text: None
    """Told what a person should know of a subject, such as a backend; once of each is enough."""


def caps_of(settings: Settings, order: Order, *, spending: Spending = Spending.CAPPED) -> Caps:
    """The caps in force for an order, over its backend and the fallback of that.

    Args:
        settings: with [budget].
        order: its own cap stands before that of the settings.
        spending: NONE for a run that is to buy nothing at all.

    Raises:
        SettingsError: the cap is not an amount; or one is in force, but not known what a backend costs, or
            their costs cannot be added up. Before any request.
        UnknownBackend, UnknownVoice.
    """
    budget = settings.budget
    caps = Caps(
        run=budget.max_cost_per_run if order.max_cost is None else order.max_cost,
        book=budget.max_cost_per_book,
        month=budget.max_cost_per_month,
        currency=budget.currency,
        spending=spending,
    )
    for cap in caps.amounts:
        if not (math.isfinite(cap) and cap >= 0):
            raise SettingsError(f"A cap of {cap} is not an amount", key="max_cost", remedy="give 0 or more")
    if caps.amounts and 0 not in caps.amounts and spending is not Spending.NONE:  # else no price has to be known
        _check_can_add_up(caps, _paid_backends(settings, order))
    return caps


def costs_money(settings: Settings, order: Order) -> bool:
    """True where a service that is paid may speak: one with a price, or with a key and so with somebody's account.

    Raises:
        UnknownBackend, UnknownVoice.
    """
    return any(
        able.price_per_1k_chars(choice.model) or settings.backends[choice.backend].api_key_env
        for choice, able in _paid_backends(settings, order)
    )


def _paid_backends(settings: Settings, order: Order) -> list[tuple[VoiceChoice, Capabilities]]:
    """Who may be paid for an order."""
    fallback = find_fallback(settings, order)
    voices = [resolve_voice(settings, each) for each in (order, fallback) if each is not None]
    return [(choice, able) for choice, able in voices if able.is_remote]


def _check_can_add_up(caps: Caps, paid: list[tuple[VoiceChoice, Capabilities]]) -> None:
    """Raises: SettingsError."""
    for choice, able in paid:
        if not able.price_per_1k_chars(choice.model):
            raise SettingsError(
                f"A budget is set, but not what {choice.backend} costs",
                key=f"backends.{choice.backend}.price_per_1k_chars",
                remedy=f"set price_per_1k_chars of backend {choice.backend}",
            )
        if caps.currency and able.currency != caps.currency:
            raise SettingsError(
                f"The budget is in {caps.currency}, but {choice.backend} is paid in {able.currency}",
                key=f"backends.{choice.backend}.currency",
                remedy=f"choose a backend that is paid in {caps.currency}, or change [budget] currency",
            )
    named = [f"{choice.backend} is paid in {able.currency}" for choice, able in paid]
    if len({able.currency for _, able in paid}) > 1:
        raise SettingsError(
            f"A budget is one sum, but {' and its fallback '.join(named)}",
            key="budget.currency",
            remedy="choose a fallback that is paid in the same currency, or an embedded one",
        )
