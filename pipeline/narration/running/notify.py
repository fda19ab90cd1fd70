"""A run that ended -> a message to the people who asked for it, by any service that apprise knows."""

import logging

from pipeline.model.states import RunState
from pipeline.narration.core.context import Context
from pipeline.narration.core.run_state import Summary

_log = logging.getLogger("bookcast.notify")
WORDS = {
    RunState.FINISHED: "is narrated",
    RunState.FAILED: "is narrated, but chunks failed",
    RunState.STOPPED: "was stopped",
}


def notify(context: Context, summary: Summary, state: RunState, reason: str = "") -> bool:
    """Say how a run ended to every address of `[notify] urls`; True where all were reached.

    What cannot be delivered is logged without its address, which may hold a password.

    Args:
        context: the open data directory.
        summary: of the run.
        state: FINISHED, FAILED or STOPPED.
        reason: what stopped it.
    """
    body = f"{summary.title} {WORDS[state]}: {_figures(summary)}" + (f" {reason}" if reason else "")
    return tell(context, f"Bookcast: {summary.title}", body)


def tell(context: Context, title: str, body: str) -> bool:
    """Send a message to every address of `[notify] urls`; True where all were reached."""
    urls = context.settings.notify.urls
    if not urls:
        return True
    import apprise  # slow to load, and most narrations tell nobody

    postman = apprise.Apprise()
    known = [postman.add(url) for url in urls]
    sent = bool(postman.notify(title=title, body=body)) if any(known) else False
    if not all(known) or not sent:
        _log.warning("a notification could not be delivered: check [notify] urls")
    return all(known) and sent


def _figures(summary: Summary) -> str:
    hours, minutes = divmod(round(summary.audio_seconds / 60), 60)
    cost = f", cost {summary.cost:.4f}" if summary.cost else ""
    failed = f", {summary.failed} failed" if summary.failed else ""
    return f"{hours} h {minutes:02d} min, {summary.synthesized} chunks spoken{failed}{cost}."
