"""`bookcast voices`: who can speak."""

from typing import Annotated, Any

import typer

from pipeline.cli.output.session import options, print_json, print_table, settings
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.speech.registry import describe_backend


def voices(backend: Annotated[str, typer.Option(help="Only of this backend.")] = "") -> None:
    """List the voices of the configured backends."""
    known = settings()
    names = [backend] if backend else sorted(known.backends)
    rows: list[dict[str, Any]] = []
    for name in names:
        able = describe_backend(backend_profile(known, name))
        rows += [{
            "backend": name, "voice": "any", "language": "", "gender": "", "dialect": "", "models": [model],
            "description": "whatever the service knows",
        } for model in able.open_models]  # fmt: skip
        for voice in able.voices:
            models = list(voice.models or able.models)
            rows.append({
                "backend": name, "voice": voice.name, "language": voice.language, "gender": voice.gender,
                "dialect": voice.dialect, "models": models, "description": voice.description,
            })  # fmt: skip
    if options.json:
        print_json({"voices": rows})
    print_table(["backend", "voice", "language", "models", "description"], [
        [r["backend"], r["voice"], r["language"], ", ".join(r["models"]), r["description"]] for r in rows
    ])  # fmt: skip
