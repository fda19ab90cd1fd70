"""`bookcast up`: Prefect's server, a runner for the flows and the studio, kept alive together."""

import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from filelock import FileLock, Timeout

from pipeline.cli.parts import END_S, Part
from pipeline.cli.session import err, interruptible, options, print_json, say, settings
from pipeline.cli.studio_token import make_token, read_token
from pipeline.errors import SettingsError, StoreError
from pipeline.web.guard import is_local

EXAMPLES = (
    "Examples: bookcast up  |  bookcast up --port 9000  |  bookcast up --host 0.0.0.0  |  bookcast up --show-link"
)
START_TIMEOUT_S = 90.0
WATCH_S = 0.5
RETRY_S = 5.0
DEPLOYMENTS = 4
"""narrate-document, rerun-failed-chunks, convert-feeds and rebuild-release."""


def up(
    host: Annotated[str, typer.Option(help="Address to listen on. [default: 127.0.0.1, from the settings]")] = "",
    port: Annotated[int, typer.Option(help="Port of the page. [default: 8750, from the settings]")] = -1,
    show_link: Annotated[bool, typer.Option("--show-link", help="Print the link with the token, and end.")] = False,
) -> None:
    """Start the studio: a page to narrate, listen, mend and rerun, and OpenAI's speech interface. Ctrl-C ends it."""
    from flows.server import PrefectServer

    known = settings().studio
    host, port = host or known.host, known.port if port < 0 else port
    options.data.mkdir(parents=True, exist_ok=True)
    if show_link:
        say(_link(host, port))
        return
    with interruptible(), _alone() as tell, PrefectServer(options.data) as server:
        port = _free_port(host, port)
        is_new = not is_local(host) and make_token(options.data)
        say("Starting; this takes about ten seconds.")
        server.wait()
        address = f"http://{_shown(host)}:{port}"
        parts = _parts(server.api_url, host, port, address)
        try:
            _await(_local(host, port), "" if is_local(host) else read_token(options.data), server.api_url, parts)
            tell(address, server.page_url)
            _announce(address, server.page_url, _link(host, port) if is_new else "")
            while True:
                time.sleep(WATCH_S)
                _watch(server, parts)
        except KeyboardInterrupt:
            say("Stopping: everything done is kept, and what was under way goes on at the next start.")
        finally:
            _end(parts)


def _end(parts: list[Part]) -> None:
    deadline = time.monotonic() + END_S
    for part in parts:
        part.stop()
    for part in parts:
        part.finish(deadline)


@contextmanager
def _alone() -> Iterator[Any]:
    """One studio a data directory; gives a function that writes down where it is. Raises: StoreError."""
    folder = options.data / "work"
    folder.mkdir(parents=True, exist_ok=True)
    note, lock = folder / "up.json", FileLock(folder / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _running_already(note) from None

    def tell(address: str, prefect: str) -> None:
        note.write_text(json.dumps({"studio": address, "prefect": prefect, "pid": os.getpid()}), "utf-8")

    try:
        yield tell
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _running_already(note: Path) -> StoreError:
    try:
        known = json.loads(note.read_text("utf-8"))
        where = f"at {known['studio']} (process {known['pid']})"
    except (OSError, ValueError, KeyError):
        where = "and is just starting"
    return StoreError(
        f"A studio of the data directory {options.data} is running already, {where}",
        remedy="open its page, or give another directory with --data",
    )


def _parts(api_url: str, host: str, port: int, address: str) -> list[Part]:
    from flows.environment import prefect_environment

    environment = {
        **os.environ,
        **prefect_environment(options.data, api_url),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "BOOKCAST_DATA": str(options.data.resolve()),
        "BOOKCAST_STUDIO_URL": address,
    }
    if options.config:
        environment["BOOKCAST_CONFIG"] = str(options.config.resolve())
    logs = options.data / "work" / "logs"
    return [
        Part("runner", "flows.deployments", [], environment, logs / "runner.log"),
        Part("studio", "pipeline.cli.studio_process", [host, str(port)], environment, logs / "studio.log"),
    ]


def _watch(server: Any, parts: list[Part]) -> None:
    """Bring back what has died; where Prefect's server comes back elsewhere, the others follow it."""
    before = server.api_url
    try:
        if server.revive():
            say("Prefect's server ended; it is started again.")
            server.wait()
    except StoreError as error:
        say(f"{error}; it is tried again.")
        time.sleep(RETRY_S)
    if server.api_url != before:
        for part in parts:
            part.environment["PREFECT_API_URL"] = server.api_url
            part.stop()
    for part in parts:
        part.watch()


def _local(host: str, port: int) -> str:
    """The address under which this machine reaches the studio."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _await(address: str, token: str, api_url: str, parts: list[Part]) -> None:
    """Raises: StoreError where a part does not come up."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (_answers(f"{address}/health", token) and _serves_flows(api_url)):
        for part in parts:
            part.watch()
        if time.monotonic() > deadline:
            raise StoreError(
                "The studio does not come up", remedy=f"look into {options.data / 'work' / 'logs'}, or bookcast doctor"
            )
        time.sleep(0.2)


def _answers(url: str, token: str) -> bool:
    question = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(question, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _serves_flows(api_url: str) -> bool:
    """True once the runner has told Prefect's server of the flows."""
    question = urllib.request.Request(
        f"{api_url}/deployments/count", b"{}", headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(question, timeout=2) as answer:
            return int(json.load(answer)) >= DEPLOYMENTS
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _announce(address: str, prefect: str, link: str) -> None:
    if options.json:
        print_json({"studio": address, "prefect": prefect, "speech_api": f"{address}/v1"})
        return
    say(f"The studio:        {address}")
    say(f"Prefect's page:    {prefect}")
    say(f"Speech interface:  {address}/v1")
    if link:
        say(f"For other machines, open this link once: {link}")
    say("Ctrl-C ends it.")


def _link(host: str, port: int) -> str:
    if is_local(host):
        return f"http://{_shown(host)}:{port}"
    return f"http://{_shown(host)}:{port}/?token={read_token(options.data)}"


def _shown(host: str) -> str:
    """An address that a browser can open."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"[{name}]" if ":" in name else name


def _free_port(host: str, port: int) -> int:
    """The port, or any other where it is taken. Raises: SettingsError where the address is not one of this machine."""
    for wanted in (port, 0):
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.create_server((host, wanted), family=family) as probe:
                free = int(probe.getsockname()[1])
        except PermissionError as error:
            raise SettingsError(
                f"Port {wanted} may not be used", key="studio.port", remedy="use one over 1024"
            ) from error
        except OSError as error:
            if wanted == 0:
                raise SettingsError(
                    f"{host} is no address of this machine", key="studio.host", remedy="use 127.0.0.1 or 0.0.0.0"
                ) from error
            err.print(f"Port {port} is taken; another one is used.", markup=False)
        else:
            return free
    raise AssertionError("either a port was found or an error raised")
