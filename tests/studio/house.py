"""A real `bookcast up` on a data directory of its own, and what is asked of its Prefect server."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

from pipeline.cli.studio.studio_token import read_token
from tests.flows.test_flows import House


class Up(House):
    """A running studio, which may fetch from servers of the tests."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        with open(self.config, "a", encoding="utf-8") as file:
            file.write("[studio]\nprivate_addresses = true\n[inbox]\npoll_s = 0.3\n")

    def start(self, *options: str) -> list[str]:
        """Start it; what it said until it was ready."""
        self.process = subprocess.Popen(
            self.command("up", "--port", "0", *options), cwd=self.folder, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        said = []
        while "Ctrl-C" not in (line := self.process.stdout.readline()):
            assert line, "it ended"
            said.append(line)
        self.studio = str(self.where["studio"])
        return said

    @property
    def token(self) -> str:
        return read_token(self.data)

    @property
    def login(self) -> dict[str, str]:
        """What programs say to be let in."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def link(self) -> str:
        """What a person opens once in a browser on this machine."""
        return f"http://127.0.0.1:{self.studio.rpartition(':')[2]}/?token={self.token}"

    @property
    def where(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.data / "work" / "up.json").read_text())
        return value

    def part(self, name: str) -> psutil.Process:
        """The program whose command line holds `name`."""
        return next(p for p in self.programs() if name in " ".join(p.cmdline()))

    def programs(self) -> list[psutil.Process]:
        """`up` itself, and whatever works for this data directory."""
        mine = str(self.data.resolve())
        found = []
        for process in psutil.process_iter():
            try:
                is_part = process.environ().get("BOOKCAST_DATA") == mine or mine in " ".join(process.cmdline())
                if is_part or process.pid == self.process.pid:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def narrate(self, book: Path) -> str:
        (deployment,) = [d for d in self.ask("deployments/filter", {}) if d["name"] == "narrate-document"]
        uploads = self.data / "uploads"
        uploads.mkdir(exist_ok=True)
        shutil.copy(book, uploads)
        run = self.ask(f"deployments/{deployment['id']}/create_flow_run", {"parameters": {"source": book.name}})
        return str(run["id"])

    def state(self, run: str) -> str:
        try:
            (found,) = self.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        except (OSError, KeyError):
            return ""
        return str(found["state"]["type"])

    def attempts(self, run: str) -> int:
        """How often a flow run has begun."""
        (found,) = self.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return int(found["run_count"])

    def recorded(self) -> str:
        """How the last run of the only book is recorded."""
        (book,) = json.loads(self.run("status", "--json").stdout)["books"]
        return str(book["last_run"])

    def stop(self, how: int = signal.SIGINT) -> float:
        began = time.monotonic()
        self.process.send_signal(how)
        assert self.process.wait(90) == 0
        return time.monotonic() - began
