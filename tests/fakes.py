"""A voice that fails on cue, by files in a folder: real worker processes can be told what to do by it.

`FAKE_VOICE` names the folder. `spoken.log` gets a line for every synthesis; `poison`, `deadly` hold
texts on which it fails or kills its process; `delay` holds seconds to wait, `pitch` another level of sound.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

from pipeline.errors import TextRejected
from pipeline.model.voice import Speech, SpeechRequest
from pipeline.speech.tone import CAPABILITIES, ToneBackend

KIND = "tests.fakes:FakeVoice"


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
        speech = self._tone.synthesize(request)
        return replace(speech, samples=speech.samples // 2) if self._read("pitch") else speech

    def _read(self, name: str) -> str:
        path = self._folder / name
        return path.read_text().strip() if path.exists() else ""


def spoken(folder: Path) -> list[str]:
    """Every text that was synthesised, in order."""
    log = folder / "spoken.log"
    return log.read_text().splitlines() if log.exists() else []
