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

from pipeline.model.file_names import readable_name
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Report
from pipeline.narration.core.log_lines import is_json, report_of_program, write_line
from pipeline.settings import Settings, read_settings
from pipeline.settings.places import Place, find_config, find_data
from pipeline.store.files.data_folder import check_no_other

_NOT_YET = Place(Path(), "not looked for yet")


@dataclass
class Options:
    """The global options."""

    config: Path | None = None
    """The settings file in force; None where there are only the defaults."""
    data: Path = Path("data")
    config_place: Place = _NOT_YET
    data_place: Place = _NOT_YET
    json: bool = False
    quiet: bool = False
    json_printed: bool = False
    """The one JSON object is out; an error that follows goes to stderr alone."""

    def find_places(self, config: Path | None, data: Path | None) -> None:
        """Find the settings file and the data directory. Raises: SettingsError."""
        self.config_place, self.data_place = find_config(config), find_data(data)
        is_there = self.config_place.is_named or self.config_place.path.is_file()
        self.config = self.config_place.path if is_there else None
        self.data = self.data_place.path


options = Options()  # filled once by the command line's callback, before any command runs
out = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def settings() -> Settings:
    """The settings in force. Raises: SettingsError."""
    return read_settings(options.config)


@contextmanager
def open_context(report: Report | None = None, *, only_looks: bool = False) -> Iterator[Context]:
    """The data directory, closed at the end; one that `only_looks` is not made among the files of somebody else.

    Raises:
        StoreError, SettingsError.
    """
    if only_looks:
        check_no_other(options.data)
    context = Context(settings(), options.data, report or report_of_program())
    try:
        yield context
    finally:
        context.close()


def say(text: str) -> None:
    """A line for people: on stdout, or on stderr where stdout carries JSON or lines are for programs."""
    if options.quiet:
        return
    if is_json():
        write_line(readable_name(text))
    else:
        (err if options.json else out).print(readable_name(text), markup=False, soft_wrap=True)


def complain(text: str, **details: object) -> None:
    """A line on stderr about what went wrong; `details` are told to programs only."""
    if is_json():
        write_line(readable_name(text), level="error", **details)
    else:
        err.print(readable_name(text), markup=False)


def print_json(value: Any) -> None:
    """The one JSON object of a command."""
    options.json_printed = True
    sys.stdout.write(readable_name(json.dumps(value, ensure_ascii=False)) + "\n")


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
