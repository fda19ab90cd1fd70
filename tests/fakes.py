"""A voice that fails on cue, by files in a folder: real worker processes can be told what to do by it.

They import this module at each start: what is slow to load has no place in it.

`FAKE_VOICE` names the folder. `spoken.log` gets a line for every synthesis; `poison`, `deadly`, `bug` hold
texts on which it fails, kills its process, or raises what is no error of ours; `delay` holds seconds to wait, `pitch` another level of sound.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipeline.errors import TextRejected
from pipeline.model.voice import Speech, SpeechRequest
from pipeline.speech.engines.tone_voice import CAPABILITIES, ToneBackend

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
