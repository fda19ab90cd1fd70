"""Events and log records -> one JSON object a line on standard error, for programs that gather logs.

Asked for by `--log-format json`, which the programs that Bookcast starts hear of by the environment.
"""

import json
import logging
import os
import sys
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from pipeline.narration.core.events import (
    BookOpened,
    ChapterPlanned,
    ChapterReady,
    ClipFailed,
    ClipReady,
    Event,
    Note,
    ReleaseReady,
    Report,
    ignore,
)

VARIABLE = "BOOKCAST_LOG_FORMAT"
_NAMES = {"slug": "book", "position": "chapter", "chunk_id": "chunk"}
_LEVELS: dict[type[Event], str] = {ClipFailed: "error", Note: "warning"}


def is_json() -> bool:
    """True where lines are for programs."""
    return os.environ.get(VARIABLE, "") == "json"


def line_of(message: str, *, level: str = "info", **values: object) -> str:
    """One line; `values` that are empty are left out."""
    told = {name: value for name, value in values.items() if value not in ("", None)}
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": message, **told}
    return json.dumps(line, default=str) + "\n"


def write_line(message: str, *, level: str = "info", **values: object) -> None:
    """Write one line."""
    sys.stderr.write(line_of(message, level=level, **values))
    sys.stderr.flush()


def log_event(event: Event) -> None:
    """One line of an event: run, book, chapter (from 1) and chunk where it is about one."""
    values: dict[str, Any] = {_NAMES.get(f.name, f.name): getattr(event, f.name) for f in fields(event)}
    if "chapter" in values:
        values["chapter"] += 1
    write_line(values.pop("text", "") or _message(event), level=_LEVELS.get(type(event), "info"), **values)


def _message(event: Event) -> str:
    match event:
        case BookOpened():
            return f"{event.title} is opened"
        case ChapterPlanned():
            return f"Chapter {event.position + 1} is planned: {event.chunks} passages, {event.cached} of them spoken"
        case ClipReady():
            return "A passage is spoken"
        case ClipFailed():
            return f"A passage failed: {event.reason}"
        case ChapterReady():
            return f"Chapter {event.position + 1} is assembled"
        case ReleaseReady():
            return f"{event.path.name} is published"
        case Note():
            return event.text


def report_of_program() -> Report:
    """What a program that nobody sits before does with events."""
    return log_event if is_json() else ignore


class _JsonHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, with the traceback of its error in the same line."""
        error = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        level = record.levelname.lower()
        write_line(record.getMessage(), level=level, logger=record.name, traceback=error)


def log_in_json() -> None:
    """Have the log of this process, and errors that end it, written as JSON where that is asked for."""
    if not is_json():
        return
    logging.basicConfig(handlers=[_JsonHandler()], level=logging.WARNING, force=True)

    def ended(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        logging.getLogger("bookcast").critical("ended by %s", kind.__name__, exc_info=(kind, error, trace))

    sys.excepthook = ended
