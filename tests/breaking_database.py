"""A real database whose writing breaks on cue."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from pipeline.store.db.database import Database


class Moment(StrEnum):
    """When a transaction breaks."""

    BEGIN = "before it begins"
    HALFWAY = "before its second statement"
    COMMIT = "before it is committed"
    AFTER = "after it was committed"


@dataclass(frozen=True)
class Break:
    moment: Moment
    error: BaseException


class BreakingDatabase(Database):
    """Each transaction takes the next of `breaks`, None for none, and shows itself to `look` before it ends."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.breaks: deque[Break | None] = deque()
        self.look: Callable[[Session], None] = lambda session: None

    @contextmanager
    def writing(self) -> Iterator[Session]:
        planned = self.breaks.popleft() if self.breaks else None
        moment, error = (planned.moment, planned.error) if planned else (None, None)
        if error and moment is Moment.BEGIN:
            raise error
        with super().writing() as session:
            if error and moment is Moment.HALFWAY:
                _break_second_statement(session, error)
            yield session
            self.look(session)
            if error and moment in (Moment.COMMIT, Moment.HALFWAY):  # it may have had one statement only
                raise error
        if error and moment is Moment.AFTER:
            raise error


def _break_second_statement(session: Session, error: BaseException) -> None:
    seen = []

    def count(*_: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise error

    event.listen(session.connection(), "before_cursor_execute", count)
