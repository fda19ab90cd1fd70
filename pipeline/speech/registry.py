"""Names of backends -> backends. A kind is built in, or `module:Class` of an installed package."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pipeline.errors import BackendUnavailable, NarrationError, UnknownBackend, UnknownVoice, VoiceNotInModel
from pipeline.model.voice import Capabilities, VoiceChoice
from pipeline.speech.backend import Backend, Decode
from pipeline.speech.services.service_profile import Service

_BUILT_IN = {
    "hibari": "pipeline.speech.engines.hibari_voice:HibariBackend",
    "openai": "pipeline.speech.services.openai_speech:OpenAIBackend",
    "tone": "pipeline.speech.engines.tone_voice:ToneBackend",
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
    identity: str = ""
    """Whose clips these are; empty for the profile's name."""


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
        UnknownBackend, UnknownVoice, VoiceNotInModel: with what there is to choose from.
    """
    able = describe_backend(profile)
    model = _choose(f'Backend "{profile.name}"', "model", model, able.models)
    names = able.voices_of(model)
    if voice in {v.name for v in able.voices} and voice not in names:
        raise VoiceNotInModel(
            f'Model "{model}" of backend "{profile.name}" does not take the voice "{voice}"',
            key="voice",
            remedy="choose " + ", ".join(names) if names else "choose another model",
        )
    if model not in able.open_models or not voice:
        voice = _choose(f'Model "{model}" of backend "{profile.name}"', "voice", voice, names)
    slowest, fastest = able.speed_range
    if not slowest <= speed <= fastest:
        raise UnknownVoice(
            f'Backend "{profile.name}" speaks at speeds from {slowest} to {fastest}, not {speed}',
            key="speed",
            remedy=f"choose a speed from {slowest} to {fastest}",
        )
    told = language or language_of(able, voice)
    return VoiceChoice(
        backend=profile.name,
        kind=able.kind,
        model=model,
        voice=voice,
        language=told.split("-")[0].lower() if able.takes_language else "",
        speed=speed,
        style=profile.service.instructions if profile.service else "",
        identity=profile.identity or profile.name,
    )


def language_of(able: Capabilities, voice: str) -> str:
    """The language of a voice as the backend states it, or empty."""
    return next((known.language for known in able.voices if known.name == voice), "")


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
