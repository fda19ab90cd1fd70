"""The Prefect server as a process of its own: `python -m flows.server_process FOLDER PORT`.

Ends itself when nobody holds a lock under FOLDER/users any more; exits ALREADY_RUNNING where another one runs.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from flows.server import ALREADY_RUNNING
from pipeline.store.owners import is_held

LINGER_S = 2.0
"""How long the server waits for a next user before it ends."""


def main(folder: Path, port: int) -> int:
    """Serve until nobody uses the server."""
    lock = FileLock(folder / "server.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return ALREADY_RUNNING
    address = folder / "server.json"
    try:
        temporary = folder / f".{os.getpid()}.json"
        temporary.write_text(json.dumps({"api_url": f"http://127.0.0.1:{port}/api", "pid": os.getpid()}), "utf-8")
        os.replace(temporary, address)
        _serve(folder, port)
    finally:
        address.unlink(missing_ok=True)
        lock.release()
    return 0


def _serve(folder: Path, port: int) -> None:
    from prefect.server.api.server import create_app

    app = create_app(final=True)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    threading.Thread(target=_end_when_unused, args=(folder / "users", server), daemon=True).start()
    server.run()


def _end_when_unused(users: Path, server: uvicorn.Server) -> None:
    unused_since: float | None = None
    while True:
        time.sleep(0.5)
        if is_used(users):
            unused_since = None
        elif unused_since is None:
            unused_since = time.monotonic()
        elif time.monotonic() - unused_since > LINGER_S:
            server.should_exit = True
            time.sleep(8)
            os._exit(0)  # open event streams can keep uvicorn from ending


def is_used(users: Path) -> bool:
    """True where a living process holds a lock in the folder; locks of dead ones are removed."""
    return any(is_held(path) for path in users.glob("*.lock"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
