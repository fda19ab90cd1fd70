"""What a person asks for: one narration, as values that a run, a rerun and a Prefect form share."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.audio.mastering import MASTERINGS, Mastering
from pipeline.errors import SettingsError
from pipeline.model.audio import FORMATS
from pipeline.model.voice import Capabilities, VoiceChoice
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.settings import Settings
from pipeline.speech.registry import choose_voice, describe_backend, language_of


@dataclass(frozen=True, slots=True)
class Order:
    """Empty values stand for what the settings say."""

    backend: str = ""
    model: str = ""
    voice: str = ""
    speed: float = 0.0
    language: str = ""
    formats: tuple[str, ...] = ()
    output: str = ""
    """Library folder for the release."""
    chapters: tuple[int, ...] = ()
    """Numbers of the chapters to narrate, from 1; empty for all."""
    allow_gaps: bool = False
    mastering: str = ""
    """A name of MASTERINGS; empty for what the settings say."""
    max_cost: float | None = None
    """Hard cap on what this order may cost, whatever speaks it; None for what the settings say of a run."""
    cap_id: str = ""
    """Purchases with this id count against `max_cost`: those of the runs that had it before. Empty for a new cap."""

    def as_options(self) -> dict[str, Any]:
        """Plain values for the store."""
        return asdict(self)

    def as_parameters(self) -> dict[str, Any]:
        """The options that were given, for a flow."""
        return {key: value for key, value in asdict(self).items() if value != getattr(Order(), key)}

    @staticmethod
    def from_options(options: dict[str, Any], *, max_cost: float | None = None) -> "Order":
        """The order of stored values, under their cap with all that was bought under it, or under a new one.

        Args:
            options: from `as_options`; values that are not known are ignored.
            max_cost: a new cap, which counts from now on; None to go on under the stored one.
        """
        known = {field.name for field in fields(Order)}
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in options.items() if key in known
        }
        if max_cost is not None:
            values |= {"max_cost": max_cost, "cap_id": ""}
        return Order(**values)


def find_fallback(settings: Settings, order: Order) -> Order | None:
    """The order of the backend that speaks where the order's own fails; None where there is none.

    It speaks in its own first voice, as near to the pace of the first one as it can, and in the same language.

    Raises:
        UnknownBackend, UnknownVoice.
    """
    name = settings.backends[backend_profile(settings, order.backend).name].fallback
    if not name:
        return None
    choice, _ = resolve_voice(settings, order)
    slowest, fastest = describe_backend(backend_profile(settings, name)).speed_range
    return Order(backend=name, speed=min(fastest, max(slowest, choice.speed)), language=order.language)


def resolve_voice(settings: Settings, order: Order) -> tuple[VoiceChoice, Capabilities]:
    """The complete choice of voice, checked, and what its backend can do.

    Raises:
        UnknownBackend, UnknownVoice.
    """
    profile = backend_profile(settings, order.backend)
    narration = settings.narration
    default = profile.name == narration.backend  # another backend knows nothing of the default's voices
    choice = choose_voice(
        profile,
        model=order.model or (narration.model if default else ""),
        voice=order.voice or (narration.voice if default else ""),
        language=order.language or narration.language,
        speed=order.speed or narration.speed,
    )
    return choice, describe_backend(profile)


def reading_language(settings: Settings, order: Order) -> str:
    """The primary subtag of the language that the text is read in, or empty where each passage decides.

    Raises:
        UnknownBackend, UnknownVoice.
    """
    choice, able = resolve_voice(settings, order)
    stated = order.language or settings.narration.language or language_of(able, choice.voice)
    return stated.split("-")[0].lower()


def resolve_mastering(settings: Settings, order: Order) -> Mastering:
    """What the sound is brought to. Raises: SettingsError for a name that does not exist."""
    if not order.mastering:
        return Mastering(settings.mastering.target_lufs, settings.mastering.peak_dbfs)
    if order.mastering not in MASTERINGS:
        raise SettingsError(
            f'There is no mastering "{order.mastering}"', key="mastering", remedy="choose " + ", ".join(MASTERINGS)
        )
    return MASTERINGS[order.mastering]


def resolve_formats(settings: Settings, order: Order) -> tuple[str, ...]:
    """The formats to publish. Raises: SettingsError for one that does not exist."""
    formats = order.formats or settings.narration.formats
    for name in formats:
        if name not in FORMATS:
            raise SettingsError(f'There is no format "{name}"', key="formats", remedy="choose " + ", ".join(FORMATS))
    return tuple(dict.fromkeys(formats))


def parse_chapters(text: str) -> tuple[int, ...]:
    """Chapter numbers from a list such as `1,3-5`.

    Raises:
        SettingsError: not such a list.
    """
    numbers: list[int] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last:
            raise SettingsError(f'"{text}" is not a list of chapters', key="chapters", remedy="write it like 1,3-5")
        numbers.extend(range(first, last + 1))
    return tuple(sorted(set(numbers)))


def check_chapters(wanted: Sequence[int], count: int) -> None:
    """Raises: SettingsError where the book has no chapter of that number."""
    beyond = [number for number in wanted if number > count]
    if beyond:
        raise SettingsError(f"The book has {count} chapters, no chapter {beyond[0]}", key="chapters")
