"""Prefect's own settings, as environment variables: they must stand before `import prefect`."""

import logging
import os
from pathlib import Path
from urllib.request import getproxies

from pipeline.model.network.web_addresses import proxy_variables

PAGE = "/prefect"
"""Where the studio shows the page of a server of ours; the server itself answers no browser."""
_WHOSE = ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")

_MINUTELY = ("SCHEDULER", "LATE_RUNS", "CANCELLATION_CLEANUP", "FOREMAN", "CLEANUP_RECONCILER")
"""Loops of the server that only tidy up: by default they turn every 5 to 20 s."""
_EVENT_DAYS = 7
_DAY_S = 86_400


def prefect_environment(data: Path, api_url: str, credential: str) -> dict[str, str]:
    """A client's: quiet, private, all of its files under the data directory, and never through a proxy on this machine.

    Args:
        data: the data directory.
        api_url: of the server.
        credential: `user:password` for the server; empty where it asks for none.

    Raises:
        SettingsError: the environment names a proxy that cannot be used.
    """
    levels = {f"PREFECT_LOGGING_HANDLERS_{name}_LEVEL": "CRITICAL" for name in ("CONSOLE", "CONSOLE_FLOW_RUNS")}
    return {
        "PREFECT_HOME": str((data / "prefect").resolve()),
        "PREFECT_API_URL": api_url,
        **({"PREFECT_API_AUTH_STRING": credential} if credential else {}),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",  # else every new client asks, and is told that it need not
        **levels,
        "PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL": "CRITICAL",
        **proxy_variables(getproxies()),
    }


def server_environment(folder: Path, port: int, credential: str) -> dict[str, str]:
    """A server's, beside that of a client of it: it wants the credential, and its page lives in the studio.

    Args:
        folder: of Prefect's files in the data directory.
        port: that it listens at, on this machine alone.
        credential: `user:password`.
    """
    return {
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_AUTH_STRING": credential,
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",  # by default those of the whole world
        "PREFECT_SERVER_UI_SERVE_BASE": PAGE,
        "PREFECT_SERVER_UI_API_URL": f"{PAGE}/api",
        # Prefect writes its page's files with that base in them, by default into the installed package
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "page"),
        "PREFECT_SERVER_UI_V2_ENABLED": "false",  # the page that a run's address leads to, and no other, is the usual
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def server_habits(keep_days: int) -> dict[str, str]:
    """What a server does by itself, unless the user set it otherwise: little where nothing is to be done.

    Args:
        keep_days: how long runs that have ended are remembered; 0 for ever.
    """
    minutely = {f"PREFECT_SERVER_SERVICES_{name}_LOOP_SECONDS": "60" for name in _MINUTELY}
    events_s = min(keep_days or _EVENT_DAYS, _EVENT_DAYS) * _DAY_S
    forgetting = {
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(keep_days * _DAY_S),
    }
    return {
        **minutely,
        "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "60",
        "PREFECT_SERVER_SERVICES_FOREMAN_DEPLOYMENT_LAST_POLLED_TIMEOUT_SECONDS": "150",  # the runner polls seldom
        "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",  # no flow of ours pauses
        "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "10",  # slots of dead machines
        "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT15S",  # heartbeats that are missed
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"PT{events_s}S",
        **(forgetting if keep_days else {}),
    }


def enter(environment: dict[str, str]) -> None:
    """Make this process a client of a server; what the user set stays, but which server it is.

    Args:
        environment: of a client of that server.

    Raises:
        SettingsError: the environment names a proxy that cannot be used.
    """
    os.environ.update(proxy_variables(getproxies()))
    os.environ.update({name: environment[name] for name in _WHOSE if name in environment})
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
    logging.raiseExceptions = False  # what cannot be logged on a server that is away is not for the terminal
    for service in ("EventsWorker", "APILogWorker"):
        logging.getLogger(service).setLevel(logging.CRITICAL)
