"""How far a rebuild of the clip cache is -> a live bar, or a line now and then where nobody sits before a terminal."""

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.cli.output.session import err, options, say

PLAIN_EVERY_S = 15.0


class RebuildDisplay:
    """Watches one rebuild."""

    def __init__(self) -> None:
        columns = (TextColumn("Reading clips"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._live = Progress(*columns, console=err, disable=options.quiet or not err.is_terminal)
        self._bar = self._live.add_task("")
        self._said = time.monotonic()

    def __enter__(self) -> "RebuildDisplay":
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._live.stop()

    def __call__(self, read: int, total: int) -> None:
        """Show that so many files of so many were read."""
        self._live.update(self._bar, completed=read, total=total)
        if self._live.disable and time.monotonic() - self._said > PLAIN_EVERY_S:
            self._said = time.monotonic()
            say(f"{read:,} of {total:,} files read")
