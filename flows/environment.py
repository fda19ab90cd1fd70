"""Prefect's own settings, as environment variables: they must stand before `import prefect`."""

import os
from pathlib import Path


def prefect_environment(data: Path, api_url: str) -> dict[str, str]:
    """Quiet, private, all of its files under the data directory."""
    levels = {f"PREFECT_LOGGING_HANDLERS_{name}_LEVEL": "CRITICAL" for name in ("CONSOLE", "CONSOLE_FLOW_RUNS")}
    return {
        "PREFECT_HOME": str((data / "prefect").resolve()),
        "PREFECT_API_URL": api_url,
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_CLI_PROMPT": "false",
        **levels,
        "PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL": "CRITICAL",
    }


def enter(data: Path, api_url: str) -> None:
    """Make this process a client of the server at `api_url`; what the user set stays."""
    for name, value in prefect_environment(data, api_url).items():
        os.environ.setdefault(name, value)
