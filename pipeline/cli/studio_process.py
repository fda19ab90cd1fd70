"""The studio as a process of its own: `python -m pipeline.cli.studio_process HOST PORT`.

The data directory, the settings and Prefect's address come from the environment, as `bookcast up` sets it.
"""

import os
import sys
from pathlib import Path

import uvicorn

from pipeline.cli.studio_token import read_token
from pipeline.settings import read_settings
from pipeline.stages.context import Context
from pipeline.web.app import Studio
from pipeline.web.guard import access_of, is_local

GRACE_S = 3
"""How long open streams may hold up the end."""


def main(host: str, port: int) -> None:
    """Serve until the process is ended."""
    from flows.run_desk import PrefectDesk

    config = os.environ.get("BOOKCAST_CONFIG")
    settings = read_settings(Path(config) if config else None)
    data = Path(os.environ.get("BOOKCAST_DATA", "data"))
    context = Context(settings, data)
    desk = PrefectDesk(context, os.environ["PREFECT_API_URL"])
    access = access_of(
        host,
        allowed_hosts=settings.studio.allowed_hosts,
        token="" if is_local(host) else read_token(data),
        speech_key=os.environ.get(settings.speech_api.api_key_env, "") if settings.speech_api.api_key_env else "",
        max_upload_mb=settings.studio.max_upload_mb,
    )
    studio = Studio(context, access, desk)
    try:
        uvicorn.run(
            studio.app,
            host=host,
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=GRACE_S,
        )
    finally:
        studio.close()
        desk.close()
        context.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
