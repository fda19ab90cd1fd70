"""What every command shares: the global options, an open data directory, and how results are printed."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.settings import Settings, read_settings
from pipeline.stages.context import Context
from pipeline.stages.events import Report, ignore


@dataclass
class Options:
    """The global options."""

    config: Path | None = None
    data: Path = Path("data")
    json: bool = False
    quiet: bool = False
    json_printed: bool = False
    """The one JSON object is out; an error that follows goes to stderr alone."""


options = Options()  # filled once by the command line's callback, before any command runs
out = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def settings() -> Settings:
    """The settings in force. Raises: SettingsError."""
    return read_settings(options.config)


@contextmanager
def open_context(report: Report = ignore) -> Iterator[Context]:
    """The data directory, closed at the end. Raises: StoreError, SettingsError."""
    context = Context(settings(), options.data, report)
    try:
        yield context
    finally:
        context.close()


def say(text: str) -> None:
    """A line for people: on stdout, or on stderr where stdout carries JSON."""
    if not options.quiet:
        (err if options.json else out).print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """The one JSON object of a command."""
    options.json_printed = True
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """A table for people; nothing where JSON is asked for."""
    if options.json:
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    out.print(table if rows else "nothing")


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends a command as cleanly as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def duration(seconds: float) -> str:
    """`1 h 04 min`, `3 min 20 s` or `7 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
