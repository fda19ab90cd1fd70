"""Prefect's event stream -> a sign whenever a flow run changes its state, so that nobody has to keep asking."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

ANY_CHANGE = EventNameFilter(prefix=["prefect.flow-run."])
TO_BEGIN = EventNameFilter(name=[f"prefect.flow-run.{name}" for name in ("Scheduled", "AwaitingRetry", "Late")])
"""A run waits for a runner: it was started, or is to be tried again."""
RECONNECT_S = 5.0
"""Pause before a server that is away is tried again; what it has to tell is asked for after that."""
COMMIT_S = (0.1, 1.0)
"""Prefect tells of a change a moment before its database has it: looks after so long find it, idle and busy."""


async def run_changes(chosen: EventNameFilter) -> AsyncIterator[None]:
    """A sign for each change, and one whenever the server is found again, for what happened in between."""
    while True:
        with suppress(Exception):  # the client passes on whatever its transport raises
            async with get_events_subscriber(filter=EventFilter(event=chosen)) as changes:
                yield
                async for _ in changes:
                    yield
        await asyncio.sleep(RECONNECT_S)
