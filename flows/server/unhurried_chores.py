"""Prefect's server, idle, at a pace that lets a machine rest: no setting is for that (Prefect 3.9.1, November 2026).

Half of what an idle server takes is its look whether a chore is due, most of the rest that it asks ten times a second,
by a thread, whether somebody cancels one.
"""

from datetime import timedelta

from docket import Docket, Worker
from prefect.server.api import background_workers

CHORES_S = 2.0
"""How often the server looks whether one of its chores is due; by default it does eight times a second."""


class _UnhurriedWorker(Worker):
    async def _cancellation_listener(self) -> None:
        """Wait for the end: Prefect cancels none of its chores."""
        session = self._processing_session
        if session is not None and hasattr(session, "cancellation_ready") and hasattr(session, "stopping"):
            session.cancellation_ready.set()
            await session.stopping.wait()
        else:  # another version of docket than those that this was written for
            await super()._cancellation_listener()


def unhurried_worker(docket: Docket) -> Worker:
    """Does what a worker of these chores does, at that pace."""
    pace = timedelta(seconds=CHORES_S)
    return _UnhurriedWorker(docket, minimum_check_interval=pace, scheduling_resolution=pace)


def slow_down_chores() -> None:
    """Have the server that this process is about to make look after its chores in its own good time."""
    setattr(background_workers, "Worker", unhurried_worker)  # noqa: B010  # a plain assignment is for what is exported
