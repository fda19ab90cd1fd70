"""Where the studio of a data directory is: noted by `bookcast up`, read by those who show a way to its pages."""

import json
import os
from pathlib import Path
from typing import Any

PAGE_VARIABLE = "BOOKCAST_PREFECT_PAGE"
"""Tells the studio's process the address of Prefect's page, where that is not passed on by the studio."""


def note_file(data: Path) -> Path:
    """Where it is noted, as long as a studio runs."""
    return data / "work" / "up.json"


def write_note(data: Path, studio: str, prefect: str, link: str) -> None:
    """Note the addresses of this process's studio and of Prefect's page, and the link that lets a browser in."""
    note = {"studio": studio, "prefect": prefect, "link": link, "pid": os.getpid()}
    handle = os.open(note_file(data), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, 0o600)  # one of an older Bookcast can be there
        json.dump(note, file)


def read_note(data: Path) -> dict[str, Any]:
    """`studio`, `prefect`, `link` and `pid`; empty where none is noted, or who noted it has died."""
    try:
        known: dict[str, Any] = json.loads(note_file(data).read_text("utf-8"))
        os.kill(known["pid"], 0)
    except PermissionError:
        return known  # of another user, and alive
    except (OSError, ValueError, KeyError):
        return {}
    return known


def run_place(data: Path, server: Any, run: str) -> str:
    """How a person comes to the page of a flow run.

    Args:
        data: the data directory.
        server: its PrefectServer.
        run: the id of the flow run.
    """
    page = read_note(data).get("prefect") if server.is_ours else server.page_url
    return f"{page}/runs/flow-run/{run}" if page else f"run {run} (bookcast up shows the pages of runs)"
