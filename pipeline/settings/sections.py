"""The sections of `config/bookcast.toml` about narrating, publishing and the studio."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.model.audio import FORMATS
from pipeline.model.text import BlockKind


class Section(BaseModel):
    """A table of the file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NarrationSettings(Section):
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


class MasteringSettings(Section):
    """[mastering]: what the finished sound is brought to."""

    target_lufs: float = Field(default=-19.0, ge=-40, le=-8)
    peak_dbfs: float = Field(default=-3.5, ge=-20, le=-0.1)


class EncodingSettings(Section):
    """[encoding]: bit rates of the lossy formats."""

    aac_kbps: int = Field(default=64, ge=24, le=192)
    mp3_kbps: int = Field(default=96, ge=32, le=160)
    opus_kbps: int = Field(default=32, ge=12, le=128)


class EffectsSettings(Section):
    """[effects]: the user's own functions, applied to each clip when a chapter is assembled."""

    hooks: tuple[str, ...] = ()


class PublishSettings(Section):
    """[publish]: tags, and where releases go."""

    library: str = ""
    narrator: str = ""
    m4b_max_hours: float = Field(default=24.0, ge=0.01, le=49)
    genre: str = "Audiobook"


class PrefectSettings(Section):
    """[prefect]: how batches are run."""

    batch_chunks: int = Field(default=50, ge=1, le=500)
    keep_days: int = Field(default=30, ge=0, le=3650)
    """How long Prefect remembers runs that have ended; 0 for ever."""


class BudgetSettings(Section):
    """[budget]: hard caps on what services may cost, over all backends; left out, there is none."""

    max_cost_per_run: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_cost_per_book: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_cost_per_month: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    currency: str = Field(default="", max_length=8)
    """Of every cap, `--max-cost` too; empty for that of the backends, which then must have one in common."""


class StudioSettings(Section):
    """[studio]: the page of `bookcast up`."""

    host: str = "127.0.0.1"
    port: int = Field(default=8750, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of reverse proxies; only what these say of a request's way is believed."""
    max_upload_mb: int = Field(default=200, ge=1, le=2000)
    private_addresses: bool = False
    """Documents may be fetched from addresses of the own network."""
    folders: tuple[str, ...] = ()
    """What runs started on a page may read documents from and publish to, besides the data directory's own."""

    @field_validator("folders")
    @classmethod
    def _whole_paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for folder in value:
            if not Path(folder).is_absolute():
                raise ValueError(f'"{folder}" must be a whole path, from / on')
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _known_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for written in value:
            try:
                ipaddress.ip_network(written, strict=False)
            except ValueError:
                raise ValueError(f'"{written}" is not an address such as "127.0.0.1" or "10.0.0.0/8"') from None
        return value


class InboxSettings(Section):
    """[inbox]: the folder whose files `bookcast up` narrates."""

    folder: str = ""
    """Empty for the inbox folder of the data directory."""
    poll_s: float = Field(default=10.0, ge=0.1, le=3600)
    """Seconds between two looks; a file is taken after it was the same in three."""


class SpeechApiSettings(Section):
    """[speech_api]: OpenAI's speech interface, served by `bookcast up`."""

    api_key_env: str = ""
    max_cost_per_day: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Of all requests together; left out, a day of them is held against [budget] max_cost_per_run."""
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


class NotifySettings(Section):
    """[notify]: who is told how a run ended."""

    urls: tuple[str, ...] = ()
    """Addresses as apprise writes them; they may hold passwords, so they are never shown."""
