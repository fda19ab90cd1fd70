"""`config/bookcast.toml`, the files beside it and the environment -> typed settings.

Every key has a default, so that no file is needed. `BOOKCAST_NARRATION__VOICE=...` in the environment
overrules `[narration] voice`. A mistake names the file and the key.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.errors import SettingsError
from pipeline.model.audio import FORMATS
from pipeline.model.text import BlockKind

DEFAULT_CONFIG = Path("config/bookcast.toml")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NarrationSettings(_Section):
    """[narration]: what is spoken, by whom."""

    backend: str = "hibari"
    model: str = ""
    voice: str = ""
    speed: float = Field(default=1.0, ge=0.25, le=4.0)
    language: str = ""
    formats: tuple[str, ...] = ("m4b",)
    chunking: Literal["block", "sentence"] = "block"
    normalize: Literal["auto", "always", "never"] = "auto"
    skip: tuple[BlockKind, ...] = (BlockKind.NOTE, BlockKind.CODE)
    lexicon: str = ""

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in FORMATS]
        if unknown or not value:
            raise ValueError(f"choose from {', '.join(FORMATS)}")
        return tuple(dict.fromkeys(value))


class MasteringSettings(_Section):
    """[mastering]: what the finished sound is brought to."""

    target_lufs: float = Field(default=-19.0, ge=-40, le=-8)
    peak_dbfs: float = Field(default=-3.5, ge=-20, le=-0.1)


class EncodingSettings(_Section):
    """[encoding]: bit rates of the lossy formats."""

    aac_kbps: int = Field(default=64, ge=24, le=192)
    mp3_kbps: int = Field(default=96, ge=32, le=160)
    opus_kbps: int = Field(default=32, ge=12, le=128)


class EffectsSettings(_Section):
    """[effects]: the user's own functions, applied to each clip when a chapter is assembled."""

    hooks: tuple[str, ...] = ()


class PublishSettings(_Section):
    """[publish]: tags, and where releases go."""

    library: str = ""
    narrator: str = ""
    m4b_max_hours: float = Field(default=24.0, ge=0.01, le=49)
    genre: str = "Audiobook"


class PrefectSettings(_Section):
    """[prefect]: how batches are run."""

    batch_chunks: int = Field(default=50, ge=1, le=500)


class BudgetSettings(_Section):
    """[budget]: hard caps on what services may cost, in the backend's currency; left out, there is none."""

    max_cost_per_run: float | None = Field(default=None, ge=0)
    max_cost_per_book: float | None = Field(default=None, ge=0)
    max_cost_per_month: float | None = Field(default=None, ge=0)


class StudioSettings(_Section):
    """[studio]: the page of `bookcast up`."""

    host: str = "127.0.0.1"
    port: int = Field(default=8750, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ()
    max_upload_mb: int = Field(default=200, ge=1, le=2000)
    private_addresses: bool = False
    """Documents may be fetched from addresses of the own network."""


class SpeechApiSettings(_Section):
    """[speech_api]: OpenAI's speech interface, served by `bookcast up`."""

    api_key_env: str = ""
    stand_ins: dict[str, str] = Field(
        default_factory=lambda: {"4allapi": "hibari", "llmprovider": "hibari", "openai": "hibari"}
    )
    """Service -> the backend that answers to the service's models and voices."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Voice of a service -> voice of the backend that stands in; others are spoken by its first."""
    max_chars: int = Field(default=4096, ge=1)
    max_tokens: int = Field(default=512, ge=1)
    """Of models whose service counts Qwen tokens."""
    long_input: bool = False


class NotifySettings(_Section):
    """[notify]: who is told how a run ended."""

    urls: tuple[str, ...] = ()
    """Addresses as apprise writes them; they may hold passwords, so they are never shown."""


class VoiceSettings(_Section):
    """[backends.NAME.voice_notes.VOICE]: what is known of a voice."""

    description: str = ""
    gender: str = ""
    dialect: str = ""
    language: str = ""


class ModelSettings(_Section):
    """[backends.NAME.models.MODEL]: the voices that a model takes."""

    voices: tuple[str, ...] | Literal["any"]
    price_per_1k_chars: float | None = Field(default=None, ge=0)
    """Where it differs from the backend's."""
    note: str = ""


class BackendSettings(_Section):
    """[backends.NAME]: one voice engine or service; all keys but the first three are those of services."""

    kind: str
    fallback: str = ""
    workers: int = Field(default=0, ge=0, le=256)
    """Processes of an engine of this machine; 0 for one a core."""
    base_url: str = ""
    api_key_env: tuple[str, ...] = ()
    response_format: Literal["", "wav", "mp3", "opus", "aac", "flac", "pcm"] = "wav"
    max_chars: int = Field(default=4096, ge=20)
    max_tokens: int = Field(default=0, ge=0)
    concurrency: int = Field(default=4, ge=1, le=64)
    requests_per_minute: int = Field(default=0, ge=0)
    retries: int = Field(default=8, ge=0, le=50)
    timeout_s: float = Field(default=120.0, gt=0, le=3600)
    price_per_1k_chars: float = Field(default=0.0, ge=0)
    currency: str = "USD"
    streaming: bool = False
    instructions: str = ""
    languages: tuple[str, ...] = ()
    models: dict[str, ModelSettings] = Field(default_factory=dict)
    voice_notes: dict[str, VoiceSettings] = Field(default_factory=dict)

    @field_validator("api_key_env", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) and value else value or ()

    @model_validator(mode="after")
    def _complete_service(self) -> Self:
        if self.kind == "openai" and not self.base_url.startswith(("http://", "https://")):
            raise ValueError('base_url must be the address of the service, like "https://api.openai.com/v1"')
        if self.kind == "openai" and not self.models:
            raise ValueError('a service needs its models: [backends.NAME.models."MODEL"] with voices = [...] or "any"')
        return self


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
