"""A data directory -> its Prefect server, for as long as somebody uses it.

Who uses the server holds a lock file under `prefect/users`; the server ends itself when none is held.
So it is shared by runs that overlap, ends after the last of them, and never outlives a killed one.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from flows.server.credential import authorization, credential_of, keep_private
from flows.server.environment import prefect_environment, server_environment, server_habits
from flows.server.probes import open_url
from pipeline.errors import StoreError
from pipeline.store.files.data_folder import check_room
from pipeline.store.files.output_log import open_output

START_TIMEOUT_S = 90.0
MAX_STARTS = 3
USUAL_PORT = 4200
KEEP_DAYS = 30
"""Where settings are not at hand, as in `[prefect] keep_days`."""
LOG = "server.log"
ADDRESS = "server.json"
"""Where a server of the folder says that it listens: `api_url` and `pid`."""
LEASES_IN_FILES = "prefect.server.concurrency.lease_storage.filesystem"
ALREADY_RUNNING = 75
"""Exit code of a server process that found another one serving the same folder."""


class PrefectServer:
    """A client's hold on the server of a data directory, or on the one that PREFECT_API_URL names."""

    def __init__(self, data: Path, *, keep_days: int = KEEP_DAYS) -> None:
        """Find the server, or start it without waiting; `wait` waits.

        Args:
            data: the data directory.
            keep_days: how long a server that is started here remembers runs that have ended; 0 for ever.

        Raises:
            StoreError: the disk is full.
        """
        self._keep_days = keep_days
        self._folder = (data / "prefect").resolve()
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._hold: FileLock | None = None
        self.api_url = os.environ.get("PREFECT_API_URL", "")
        self.credential = os.environ.get("PREFECT_API_AUTH_STRING", "")
        self.is_ours = not self.api_url
        if self.is_ours:
            check_room(data)
            keep_private(self._folder)
            self.credential = credential_of(self._folder)
            self._take_hold()
            self.api_url = self._find() or self._start()

    @property
    def environment(self) -> dict[str, str]:
        """Of a client of this server."""
        return prefect_environment(self._data, self.api_url, self.credential)

    def _take_hold(self) -> None:
        users = self._folder / "users"
        users.mkdir(exist_ok=True)
        self._hold = FileLock(users / f"{uuid.uuid4().hex}.lock")
        self._hold.acquire()

    def _find(self) -> str:
        """The address of a server that is up or coming up, or empty where none lives."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with FileLock(self._folder / "server.lock", timeout=0):
                    return ""  # nobody holds it: no server lives
            except Timeout:
                if address := self._written_address():
                    return address
            time.sleep(0.1)
        return ""

    def _written_address(self) -> str:
        """Where the server of this folder says that it listens."""
        try:
            return str(json.loads((self._folder / ADDRESS).read_text("utf-8"))["api_url"])
        except (OSError, ValueError, KeyError):
            return ""

    def revive(self) -> bool:
        """Start our server again where it has died, at the same address where that is free; True where it had."""
        if not self.is_ours or self._is_living() or self._find():
            return False
        self.api_url, self._starts = self._start(int(self.api_url.rpartition(":")[2].removesuffix("/api"))), 0
        return True

    def _is_living(self) -> bool:
        """The server that was started here runs, or is coming up."""
        return self._process is not None and self._process.poll() is None

    def _start(self, usual_port: int = USUAL_PORT) -> str:
        self._starts += 1
        port = _free_port(usual_port)
        api_url = f"http://127.0.0.1:{port}/api"
        environment = {
            **server_habits(self._keep_days),
            **os.environ,
            **prefect_environment(self._data, api_url, self.credential),
            **server_environment(self._folder, port, self.credential),
        }
        # in memory, as by default, leases die with a server, and their slots are taken for ever
        environment.setdefault("PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE", LEASES_IN_FILES)
        with open_output(self._folder / LOG) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.server.server_process", str(self._folder), str(port)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,  # its database holds what was narrated
                start_new_session=True,  # Ctrl-C is for the run; the server must live to hear how it ended
            )
        return api_url

    def wait(self, check_stopping: Callable[[], None] = lambda: None) -> str:
        """The address of the server's API, once it answers.

        Raises:
            StoreError: it does not come up; the message names its log.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            check_stopping()
            # whatever else answers at that port is not ours: another data directory can have been quicker
            is_ready = not self.is_ours or self._written_address() == self.api_url
            if is_ready and is_healthy(self.api_url, self.credential):
                return self.api_url
            if self._process and self._process.poll() is not None:
                self._recover(self._process.returncode)
            time.sleep(0.1)
        raise self._unanswered()

    def _recover(self, code: int) -> None:
        """Our server ended: another run's was quicker and serves both, or somebody took its port."""
        other = self._find() if code == ALREADY_RUNNING else ""
        if other:
            self.api_url, self._process = other, None
        elif self._starts < MAX_STARTS:
            self.api_url = self._start()
        else:
            raise self._unanswered()

    def _unanswered(self) -> StoreError:
        return StoreError(
            f"The Prefect server at {self.api_url} does not answer; its log is {self._folder / LOG}",
            remedy="look into the log, or narrate with --direct, which needs no server",
        )

    @property
    def page_url(self) -> str:
        """The address of Prefect's own page; that of a server of ours is reached through the studio."""
        return self.api_url.removesuffix("/api")

    def __enter__(self) -> "PrefectServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go; a server that nobody else uses ends by itself."""
        if self._hold:
            path = Path(self._hold.lock_file)
            self._hold.release()
            path.unlink(missing_ok=True)
            self._hold = None


def is_healthy(api_url: str, credential: str) -> bool:
    """True where a Prefect API answers at that address, and takes the credential where it wants one."""
    try:
        question = urllib.request.Request(f"{api_url}/health", headers=authorization(credential))
        with open_url(question) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _free_port(usual: int) -> int:
    """The usual port where it is free, else any."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections do not take a port
            try:
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
            except OSError:
                continue
    raise StoreError("No port is free for the Prefect server", remedy="narrate with --direct")
