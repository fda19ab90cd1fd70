"""On whose behalf a clip is made, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import NarrationError, SettingsError
from pipeline.model.audio import Clip
from pipeline.settings import Settings
from pipeline.stages.order import Order, resolve_voice
from pipeline.store.spend import Caps


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks for a clip, what it may cost, and whether it is still wanted."""

    run: str
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


@dataclass(frozen=True, slots=True)
class Made:
    """A clip that was made."""

    clip: Clip
    attempts: int = 1
    """Requests that it took."""
    remark: str = ""
    """What a person should know of it."""
    answers: tuple[str, ...] = ()
    """Keys of the stored answers that it was made of; they may go when it is kept."""


def caps_of(settings: Settings, order: Order) -> Caps:
    """The caps in force for an order.

    Raises:
        SettingsError: a cap is set, but not what the backend costs.
    """
    budget = settings.budget
    run = budget.max_cost_per_run if order.max_cost is None else order.max_cost
    caps = Caps(run, budget.max_cost_per_book, budget.max_cost_per_month)
    choice, able = resolve_voice(settings, order)
    if able.is_remote and caps != Caps() and not able.price_per_1k_chars(choice.model):
        raise SettingsError(
            f"A budget is set, but not what {choice.backend} costs",
            key=f"backends.{choice.backend}.price_per_1k_chars",
            remedy=f"set price_per_1k_chars of backend {choice.backend}",
        )
    return caps
