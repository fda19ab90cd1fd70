"""For programs that watch the studio: `/healthz` for everybody, `/metrics` and `/health` for those who are let in."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from pipeline.web.server.guard import HEALTH
from pipeline.web.views.metrics import MEDIA_TYPE, Metrics

router = APIRouter(tags=["studio"])


@router.get(HEALTH, response_class=PlainTextResponse)
async def healthz() -> str:
    """Is the studio there? Asked without a login, so it says only that."""
    return "ok\n"


@router.get("/health")
async def health() -> dict[str, str]:
    """Is the studio there, and may I come in?"""
    return {"status": "ok"}


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> PlainTextResponse:
    """Runs, passages, cost, cache and disk, in Prometheus' text format."""
    figures: Metrics = request.app.state.metrics
    return PlainTextResponse(figures.text(), media_type=MEDIA_TYPE)
