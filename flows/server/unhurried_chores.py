"""Prefect's server, idle, at a pace that lets a machine rest: no setting is for that (Prefect 3.9.1, November 2026).

Half of what an idle server takes is its look whether a chore is due; most of the rest are that it asks ten times a
second, by a thread, whether somebody cancels one, and each second of each who listens whether he is there still.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from docket import Docket, Worker
from prefect.server.api import background_workers
from prefect.server.events import stream, triggers
from prefect.server.events.filters import EventFilter
from prefect.server.events.schemas.events import ReceivedEvent

CHORES_S = 2.0
"""How often the server looks whether one of its chores is due; by default it does eight times a second."""
LISTENER_S = 3.0
"""How often it looks whether those who listen to it are there still, where there is no news for them; by default 1."""
TRIGGERS_S = 15.0
"""How often it tidies up after its automations, of which ours is the only one; by default 5."""


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


@asynccontextmanager
async def _unhurried_events(filter: EventFilter) -> AsyncGenerator[AsyncIterable[ReceivedEvent | None], None]:
    """News for one who listens, at once; None where it is time to look whether he is there."""
    async with stream.subscribed(filter) as news:

        async def told() -> AsyncGenerator[ReceivedEvent | None, None]:
            while True:
                try:
                    yield await asyncio.wait_for(news.get(), LISTENER_S)
                except TimeoutError:
                    yield None

        yield told()


def slow_down_chores() -> None:
    """Have the server that this process is about to make look after its chores in its own good time."""
    setattr(background_workers, "Worker", unhurried_worker)  # noqa: B010  # a plain assignment is for what is exported
    stream.events = _unhurried_events
    triggers.consumer = partial(triggers.consumer, timedelta(seconds=TRIGGERS_S))
