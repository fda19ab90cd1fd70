"""Settings -> the models and voices that the speech interface answers to, and who speaks for each."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.settings import Settings
from pipeline.speech.registry import describe_backend


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as callers name it."""

    id: str
    owner: str
    """The backend whose model it is."""
    speaker: str
    """The backend that speaks: the owner, or who stands in for it."""
    model: str
    """Of the speaker; empty for its first."""
    voices: tuple[str, ...]
    takes_any_voice: bool
    counts_tokens: bool

    @property
    def is_stand_in(self) -> bool:
        """True where another backend speaks than the caller names."""
        return self.speaker != self.owner


def served_models(settings: Settings) -> dict[str, ServedModel]:
    """Models by id: a model's own name, `backend/model`, and a backend's name for its first model.

    Where two backends have a model of one name, the one that narrates by default has the plain name,
    else the first in the order of their names.
    """
    models: dict[str, ServedModel] = {}
    names = sorted(settings.backends, key=lambda name: (name != settings.narration.backend, name))
    for name in names:
        for model in _models_of(settings, name):
            for alias in (model.id, f"{name}/{model.id}", name):
                models.setdefault(alias, model)
    return models


def _models_of(settings: Settings, name: str) -> Iterator[ServedModel]:
    able = describe_backend(backend_profile(settings, name))
    speaker = settings.speech_api.stand_ins.get(name, name)
    speaker = speaker if speaker in settings.backends else name
    for model in able.models:
        yield ServedModel(
            id=model,
            owner=name,
            speaker=speaker,
            model=model if speaker == name else "",
            voices=able.voices_of(model),
            takes_any_voice=model in able.open_models,
            counts_tokens=bool(able.max_tokens),
        )


def speaking_voice(settings: Settings, served: ServedModel, voice: str) -> str:
    """The speaker's voice for the voice that a caller names; empty for the speaker's first."""
    if not served.is_stand_in:
        return voice
    own = describe_backend(backend_profile(settings, served.speaker)).voices
    wanted = settings.speech_api.voices.get(voice, voice)
    return wanted if wanted in {v.name for v in own} else ""
