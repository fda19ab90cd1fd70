"""A voice that fails on cue, by files in a folder: real worker processes can be told what to do by it;
and a real database whose writing breaks on cue.

`FAKE_VOICE` names the folder. `spoken.log` gets a line for every synthesis; `poison`, `deadly`, `bug` hold
texts on which it fails, kills its process, or raises what is no error of ours; `delay` holds seconds to wait, `pitch` another level of sound.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from pipeline.errors import TextRejected
from pipeline.model.voice import Speech, SpeechRequest
from pipeline.speech.engines.tone_voice import CAPABILITIES, ToneBackend
from pipeline.store.db.database import Database

KIND = "tests.fakes:FakeVoice"


class Crowd:
    """Work that takes a moment, and counts how many do it at once."""

    def __init__(self) -> None:
        self.most = 0
        self._busy = 0
        self._lock = threading.Lock()

    def work(self) -> None:
        with self._lock:
            self._busy += 1
            self.most = max(self.most, self._busy)
        time.sleep(0.02)
        with self._lock:
            self._busy -= 1


class FakeVoice:
    """Beeps like `tone`."""

    capabilities = replace(CAPABILITIES, kind=KIND, models=("fake-1",))

    def __init__(self) -> None:
        self._folder = Path(os.environ["FAKE_VOICE"])
        self._tone = ToneBackend()

    def synthesize(self, request: SpeechRequest) -> Speech:
        text = request.text
        with open(self._folder / "spoken.log", "a") as log:
            log.write(text.replace("\n", " ") + "\n")
        time.sleep(float(self._read("delay") or 0))
        if (deadly := self._read("deadly")) and deadly in text:
            os._exit(9)
        if (poison := self._read("poison")) and poison in text:
            raise TextRejected("The fake voice fails on this text", backend="fake")
        if (bug := self._read("bug")) and bug in text:
            raise ZeroDivisionError("The fake voice has a bug")
        speech = self._tone.synthesize(request)
        return replace(speech, samples=speech.samples // 2) if self._read("pitch") else speech

    def _read(self, name: str) -> str:
        path = self._folder / name
        return path.read_text().strip() if path.exists() else ""


def spoken(folder: Path) -> list[str]:
    """Every text that was synthesised, in order."""
    log = folder / "spoken.log"
    return log.read_text().splitlines() if log.exists() else []


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


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """The file is there, and the system refuses to open it, whoever asks; afterwards it is as it was."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    path.symlink_to(path.name)  # a link to itself
    try:
        yield
    finally:
        path.unlink()
        aside.rename(path)


def _break_second_statement(session: Session, error: BaseException) -> None:
    seen = []

    def count(*_: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise error

    event.listen(session.connection(), "before_cursor_execute", count)
