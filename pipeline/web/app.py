"""An open data directory -> the studio: its pages, its REST interface and the speech interface, as one ASGI app."""

import importlib.metadata
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from pipeline.stages.context import Context
from pipeline.web import api, chapter_pages, feed_api, feed_pages, media, pages, podcast_pages, speech_api
from pipeline.web.errors import install_error_answers
from pipeline.web.guard import Access, Guard
from pipeline.web.progress import Watch
from pipeline.web.rendering import page
from pipeline.web.run_desk import RunDesk

_ABOUT = """Narrate documents, watch, mend and rerun them; the same operations as the command line.
`/v1` is OpenAI's speech interface."""


class Studio:
    """The app, and what it watches with; closed at its end."""

    def __init__(self, context: Context, access: Access, desk: RunDesk) -> None:
        """The caller closes `context` and `desk` afterwards."""
        version = importlib.metadata.version("bookcast")
        app = FastAPI(title="Bookcast", version=version, description=_ABOUT, docs_url=None, redoc_url=None)
        self._watch = Watch(context, desk)
        app.state.context, app.state.desk, app.state.watch = context, desk, self._watch
        for router in (
            speech_api.router,
            api.router,
            media.router,
            chapter_pages.router,
            feed_api.router,
            feed_pages.router,
            podcast_pages.router,
            pages.router,
        ):
            app.include_router(router)
        app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
        app.get("/health", tags=["studio"])(health)
        install_error_answers(app, page)
        self.app: ASGIApp = Guard(app, access)

    def close(self) -> None:
        """Look no more; open streams end."""
        self._watch.close()


def health() -> dict[str, str]:
    """Is the studio there?"""
    return {"status": "ok"}
