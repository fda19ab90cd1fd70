"""A narration by the fake voice in a program of its own: `python -m tests.narration.narrator DATA BOOK LEASE_S`."""

import os
import subprocess
import sys
from pathlib import Path

WORKERS = 2


def start_narrator(data: Path, book: Path, *, lease_s: float, scratch: Path | None = None) -> "subprocess.Popen[bytes]":
    """Start it as the leader of a process group, so that its workers can be stopped with it."""
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    if scratch:
        environment["BOOKCAST_SCRATCH"] = str(scratch)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.narration.narrator", str(data), str(book), str(lease_s)],
        cwd=root, env=environment, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def main(data: Path, book: Path, lease_s: float) -> None:
    """Imports are in here: the workers, which load this file too, need none of them."""
    from pipeline.narration.core.context import Context
    from pipeline.narration.core.order import Order
    from pipeline.narration.running.narrations import narrate
    from pipeline.settings import BackendSettings
    from tests.conftest import make_settings
    from tests.fakes import KIND
    from tests.store.holder import short_lease

    settings = make_settings()
    backends = {**settings.backends, "fake": BackendSettings(kind=KIND, workers=WORKERS)}
    context = Context(settings.model_copy(update={"backends": backends}), data, lease=short_lease(lease_s))
    narrate(context, str(book), Order(backend="fake"))
    context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
