"""An open data directory -> the studio: its page, its REST interface and the speech interface, as one ASGI app."""

import importlib.metadata

from fastapi import FastAPI
from starlette.types import ASGIApp

from pipeline.stages.context import Context
from pipeline.web import speech_api
from pipeline.web.errors import install_error_answers
from pipeline.web.guard import Access, Guard
from pipeline.web.run_desk import RunDesk


def create_app(context: Context, access: Access, desk: RunDesk) -> ASGIApp:
    """The app; the caller serves it and closes `context` and `desk` afterwards."""
    app = FastAPI(title="Bookcast", version=importlib.metadata.version("bookcast"), docs_url=None, redoc_url=None)
    app.state.context, app.state.desk = context, desk
    app.include_router(speech_api.router)
    install_error_answers(app)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Is the studio there?"""
        return {"status": "ok"}

    return Guard(app, access)
