"""Runs what the page starts in threads of this process: the same stages as the flows, without Prefect's server."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.errors import NarrationError
from pipeline.stages.choose_again import choose_again
from pipeline.stages.context import Context
from pipeline.stages.import_document import import_document
from pipeline.stages.order import Order
from pipeline.stages.pace import STAGE_THREADS
from pipeline.stages.run_all import run_all
from pipeline.web.run_desk import BookRun


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
        self._active[book] = BookRun(run, "running", book)
        thread = threading.Thread(target=self._run, args=(deployment, dict(parameters), book, run), daemon=True)
        self._threads.append(thread)
        thread.start()
        return run

    def _run(self, deployment: str, parameters: dict[str, Any], book: str, run: str) -> None:
        documents, again = self._context.store.documents, None
        try:
            if deployment == "narrate-document":
                book = import_document(self._context, parameters.pop("source")).slug
                order = Order(**{k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()})
            elif deployment == "rerun-failed-chunks":
                chosen = {k: v for k, v in parameters.items() if k in {"failed", "chapters", "chunks"}}
                again = choose_again(self._context, book, **{"failed": True, **chosen})
                order = Order.from_options(documents.get_book(book).narration)
            else:
                again = frozenset()
                order = Order.from_options({**documents.get_book(book).narration, **parameters})
            with ThreadPoolExecutor(STAGE_THREADS) as threads:
                run_all(self._context, book, order, threads.submit, again, flow_run=run)
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
