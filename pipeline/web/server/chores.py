"""What a studio does by itself: it looks into the watched folder, and once a day it tidies up."""

import logging
import threading
import time

from pipeline.errors import StoreError
from pipeline.narration.core.context import Context
from pipeline.narration.upkeep.sweep_work import DAY_S, sweep_work
from pipeline.web.server.run_desk import RunDesk
from pipeline.web.server.watch_inbox import Inbox

_log = logging.getLogger("bookcast.chores")


class Chores:
    """A thread of the studio; closed at its end."""

    def __init__(self, context: Context, desk: RunDesk) -> None:
        self._context = context
        self._inbox = Inbox(context, desk)
        self._sweep_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True, name="chores")
        self._thread.start()

    def _work(self) -> None:
        while not self._ended.wait(self._context.settings.inbox.poll_s):
            try:
                self._inbox.look()
            except Exception:  # of whatever kind: one odd file is not to end the chores for as long as the studio runs
                _log.exception("The watched folder could not be looked at")
            if time.monotonic() >= self._sweep_at:
                self._sweep()

    def _sweep(self) -> None:
        self._sweep_at = time.monotonic() + DAY_S
        try:
            sweep_work(self._context)
        except (StoreError, OSError) as error:
            _log.warning("The work folder could not be tidied up: %s", error)
        except Exception:  # see above
            _log.exception("The work folder could not be tidied up")

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join(5)
