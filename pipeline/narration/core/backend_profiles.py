"""Settings of a backend -> its profile, as plain values for `speech`."""

from pipeline.errors import UnknownBackend
from pipeline.model.voice import Capabilities, Voice
from pipeline.settings import BackendSettings, Settings
from pipeline.speech.registry import BackendProfile
from pipeline.speech.services.service_profile import KIND, SPEED_RANGE, Service, base_of


def backend_profile(settings: Settings, name: str = "") -> BackendProfile:
    """The configured backend of that name, or the default one. Raises: UnknownBackend."""
    name = name or settings.narration.backend
    if name not in settings.backends:
        raise UnknownBackend(
            f'There is no backend "{name}"',
            key="narration.backend",
            remedy="choose " + ", ".join(sorted(settings.backends)),
        )
    backend = settings.backends[name]
    service = _service(name, backend) if backend.kind == KIND else None
    return BackendProfile(
        name=name, kind=backend.kind, service=service, workers=backend.workers, identity=backend.identity
    )


def _service(name: str, backend: BackendSettings) -> Service:
    return Service(
        name=name,
        base_url=base_of(backend.base_url),
        key_variables=backend.api_key_env,
        response_format=backend.response_format,
        timeout_s=backend.timeout_s,
        retries=backend.retries,
        streaming=backend.streaming,
        instructions=backend.instructions,
        capabilities=_capabilities(backend),
    )


def _capabilities(backend: BackendSettings) -> Capabilities:
    prices = {
        name: backend.price_per_1k_chars if model.price_per_1k_chars is None else model.price_per_1k_chars
        for name, model in backend.models.items()
    }
    return Capabilities(
        kind=KIND,
        models=tuple(backend.models),
        voices=_voices(backend),
        languages=backend.languages,
        scripts=(),
        max_chars=backend.max_chars,
        deterministic=False,
        is_remote=True,
        reads_numbers=True,
        speed_range=SPEED_RANGE,
        max_tokens=backend.max_tokens,
        concurrency=backend.concurrency,
        requests_per_minute=backend.requests_per_minute,
        open_models=tuple(name for name, model in backend.models.items() if model.voices == "any"),
        prices=tuple(prices.items()),
        currency=backend.currency,
    )


def _voices(backend: BackendSettings) -> tuple[Voice, ...]:
    """Every voice that a model names, with the models that take it."""
    takers: dict[str, list[str]] = {}
    for model, known in backend.models.items():
        for voice in () if known.voices == "any" else known.voices:
            takers.setdefault(voice, []).append(model)
    voices = []
    for name, models in takers.items():
        note = backend.voice_notes.get(name)
        facts = note.model_dump() if note else {"language": ""}
        voices.append(Voice(name=name, models=() if len(models) == len(backend.models) else tuple(models), **facts))
    return tuple(voices)
