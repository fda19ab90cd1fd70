"""`config/bookcast.toml`, the files beside it and the environment -> typed settings.

Every key has a default, so that no file is needed. `BOOKCAST_NARRATION__VOICE=...` in the environment
overrules `[narration] voice`. A mistake names the file and the key.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.errors import SettingsError
from pipeline.model.text import BlockKind
from pipeline.settings.articles import ArticlesSettings, FeedsSettings, PodcastSettings
from pipeline.settings.backends import BackendSettings
from pipeline.settings.sections import (
    BudgetSettings,
    EffectsSettings,
    EncodingSettings,
    MasteringSettings,
    NarrationSettings,
    NotifySettings,
    PrefectSettings,
    PublishSettings,
    SpeechApiSettings,
    StudioSettings,
)

__all__ = ["DEFAULT_PAUSES", "BackendSettings", "Settings", "read_settings"]
DEFAULT_CONFIG = Path("config/bookcast.toml")

DEFAULT_PAUSES: dict[str, float] = {
    "sentence": 0.35,
    "scene_break": 1.8,
    "* > heading": 1.4,
    "heading > heading": 0.7,
    "heading > *": 0.9,
    "list_item > list_item": 0.4,
    "verse > verse": 0.5,
    "* > *": 0.6,
}
"""Seconds of silence. Starting values after the habits of narrated books (November 2026)."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="BOOKCAST_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=None
    )

    narration: NarrationSettings = NarrationSettings()
    pauses: dict[str, float] = Field(default_factory=dict)
    mastering: MasteringSettings = MasteringSettings()
    encoding: EncodingSettings = EncodingSettings()
    effects: EffectsSettings = EffectsSettings()
    publish: PublishSettings = PublishSettings()
    prefect: PrefectSettings = PrefectSettings()
    budget: BudgetSettings = BudgetSettings()
    studio: StudioSettings = StudioSettings()
    speech_api: SpeechApiSettings = SpeechApiSettings()
    notify: NotifySettings = NotifySettings()
    feeds: FeedsSettings = FeedsSettings()
    articles: ArticlesSettings = ArticlesSettings()
    podcast: PodcastSettings = PodcastSettings()
    backends: dict[str, BackendSettings] = Field(default_factory=dict)

    @field_validator("pauses")
    @classmethod
    def _complete_pauses(cls, value: dict[str, float]) -> dict[str, float]:
        kinds = {"*", *(kind.value for kind in BlockKind)}
        for key, seconds in value.items():
            before, arrow, after = key.partition(" > ")
            if key not in {"sentence", "scene_break"} and not (arrow and {before, after} <= kinds):
                raise ValueError(f'"{key}" is not "KIND > KIND" with kinds of {", ".join(sorted(kinds))}')
            if not 0 <= seconds <= 30:
                raise ValueError(f'"{key}" must be 0 to 30 seconds')
        return {**DEFAULT_PAUSES, **value}

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *others: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment stands above the files."""
        return (named["env_settings"], init_settings)


def read_settings(config: Path | None = None) -> Settings:
    """The settings in force.

    Args:
        config: the TOML file; None for the default one, which may be absent.

    Raises:
        SettingsError: a file is missing or no TOML, a key is unknown, a value is wrong.
    """
    path = config or DEFAULT_CONFIG
    if config and not path.is_file():
        raise SettingsError(f"There is no settings file {path}", file=str(path), remedy="check --config")
    table = _read_toml(path) if path.is_file() else {}
    backends = {"hibari": {"kind": "hibari"}, "tone": {"kind": "tone"}}
    for file in sorted((path.parent / "backends").glob("*.toml")):
        backends[file.stem] = _read_toml(file)
    table["backends"] = {**backends, **table.get("backends", {})}
    lexicon = table.get("narration", {}).get("lexicon")
    if lexicon:
        table["narration"]["lexicon"] = str(path.parent / lexicon)
    _check_fallbacks(table["backends"], path)
    try:
        return Settings(**table)
    except ValidationError as error:
        raise _explain(error, path) from error


def _check_fallbacks(backends: dict[str, Any], path: Path) -> None:
    for name, backend in backends.items():
        fallback = backend.get("fallback") if isinstance(backend, dict) else None
        if fallback and fallback not in backends:
            raise SettingsError(
                f'Backend "{name}" falls back to "{fallback}", which is not there',
                file=str(path),
                key=f"backends.{name}.fallback",
                remedy="choose " + ", ".join(sorted(backends)),
            )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}", file=str(path)) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error


def _explain(error: ValidationError, path: Path) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    variable = "BOOKCAST_" + key.upper().replace(".", "__")
    place = f"environment variable {variable}" if variable in os.environ else str(path)
    meaning = (
        "no such setting" if first["type"] == "extra_forbidden" else str(first["msg"]).removeprefix("Value error, ")
    )
    return SettingsError(f"{place}: {key}: {meaning}", file=place, key=key, remedy=f"mend {key} in {place}")
