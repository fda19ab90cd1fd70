"""Programs that `bookcast up` keeps alive: started, watched, started again with growing pauses, ended together."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from pipeline.cli.output.session import say
from pipeline.store.files.output_log import VARIABLE, open_output

LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0
"""A program that lived this long is started again at once when it dies."""


class Part:
    """One program in a session of its own, its output in a file; its input is a pipe that tells it when we are gone."""

    def __init__(self, name: str, module: str, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self.environment = {**environment, VARIABLE: str(log.resolve())}
        self._log = log
        self._groups: set[int] = set()
        """Process groups of every start: what a killed program had started may live on."""
        self._deaths = 0
        self._started_at = 0.0
        self._start_at: float | None = None
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._started_at, self._start_at = time.monotonic(), None
        with open_output(self._log) as log:
            process = subprocess.Popen(
                self._command, env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._groups = {group for group in self._groups if _lives(group)} | {process.pid}  # numbers are used again
        return process

    @property
    def is_alive(self) -> bool:
        """True while the program runs."""
        return self._process.poll() is None

    def watch(self) -> None:
        """Start it again where it has died, after a pause that grows while it keeps dying."""
        if self.is_alive:
            return
        if self._start_at is None:
            lived = time.monotonic() - self._started_at
            self._deaths = 0 if lived > STEADY_AFTER_S else self._deaths + 1
            pause = min(LONGEST_PAUSE_S, 2.0**self._deaths / 2) if self._deaths > 1 else 0.0
            self._start_at = time.monotonic() + pause
            say(f"The {self.name} ended (code {self._process.returncode}); it is started again. Its log: {self._log}")
        if time.monotonic() >= self._start_at:
            self._process = self._start()

    def stop(self) -> None:
        """Ask it, and all that it started, to end; `watch` would start it again, in the environment of that moment."""
        self._signal(signal.SIGTERM)

    def finish(self, deadline: float) -> None:
        """Wait for its end until `deadline` (monotonic seconds), then kill what is left."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.1, deadline - time.monotonic()))
        while any(map(_lives, self._groups)) and time.monotonic() < deadline:
            time.sleep(0.1)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        for group in self._groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
