"""What the page needs of whoever runs narrations."""

from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request

from pipeline.model.states import ActiveState
from pipeline.narration.core.context import Context


@dataclass(frozen=True, slots=True)
class BookRun:
    """A run that waits or is under way."""

    id: str
    state: ActiveState
    book: str
    """Slug."""


class RunDesk(Protocol):
    """Starts and cancels runs; everything it starts is a Prefect flow run."""

    @property
    def page_url(self) -> str:
        """The address of Prefect's own page."""
        ...

    def run_url(self, run: str) -> str:
        """Prefect's page of a run."""
        ...

    def active(self) -> dict[str, BookRun]:
        """Runs that wait or are under way, by book; asking costs nothing."""
        ...

    def start(self, deployment: str, parameters: dict[str, Any], book: str) -> str:
        """Start a run of a deployment for a book; its id. Raises: StoreError."""
        ...

    def cancel(self, run: str) -> None:
        """Have a run stopped; what is done is kept. Raises: StoreError."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


def opened(request: Request) -> tuple[Context, RunDesk]:
    """The data directory and the desk that the app was made with."""
    return request.app.state.context, request.app.state.desk
