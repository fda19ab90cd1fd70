"""A data directory whose backend is the service on loopback."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import BackendSettings, read_settings
from tests.conftest import Desk, make_settings
from tests.speech_service import SpeechService

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeechService]:
    """The service, kept by its rules; its key is in the environment."""
    monkeypatch.setenv("RIG_API_KEY", KEY)
    running = SpeechService(keys=(KEY,)).serve()
    yield running
    running.close()


@dataclass
class Rig:
    """How a backend for the service is set up."""

    service: SpeechService

    def backend(self, **values: Any) -> BackendSettings:
        table = {
            "kind": "openai",
            "base_url": self.service.url,
            "api_key_env": "RIG_API_KEY",
            "max_tokens": 480,
            "concurrency": 8,
            "timeout_s": 5,
            "price_per_1k_chars": 0.01,
            "models": {name: {"voices": list(voices)} for name, voices in self.service.models.items()},
        }
        return BackendSettings(**{**table, **values})

    def toml(self, folder: Path, **values: Any) -> Path:
        """A settings file for programs of their own."""
        settings = {**self.backend().model_dump(exclude={"models", "voice_notes"}), **values}
        lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
        models = [f'[backends.rig.models."{m}"]\nvoices = {_toml(list(v))}' for m, v in self.service.models.items()]
        path = folder / "settings.toml"
        head = '[narration]\nbackend = "rig"\n[backends.rig]\n'
        path.write_text(head + "\n".join([*lines, *models]) + "\n", "utf-8")
        read_settings(path)
        return path


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.fixture
def rig(service: SpeechService) -> Rig:
    return Rig(service)


@pytest.fixture
def remote_desk(rig: Rig, tmp_path: Path) -> Callable[..., Desk]:
    """A desk whose default backend is the service: remote_desk(retries=2, budget=...)."""

    def make(name: str = "data", *, sections: dict[str, Any] | None = None, **values: Any) -> Desk:
        settings = make_settings(**(sections or {}))
        narration = settings.narration.model_copy(update={"backend": "rig"})
        backends = {**settings.backends, "rig": rig.backend(**values)}
        return Desk(tmp_path / name, settings.model_copy(update={"backends": backends, "narration": narration}))

    return make
