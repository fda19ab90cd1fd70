"""Prefect's server answers our own programs and nobody else: attacked as a page of another site would, and by hand."""

import json
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from flows.runs.rerun_chunks import rebuild_release
from flows.server.credential import FILE, authorization, credential_of, keep_private
from flows.server.prefect_server import PrefectServer, is_healthy
from pipeline.errors import StoreError
from pipeline.web.door.patient_server import HEAD_S

pytestmark = pytest.mark.long

SHELL = [{"prefect.deployments.steps.run_shell_script": {"script": "touch /tmp/owned"}}]
FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8750"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Host": "evil.example"},
    {"Host": "evil.example:4200"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": ""},
]


class Attacked:
    """The server, with a deployment that somebody wants to change."""

    def __init__(self, server: PrefectServer, client: SyncPrefectClient) -> None:
        self._known = client
        flow = client.create_flow(rebuild_release)
        self.deployment = str(client.create_deployment(flow, "attacked"))
        self.site = server.api_url.removesuffix("/api")
        self.credential = server.credential
        self.address = f"/api/deployments/{self.deployment}"
        self.plain = httpx.Client(base_url=self.site, trust_env=False, timeout=60)

    def attack(self, headers: dict[str, str]) -> list[httpx.Response]:
        """All that a page would try: to have a command run, to start it, to read."""
        send = {"Content-Type": "text/plain", **headers}  # what a page can send without asking first
        text = {"headers": send, "content": json.dumps({"pull_steps": SHELL})}
        return [
            self.plain.patch(self.address, **text),
            self.plain.post(f"{self.address}/create_flow_run", headers=send, content="{}"),
            self.plain.post("/api/flow_runs/filter", headers=send, content="{}"),
            self.plain.delete(self.address, headers=send),
            self.plain.get(self.address, headers=send),
            self.plain.get("/api/admin/settings", headers=send),
            self.plain.get("/api/health", headers=send),
            self.plain.get("/prefect/", headers={"Accept": "text/html", **send}),
            self.plain.get("/docs", headers=send),
            self.plain.get("/openapi.json", headers=send),
        ]

    def check_untouched(self) -> None:
        known = self._known.read_deployment(UUID(self.deployment))
        assert not known.pull_steps
        only = DeploymentFilter(id=DeploymentFilterId(any_=[known.id]))
        assert not self._known.read_flow_runs(deployment_filter=only)


@pytest.fixture(scope="module")
def attacked(server: PrefectServer) -> Iterator[Attacked]:
    known: dict[Any, Any] = {PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.credential}
    with temporary_settings(known), get_client(sync_client=True) as client:
        yield Attacked(server, client)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic Ym9va2Nhc3Q6Z3Vlc3NlZA=="}, {"Authorization": "Bearer bookcast"}],
    ids=["nothing", "a guess", "another scheme"],
)
def test_prefect_neither_tells_nor_does_anything_without_the_credential(
    attacked: Attacked, headers: dict[str, str]
) -> None:
    for answer in attacked.attack(headers):
        assert answer.status_code == 401, answer.url
        assert set(answer.json()) == {"exception_message"}
    attacked.check_untouched()


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_prefect_refuses_pages_and_foreign_names_even_with_the_credential(
    attacked: Attacked, headers: dict[str, str]
) -> None:
    for answer in attacked.attack({**authorization(attacked.credential), **headers}):
        assert answer.status_code in {400, 403}, answer.url  # 400: no Host at all
        assert "access-control-allow-origin" not in answer.headers
    attacked.check_untouched()


def test_no_page_is_allowed_to_ask_prefect(attacked: Attacked) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"}
    for headers in (asked, {**asked, **authorization(attacked.credential)}):
        answer = attacked.plain.options(attacked.address, headers=headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_our_own_programs_are_let_in(attacked: Attacked) -> None:
    answer = attacked.plain.get(attacked.address, headers=authorization(attacked.credential))
    assert answer.json()["name"] == "attacked"
    assert is_healthy(f"{attacked.site}/api", attacked.credential)
    assert not is_healthy(f"{attacked.site}/api", "")
    settings = attacked.plain.get("/api/admin/settings", headers=authorization(attacked.credential))
    assert attacked.credential not in settings.text


@pytest.mark.parametrize("path", ["events/in", "events/out", "logs/out"])
def test_events_flow_to_and_from_our_own_programs_alone(attacked: Attacked, path: str) -> None:
    address = f"{attacked.site.replace('http', 'ws')}/api/{path}"
    spoken = [Subprotocol("prefect")]
    known = authorization(attacked.credential)
    host = {"Host": "evil.example"}
    for origin, headers in (
        ("https://evil.example", known),
        (attacked.site, known),
        (None, host),
        (None, {"Sec-Fetch-Site": "cross-site"}),
    ):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, origin=Origin(origin) if origin else None, subprotocols=spoken, additional_headers=headers)
        assert refused.value.response.status_code in {400, 403}
    for token in ("", "bookcast:guessed"):
        with connect(address, subprotocols=spoken) as line, pytest.raises(ConnectionClosed):
            line.send(json.dumps({"type": "auth", "token": token}))
            line.recv(10)
    with connect(address, subprotocols=spoken) as line:
        line.send(json.dumps({"type": "auth", "token": attacked.credential}))
        assert json.loads(line.recv(10))["type"] == "auth_success"


def test_prefect_s_server_waits_for_no_request_that_is_not_finished(attacked: Attacked) -> None:
    with socket.create_connection(("127.0.0.1", int(attacked.site.rpartition(":")[2])), HEAD_S + 10) as line:
        line.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127")
        assert line.recv(4096) == b"", "it is closed, without an answer"


def test_the_credential_is_made_once_for_its_owner_alone_also_in_an_older_folder(tmp_path: Path) -> None:
    folder = tmp_path / "prefect"
    folder.mkdir(mode=0o755)
    keep_private(folder)
    with ThreadPoolExecutor(8) as threads:
        (credential,) = set(threads.map(lambda _: credential_of(folder), range(16)))
    assert credential_of(folder) == credential
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    (folder / FILE).chmod(0o644)  # as a backup that was copied back
    assert credential_of(folder) == credential
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "bookcast:", "x" * 60, "bookcast:short"])
def test_a_damaged_credential_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StoreError, match="damaged") as told:
        credential_of(tmp_path)
    assert "delete the file" in told.value.remedy


def test_a_server_of_the_user_s_own_is_asked_with_the_user_s_own_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "me:mine")
    with PrefectServer(tmp_path / "data") as theirs:
        assert not theirs.is_ours
        assert theirs.environment["PREFECT_API_URL"] == "http://prefect.example/api"
        assert theirs.environment["PREFECT_API_AUTH_STRING"] == "me:mine"
        assert theirs.page_url == "http://prefect.example"
    assert not (tmp_path / "data" / "prefect" / FILE).exists()
    monkeypatch.delenv("PREFECT_API_AUTH_STRING")
    with PrefectServer(tmp_path / "data") as open_to_all:
        assert "PREFECT_API_AUTH_STRING" not in open_to_all.environment
