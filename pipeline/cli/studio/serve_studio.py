"""The studio, served by this process."""

import os
from contextlib import suppress

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from pipeline.cli.studio.studio_note import PAGE_VARIABLE
from pipeline.cli.studio.studio_token import read_token
from pipeline.narration.core.context import Context
from pipeline.narration.core.kept_program import begin_kept_program
from pipeline.narration.core.log_lines import is_json, report_of_program
from pipeline.settings import read_settings
from pipeline.settings.places import find_data
from pipeline.web.door.patient_server import PatientProtocol, PatientServer
from pipeline.web.server.app import Studio
from pipeline.web.server.chores import Chores
from pipeline.web.server.guard import access_of
from pipeline.web.server.prefect_page import PrefectPage

GRACE_S = 3
"""How long open streams may hold up the end."""


def serve_studio(host: str, port: int) -> None:
    """Serve until the process is ended. Data, settings and Prefect's address come from the environment."""
    from flows.runner.prefect_desk import PrefectDesk
    from flows.server.credential import authorization
    from flows.server.environment import PAGE

    begin_kept_program()
    settings, data = read_settings(), find_data().path
    context = Context(settings, data, report_of_program())
    api_url, elsewhere = os.environ["PREFECT_API_URL"], os.environ.get(PAGE_VARIABLE, "")
    desk = PrefectDesk(context, api_url, elsewhere or f"{PAGE}/")
    credential = authorization(os.environ.get("PREFECT_API_AUTH_STRING", ""))
    access = access_of(
        host,
        allowed_hosts=settings.studio.allowed_hosts,
        trusted_proxies=settings.studio.trusted_proxies,
        token=read_token(data),
        speech_key=os.environ.get(settings.speech_api.api_key_env, "") if settings.speech_api.api_key_env else "",
        max_upload_mb=settings.studio.max_upload_mb,
    )
    studio = Studio(context, access, desk, None if elsewhere else PrefectPage(PAGE, api_url, credential))
    chores = Chores(context, desk)
    serving = uvicorn.Config(
        studio.app,
        host=host,
        port=port,
        log_level="warning",
        proxy_headers=False,  # uvicorn would believe every program of this machine; the guard asks the settings
        log_config=None if is_json() else LOGGING_CONFIG,
        timeout_graceful_shutdown=GRACE_S,
        http=PatientProtocol,
    )
    try:
        with suppress(KeyboardInterrupt):
            PatientServer(serving).run()
    finally:
        chores.close()
        studio.close()
        desk.close()
        context.close()
