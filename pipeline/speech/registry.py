"""Names of backends -> backends. A kind is built in, or `module:Class` of an installed package."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pipeline.errors import UnknownBackend, UnknownVoice
from pipeline.model.voice import Capabilities, VoiceChoice
from pipeline.speech.backend import Backend

_BUILT_IN = {
    "hibari": "pipeline.speech.hibari:HibariBackend",
    "tone": "pipeline.speech.tone:ToneBackend",
}


@dataclass(frozen=True, slots=True)
class BackendProfile:
    """What the settings say of one backend."""

    name: str
    kind: str


def make_backend(profile: BackendProfile) -> Backend:
    """A loaded backend, ready to speak.

    Raises:
        UnknownBackend: no such kind.
        BackendUnavailable: its engine does not load.
    """
    return _factory(profile)()


def describe_backend(profile: BackendProfile) -> Capabilities:
    """What the backend can do, without loading its model.

    Raises:
        UnknownBackend: no such kind.
    """
    return cast(Capabilities, _factory(profile).capabilities)  # type: ignore[attr-defined]


def _factory(profile: BackendProfile) -> Callable[[], Backend]:
    module, _, attribute = _BUILT_IN.get(profile.kind, profile.kind).partition(":")
    try:
        return cast(Callable[[], Backend], getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise UnknownBackend(
            f'Backend "{profile.name}" has the kind "{profile.kind}", which does not exist',
            key=f"backends.{profile.name}.kind",
            remedy="use one of " + ", ".join(sorted(_BUILT_IN)) + ", or module:Class of an installed package",
        ) from error


def choose_voice(
    profile: BackendProfile, *, model: str = "", voice: str = "", language: str = "", speed: float = 1.0
) -> VoiceChoice:
    """A complete choice, defaults filled in and everything checked before the first request.

    Raises:
        UnknownBackend, UnknownVoice: with what there is to choose from.
    """
    able = describe_backend(profile)
    model = model or able.models[0]
    if model not in able.models:
        raise UnknownVoice(
            f'Backend "{profile.name}" has no model "{model}"', key="model", remedy="choose " + ", ".join(able.models)
        )
    names = [v.name for v in able.voices if not v.models or model in v.models]
    voice = voice or names[0]
    if voice not in names:
        alike = next((name for name in names if name.casefold() == voice.casefold()), None)
        raise UnknownVoice(
            f'Model "{model}" of backend "{profile.name}" has no voice "{voice}"',
            key="voice",
            remedy=f'did you mean "{alike}"?' if alike else "choose " + ", ".join(names),
        )
    slowest, fastest = able.speed_range
    if not slowest <= speed <= fastest:
        raise UnknownVoice(
            f'Backend "{profile.name}" speaks at speeds from {slowest} to {fastest}, not {speed}',
            key="speed",
            remedy=f"choose a speed from {slowest} to {fastest}",
        )
    spoken = language.split("-")[0].lower() or next(v.language for v in able.voices if v.name == voice).split("-")[0]
    return VoiceChoice(profile.name, able.kind, model, voice, spoken, speed)
