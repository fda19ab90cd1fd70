"""Templates -> pages: figures as people write them, and what every page shows."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.model.states import ActiveState, RunState

FOLDER = Path(__file__).parent.parent
STATES: dict[str, str] = {
    "new": "not narrated yet",
    ActiveState.SCHEDULED: "waiting to start",
    ActiveState.PENDING: "starting",
    ActiveState.RUNNING: "being narrated",
    ActiveState.CANCELLING: "stopping",
    RunState.FINISHED: "finished",
    RunState.FAILED: "with gaps",
    RunState.STOPPED: "stopped",
    RunState.INTERRUPTED: "interrupted, resumes by itself",
}
ACTIVE = (ActiveState.SCHEDULED, ActiveState.PENDING, ActiveState.RUNNING, ActiveState.CANCELLING)
MESSAGES = {
    "started": "The narration has been started.",
    "rerun": "The chunks are being spoken again.",
    "cancelled": "The run is being stopped; everything done is kept.",
    "rebuild": "The release is being written again.",
    "saved": "The change is saved.",
    "changed": "The change is saved; what it touches is being spoken.",
    "removed": "The book is removed.",
    "archived": "The book is archived: its audiobook stays.",
}


def duration(seconds: float | None) -> str:
    """`4 h 59 min`, `3 min 20 s`, `7 s`, or a dash."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def size(count: int) -> str:
    """`3.4 MB`."""
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"


def state_name(state: str) -> str:
    """`with gaps` for `failed`."""
    return STATES.get(state, state)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "size": size, "state": state_name}
    environment.globals["active_states"] = ACTIVE
    return environment


_templates = _environment()


def page(request: Request, template: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of the studio."""
    said = MESSAGES.get(request.query_params.get("did", ""), "")
    desk = request.app.state.desk
    text = _templates.get_template(template).render(
        said=said, path=request.url.path, prefect_url=desk.page_url, version=request.app.version, **values
    )
    return HTMLResponse(text, status_code=status)


def plain_page(template: str, *, status: int, **values: Any) -> HTMLResponse:
    """A page that shows nothing of this studio, for those who are not let in."""
    return HTMLResponse(_templates.get_template(template).render(status=status, **values), status_code=status)
