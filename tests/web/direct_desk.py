"""Runs what the page starts in threads of this process: the same stages as the flows, without Prefect's server."""

import threading
import uuid
from typing import Any

from pipeline.errors import NarrationError
from pipeline.model.states import ActiveState
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.reading.named_source import import_named
from pipeline.narration.running.narrations import Running, prepare_rebuild, prepare_rerun, run_prepared
from pipeline.narration.running.prepare import prepare
from pipeline.web.server.run_desk import BookRun


class DirectDesk:
    page_url = "http://127.0.0.1:4200"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._active: dict[str, BookRun] = {}
        self._threads: list[threading.Thread] = []
        self.started: list[tuple[str, dict[str, Any]]] = []

    def run_url(self, run: str) -> str:
        return f"{self.page_url}/runs/flow-run/{run}"

    def active(self) -> dict[str, BookRun]:
        return dict(self._active)

    def start(self, deployment: str, parameters: dict[str, Any], book: str) -> str:
        run = str(uuid.uuid4())
        self.started.append((deployment, parameters))
        self._active[book] = BookRun(run, ActiveState.RUNNING, book)
        thread = threading.Thread(target=self._run, args=(deployment, dict(parameters), book, run), daemon=True)
        self._threads.append(thread)
        thread.start()
        return run

    def _run(self, deployment: str, parameters: dict[str, Any], book: str, run: str) -> None:
        try:
            if deployment == "narrate-document":
                source = import_named(self._context, parameters.pop("source"))
                order = Order(**{k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()})
                prepared = prepare(self._context, source, order)
            elif deployment == "rerun-failed-chunks":
                parameters.pop("book")
                prepared = prepare_rerun(self._context, book, **{"failed": True, **parameters})
            elif deployment == "rebuild-release":
                parameters.pop("book")
                prepared = prepare_rebuild(self._context, book, parameters)
            else:
                return  # what a feed's run does is tested with the real desk
            run_prepared(self._context, prepared, Running(flow_run=run))
        except NarrationError:
            pass  # the store holds how it ended
        finally:
            self._active.pop(book, None)

    def wait(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def cancel(self, run: str) -> None:
        raise AssertionError("the tests of cancelling use the real desk")

    def close(self) -> None:
        self._context.stop()
        self.wait()
