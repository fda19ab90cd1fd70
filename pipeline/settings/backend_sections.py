"""[backends.NAME]: voice engines and services."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.settings.sections import Section

MAX_PRICE = 100_000.0
"""Of 1,000 characters in any currency: the ledger counts billionths in 64 bits."""


class VoiceSettings(Section):
    """[backends.NAME.voice_notes.VOICE]: what is known of a voice."""

    description: str = ""
    gender: str = ""
    dialect: str = ""
    language: str = ""


class ModelSettings(Section):
    """[backends.NAME.models.MODEL]: the voices that a model takes."""

    voices: tuple[str, ...] | Literal["any"]
    price_per_1k_chars: float | None = Field(default=None, ge=0, le=MAX_PRICE)
    """Where it differs from the backend's."""
    note: str = ""


class BackendSettings(Section):
    """[backends.NAME]: one voice engine or service; all keys but the first three are those of services."""

    kind: str
    identity: str = ""
    """Whose clips these are; empty for the profile's name. Profiles of one service share clips by naming one."""
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
    price_per_1k_chars: float = Field(default=0.0, ge=0, le=MAX_PRICE)
    currency: str = Field(default="USD", min_length=1, max_length=8)
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
