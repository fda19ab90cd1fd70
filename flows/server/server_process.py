"""The Prefect server as a process of its own: `python -m flows.server.server_process FOLDER PORT`.

Ends itself when nobody holds a lock under FOLDER/users any more; exits ALREADY_RUNNING where another one runs.
"""

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from flows.server.credential import authorization, credential_of
from flows.server.prefect_server import ADDRESS, ALREADY_RUNNING, LOG
from pipeline.store.files.output_log import keep_output_small
from pipeline.store.ownership.locks import is_held
from pipeline.web.door.patient_server import PatientProtocol, PatientServer
from pipeline.web.server.program_guard import ProgramGuard

LINGER_S = 2.0
"""How long the server waits for a next user before it ends."""


def main(folder: Path, port: int) -> int:
    """Serve until nobody uses the server."""
    lock = FileLock(folder / "server.lock")
    try:
        # The lock decides who serves, not the address: the system frees it even when a server is killed.
        lock.acquire(timeout=0)
    except Timeout:
        return ALREADY_RUNNING
    try:
        with socket.create_server(("127.0.0.1", port)) as listening:  # before its address is told to anybody
            write_address(folder, port)
            _serve(folder, port, listening)
    finally:
        # Before the lock is free: whoever gets it next writes an address of its own.
        (folder / ADDRESS).unlink(missing_ok=True)
        lock.release()
    return 0


def write_address(folder: Path, port: int) -> None:
    """Tell who looks into the folder where the server is."""
    temporary = folder / f".{os.getpid()}.json"
    temporary.write_text(json.dumps({"api_url": f"http://127.0.0.1:{port}/api", "pid": os.getpid()}), "utf-8")
    # Whole or absent: somebody may be reading it at this moment.
    os.replace(temporary, folder / ADDRESS)


def _serve(folder: Path, port: int, listening: socket.socket) -> None:
    # Only in the process that won the lock: importing Prefect takes about a second (November 2026).
    from prefect.server.api.server import create_app

    from flows.server.unhurried_chores import slow_down_chores

    keep_output_small(folder / LOG)
    slow_down_chores()
    known = authorization(credential_of(folder))
    app = ProgramGuard(create_app(final=True), port=port, authorization=known["Authorization"])
    server = PatientServer(uvicorn.Config(app, log_level="warning", http=PatientProtocol))
    threading.Thread(target=_end_when_unused, args=(folder, port, server), daemon=True).start()
    server.run(sockets=[listening])


def _end_when_unused(folder: Path, port: int, server: uvicorn.Server) -> None:
    unused_since = time.monotonic()
    while time.monotonic() - unused_since < LINGER_S or not withdraw(folder, port):
        time.sleep(LINGER_S / 2)
        if is_used(folder / "users"):
            unused_since = time.monotonic()
    server.should_exit = True
    time.sleep(8)
    os._exit(0)  # open event streams can keep uvicorn from ending


def withdraw(folder: Path, port: int) -> bool:
    """Take the address back, so that who comes now starts another server; False where somebody came just before.

    A user takes hold first and reads the address then; so whoever could read it is seen here.
    """
    (folder / ADDRESS).unlink(missing_ok=True)
    if is_used(folder / "users"):
        write_address(folder, port)
        return False
    return True


def is_used(users: Path) -> bool:
    """True where a living process holds a lock in the folder; locks of dead ones are removed."""
    return any(is_held(path) for path in users.glob("*.lock"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
