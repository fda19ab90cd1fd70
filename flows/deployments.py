"""Serves the flows, so that runs can be started and retried from the studio and from Prefect's own page."""

import os
from pathlib import Path
from typing import Any

from prefect import serve
from prefect.types.entrypoint import EntrypointType

from flows.convert_feeds import convert_feeds
from flows.heartbeat import ensure_heartbeat_automation
from flows.narrate_document import narrate_document
from flows.rerun_chunks import rebuild_release, rerun_failed_chunks
from pipeline.settings import Settings, read_settings

NICENESS = 15
"""The page stays quick while a book is spoken on every core."""


def serve_deployments() -> None:
    """Serve until the process is ended."""
    os.nice(NICENESS)
    ensure_heartbeat_automation()
    config = os.environ.get("BOOKCAST_CONFIG")
    settings = read_settings(Path(config) if config else None)
    serve(
        _deployment(narrate_document, "Narrate one document into a release.", settings),
        _deployment(
            rerun_failed_chunks, "Speak chunks of a book again: the failed ones, chapters, or single ones.", settings
        ),
        _deployment(convert_feeds, "Narrate the new articles of the feeds into podcasts.", settings),
        _deployment(rebuild_release, "Write a release again from what is spoken already.", settings),
        pause_on_shutdown=False,  # the studio keeps the schedules, and makes up for what was missed
    )


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
