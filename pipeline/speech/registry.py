"""Names of backends -> backends. A kind is built in, or `module:Class` of an installed package."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pipeline.errors import BackendUnavailable, NarrationError, UnknownBackend, UnknownVoice
from pipeline.model.voice import Capabilities, VoiceChoice
from pipeline.speech.backend import Backend, Decode
from pipeline.speech.service import Service

_BUILT_IN = {
    "hibari": "pipeline.speech.hibari:HibariBackend",
    "openai": "pipeline.speech.openai:OpenAIBackend",
    "tone": "pipeline.speech.tone:ToneBackend",
}


@dataclass(frozen=True, slots=True)
class BackendProfile:
    """What the settings say of one backend."""

    name: str
    kind: str
    service: Service | None = None
    """Of a backend that is reached over HTTP."""
    workers: int = 0
    """Processes of an engine of this machine; 0 for one a core."""


def make_backend(profile: BackendProfile, decode: Decode | None = None) -> Backend:
    """A loaded backend, ready to speak; a service also needs `decode`, which reads audio files.

    Raises:
        UnknownBackend: no such kind.
        BackendUnavailable: its engine does not load.
        SettingsError: its key is not in the environment.
    """
    factory = _factory(profile)
    try:
        return factory(profile.service, decode) if profile.service else factory()
    except NarrationError:
        raise
    except Exception as error:  # an engine of somebody else's may raise anything
        raise BackendUnavailable(
            f'Backend "{profile.name}" cannot be loaded: {type(error).__name__}: {error}', backend=profile.name
        ) from error


def describe_backend(profile: BackendProfile) -> Capabilities:
    """What the backend can do, without loading its model.

    Raises:
        UnknownBackend: no such kind.
    """
    if profile.service:
        return profile.service.capabilities
    return cast(Capabilities, _factory(profile).capabilities)  # type: ignore[attr-defined]


def _factory(profile: BackendProfile) -> Callable[..., Backend]:
    module, _, attribute = _BUILT_IN.get(profile.kind, profile.kind).partition(":")
    try:
        return cast(Callable[..., Backend], getattr(importlib.import_module(module), attribute))
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
    model = _choose(f'Backend "{profile.name}"', "model", model, able.models)
    names = able.voices_of(model)
    if model not in able.open_models or not voice:
        voice = _choose(f'Model "{model}" of backend "{profile.name}"', "voice", voice, names)
    slowest, fastest = able.speed_range
    if not slowest <= speed <= fastest:
        raise UnknownVoice(
            f'Backend "{profile.name}" speaks at speeds from {slowest} to {fastest}, not {speed}',
            key="speed",
            remedy=f"choose a speed from {slowest} to {fastest}",
        )
    own = next((v.language for v in able.voices if v.name == voice), "")
    spoken = (language or own).split("-")[0].lower()
    style = profile.service.instructions if profile.service else ""
    return VoiceChoice(profile.name, able.kind, model, voice, spoken, speed, style)


def _choose(who: str, what: str, asked: str, names: tuple[str, ...]) -> str:
    """`asked`, or the first of `names`. Raises: UnknownVoice."""
    if asked in names or (names and not asked):
        return asked or names[0]
    alike = next((name for name in names if name.casefold() == asked.casefold()), None)
    raise UnknownVoice(
        f'{who} has no {what} "{asked}"' if asked else f"{who} takes any {what}, so one has to be named",
        key=what,
        remedy=f'did you mean "{alike}"?'
        if alike
        else "choose " + ", ".join(names)
        if names
        else f"give --{what} NAME",
    )
