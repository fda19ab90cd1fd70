"""Serves the flows, so that runs can be started and retried from Prefect's own page."""

from typing import Any

from prefect import serve
from prefect.types.entrypoint import EntrypointType

from flows.heartbeat import ensure_heartbeat_automation
from flows.narrate_document import narrate_document, rerun_chunks


def serve_deployments() -> None:
    """Serve until the process is ended."""
    ensure_heartbeat_automation()
    serve(
        _deployment(narrate_document, "Narrate one document into a release."),
        _deployment(rerun_chunks, "Speak chunks of a book again: the failed ones, chapters, or single ones."),
    )


def _deployment(flow: Any, description: str) -> Any:
    return flow.to_deployment(
        name=flow.name, description=description, tags=["bookcast"], entrypoint_type=EntrypointType.MODULE_PATH
    )


if __name__ == "__main__":
    serve_deployments()
