"""`bookcast voices`: who can speak."""

from typing import Annotated, Any

import typer
from rich.table import Table

from pipeline.cli.session import options, out, print_json, settings
from pipeline.speech.registry import describe_backend
from pipeline.stages.backends import backend_profile


def voices(backend: Annotated[str, typer.Option(help="Only of this backend.")] = "") -> None:
    """List the voices of the configured backends."""
    known = settings()
    names = [backend] if backend else sorted(known.backends)
    rows: list[dict[str, Any]] = []
    for name in names:
        able = describe_backend(backend_profile(known, name))
        for voice in able.voices:
            models = list(voice.models or able.models)
            rows.append({
                "backend": name, "voice": voice.name, "language": voice.language, "gender": voice.gender,
                "models": models, "description": voice.description,
            })  # fmt: skip
    if options.json:
        print_json({"voices": rows})
        return
    table = Table("backend", "voice", "language", "models", "description", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["backend"], row["voice"], row["language"], ", ".join(row["models"]), row["description"])
    out.print(table)
