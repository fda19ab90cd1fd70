"""Serves the flows, so that runs can be started and retried from the studio and from Prefect's own page."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from prefect.exceptions import TerminationSignal
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from flows.runner.run_changes import COMMIT_S, TO_BEGIN, run_changes
from flows.runs.convert_feeds import convert_feeds
from flows.runs.narrate_document import narrate_document
from flows.runs.rerun_chunks import rebuild_release, rerun_failed_chunks
from flows.server.heartbeat import ensure_heartbeat_automation
from pipeline.narration.core.kept_program import begin_kept_program
from pipeline.settings import Settings, read_settings

NICENESS = 15
"""The page stays quick while a book is spoken on every core."""
POLL_S = 30
"""How often the runner asks for runs by itself; the server tells it of new ones at once."""


def serve_deployments() -> None:
    """Serve until the process is ended."""
    os.nice(NICENESS)
    begin_kept_program()
    ensure_heartbeat_automation()
    settings = read_settings()
    served = [
        _deployment(narrate_document, "Narrate one document into a release.", settings),
        _deployment(
            rerun_failed_chunks, "Speak chunks of a book again: the failed ones, chapters, or single ones.", settings
        ),
        _deployment(convert_feeds, "Narrate the new articles of the feeds into podcasts.", settings),
        _deployment(rebuild_release, "Write a release again from what is spoken already.", settings),
    ]
    with suppress(KeyboardInterrupt, TerminationSignal):
        asyncio.run(_serve(served))


async def _serve(served: Sequence[Any]) -> None:
    """What `prefect.serve` does, and runs begin as soon as they are created instead of at the next poll."""
    # what was missed meanwhile is made up for by the studio
    runner = Runner(pause_on_shutdown=False, query_seconds=POLL_S, prefetch_seconds=POLL_S)
    for deployment in served:
        await runner.aadd_deployment(deployment)
    listening = asyncio.create_task(_begin_at_once(runner))
    try:
        await runner.start()
    finally:
        listening.cancel()


async def _begin_at_once(runner: Runner) -> None:
    async for _ in run_changes(TO_BEGIN):
        for pause in COMMIT_S:
            await asyncio.sleep(pause)
            with suppress(Exception):  # the server is away: the runner's own poll, or the next sign, finds the run
                if runner.started:
                    await runner._get_and_submit_flow_runs()  # type: ignore[no-untyped-call]  # no other way


def _deployment(flow: Any, description: str, settings: Settings) -> Any:
    deployment = flow.to_deployment(
        name=flow.name, description=description, tags=["bookcast"], entrypoint_type=EntrypointType.MODULE_PATH
    )
    form = deployment._parameter_openapi_schema.properties  # the only way to offer what the settings know
    if "backend" in form:
        form["backend"]["enum"] = ["", *sorted(settings.backends)]
    return deployment


if __name__ == "__main__":
    serve_deployments()
