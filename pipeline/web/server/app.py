"""An open data directory -> the studio: its pages, its REST interface and the speech interface, as one ASGI app."""

import importlib.metadata
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from pipeline.narration.core.context import Context
from pipeline.web.api import book_api, feed_api, health, speech_api
from pipeline.web.pages import chapter_pages, feed_pages, narrate_pages, pages
from pipeline.web.podcast import podcast_pages
from pipeline.web.server import media
from pipeline.web.server.error_answers import install_error_answers
from pipeline.web.server.guard import Access, Guard
from pipeline.web.server.prefect_page import PrefectPage
from pipeline.web.server.rendering import page
from pipeline.web.server.run_desk import RunDesk
from pipeline.web.views.metrics import Metrics
from pipeline.web.views.run_progress import Watch

_ABOUT = """Narrate documents, watch, mend and rerun them; the same operations as the command line.
`/v1` is OpenAI's speech interface. Send the studio's token as `Authorization: Bearer TOKEN`."""


class Studio:
    """The app, and what it watches with; closed at its end."""

    def __init__(self, context: Context, access: Access, desk: RunDesk, prefect: PrefectPage | None = None) -> None:
        """The caller closes `context` and `desk` afterwards; `prefect` is there where its server answers no browser."""
        version = importlib.metadata.version("bookcast")
        app = FastAPI(title="Bookcast", version=version, description=_ABOUT, docs_url=None, redoc_url=None)
        self._watch = Watch(context, desk)
        app.state.context, app.state.desk, app.state.watch = context, desk, self._watch
        app.state.metrics = Metrics(context, desk)
        app.state.asks_speech_key = bool(access.speech_key)
        app.state.max_upload_bytes = access.max_upload_bytes
        for router in (
            speech_api.router,
            book_api.router,
            media.router,
            chapter_pages.router,
            feed_api.router,
            feed_pages.router,
            podcast_pages.router,
            narrate_pages.router,
            pages.router,
            health.router,
        ):
            app.include_router(router)
        app.mount("/static", StaticFiles(directory=Path(__file__).parent.parent / "static"), name="static")
        if prefect:
            app.mount(prefect.path, prefect, name="prefect")
        install_error_answers(app, page)
        self.app: ASGIApp = Guard(app, access)

    def close(self) -> None:
        """Look no more; open streams end."""
        self._watch.close()
