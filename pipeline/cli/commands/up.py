"""`bookcast up`: Prefect's server, a runner for the flows and the studio, kept alive together."""

import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from filelock import FileLock, Timeout

from pipeline.cli.output.session import complain, interruptible, options, print_json, say, settings
from pipeline.cli.studio.ask_health import is_answering
from pipeline.cli.studio.studio_note import PAGE_VARIABLE, note_file, read_note, write_note
from pipeline.cli.studio.studio_token import make_token, read_token
from pipeline.cli.studio.supervisor import Part
from pipeline.errors import SettingsError, StoreError
from pipeline.narration.core.kept_program import END_S
from pipeline.store.files.data_folder import open_data_folder
from pipeline.web.server.guard import is_any_address

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
    show_link: Annotated[
        bool, typer.Option("--show-link", help="Print the link that logs a browser in, and end.")
    ] = False,
) -> None:
    """Start the studio: a page to narrate, listen, edit and rerun, and OpenAI's speech interface. Ctrl-C ends it.

    Open the link that it prints: the token in it lets your browser in. Programs send "Authorization: Bearer TOKEN".
    """
    from flows.server.environment import PAGE
    from flows.server.prefect_server import PrefectServer

    chosen = settings()
    known = chosen.studio
    host, port = host or known.host, known.port if port < 0 else port
    open_data_folder(options.data, "work", "prefect")
    if show_link:
        _show_link(host, port)
        return
    with interruptible(), _alone(), PrefectServer(options.data, keep_days=chosen.prefect.keep_days) as server:
        port = _free_port(host, port)
        make_token(options.data)
        say("Starting; this takes about ten seconds.")
        server.wait()
        address = f"http://{_shown(host)}:{port}"
        page = f"{address}{PAGE}" if server.is_ours else server.page_url
        parts = _parts(server, host, port, address, page)
        try:
            _await(_local(host, port), read_token(options.data), server, parts)
            links = _links(host, port)
            write_note(options.data, address, page, links[0])
            _announce(address, page, links)
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
def _alone() -> Iterator[None]:
    """One studio a data directory. Raises: StoreError."""
    note = note_file(options.data)
    lock = FileLock(note.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _running_already() from None
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _running_already() -> StoreError:
    known = read_note(options.data)
    where = f"at {known['studio']} (process {known['pid']})" if known else "and is just starting"
    return StoreError(
        f"A studio of the data directory {options.data} is running already, {where}",
        remedy="open its page, or give another directory with --data",
    )


def _parts(server: Any, host: str, port: int, address: str, page: str) -> list[Part]:
    environment = {
        **os.environ,
        **server.environment,
        "BOOKCAST_DATA": str(options.data.resolve()),
        "BOOKCAST_STUDIO_URL": address,
        PAGE_VARIABLE: "" if server.is_ours else page,
        "PREFECT_UI_URL": page,
    }
    if options.config:
        environment["BOOKCAST_CONFIG"] = str(options.config.resolve())
    logs = options.data / "work" / "logs"
    return [
        Part(
            name="runner",
            module="flows.runner.deployments",
            arguments=[],
            environment=environment,
            log=logs / "runner.log",
        ),
        Part(
            name="studio",
            module="pipeline.cli.studio.studio_process",
            arguments=[host, str(port)],
            environment=environment,
            log=logs / "studio.log",
        ),
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
            part.environment.update(server.environment)
            part.stop()
    for part in parts:
        part.watch()


def _local(host: str, port: int) -> str:
    """The address under which this machine reaches the studio."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _await(address: str, token: str, server: Any, parts: list[Part]) -> None:
    """Raises: StoreError where a part does not come up."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (is_answering(address, token) and _serves_flows(server)):
        for part in parts:
            part.watch()
        if time.monotonic() > deadline:
            raise StoreError(
                "The studio does not come up", remedy=f"look into {options.data / 'work' / 'logs'}, or bookcast doctor"
            )
        time.sleep(0.2)


def _serves_flows(server: Any) -> bool:
    """True once the runner has told Prefect's server of the flows."""
    from flows.server.credential import authorization
    from flows.server.probes import open_url

    headers = {"Content-Type": "application/json", **authorization(server.credential)}
    question = urllib.request.Request(f"{server.api_url}/deployments/count", b"{}", headers=headers)
    try:
        with open_url(question) as answer:
            return int(json.load(answer)) >= DEPLOYMENTS
    except (OSError, ValueError):
        return False


def _announce(address: str, prefect: str, links: list[str]) -> None:
    if options.json:
        token = read_token(options.data)
        print_json(
            {"studio": address, "link": links[0], "token": token, "prefect": prefect, "speech_api": f"{address}/v1"}
        )
        return
    say(f"The studio:        {links[0]}")
    for link in links[1:]:
        say(f"Other machines:    {link}")
    say(f"Prefect's page:    {prefect}/")
    say(f"Speech interface:  {address}/v1")
    say("Open the link of the studio once in each browser; it lets in everyone who has it. Press Ctrl-C to stop.")


def _show_link(host: str, port: int) -> None:
    """A studio that runs may have found its port taken, and be at another one."""
    running = urlsplit(read_note(options.data).get("studio", "")).port
    links = _links(host, running or port)
    if options.json:
        print_json({"link": links[0], "token": read_token(options.data)})
        return
    for link in links:
        say(link)


def _links(host: str, port: int) -> list[str]:
    """What lets a browser in: of this machine, then of others, where they can reach the studio."""
    addresses = [_local(host, port)]
    if is_any_address(host):
        addresses.append(f"http://{_shown(host)}:{port}")
    return [f"{address}/?token={read_token(options.data)}" for address in addresses]


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
            complain(f"Port {port} is taken; another one is used.")
        else:
            return free
    raise AssertionError("either a port was found or an error raised")
