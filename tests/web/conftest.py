"""The studio on a real port of loopback, in this process."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from pipeline.narration.core.context import Context
from pipeline.settings import Settings, SpeechApiSettings
from pipeline.store.ownership.owners import USUAL_LEASE, Lease
from pipeline.web.server.app import Studio as App
from pipeline.web.server.guard import Access, access_of
from pipeline.web.server.prefect_page import PrefectPage
from tests.conftest import make_settings
from tests.web.direct_desk import DirectDesk

TOKEN = "t" * 43


def own_access(**more: Any) -> Access:
    """The rules of a studio that listens on loopback."""
    return access_of("127.0.0.1", token=TOKEN, **more)


class Studio:
    """A served app with its data directory, and two that ask it: `client` is logged in, `stranger` is not."""

    def __init__(
        self,
        settings: Settings,
        data: Path,
        access: Access,
        *,
        lease: Lease = USUAL_LEASE,
        prefect: PrefectPage | None = None,
    ) -> None:
        self.context = Context(settings, data, lease=lease)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.desk = DirectDesk(self.context)
        self.app = App(self.context, access, self.desk, prefect)
        self._server = uvicorn.Server(
            uvicorn.Config(self.app.app, log_level="warning", lifespan="off", proxy_headers=False)
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.login = {"Authorization": f"Bearer {access.token}"}
        self.client = httpx.Client(base_url=self.url, headers=self.login, trust_env=False, timeout=60)
        self.stranger = httpx.Client(base_url=self.url, trust_env=False, timeout=60)
        self.link = f"{self.url}/?token={access.token}"

    def stop_serving(self) -> None:
        self.app.close()
        self._server.should_exit = True
        self._thread.join(20)

    def close(self) -> None:
        self.client.close()
        self.stranger.close()
        self.stop_serving()
        self.desk.close()
        self.context.close()


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """make_studio(settings=..., access=...)"""
    studios: list[Studio] = []

    def make(settings: Settings | None = None, access: Access | None = None, name: str = "data") -> Studio:
        studios.append(Studio(settings or make_settings(), tmp_path / name, access or own_access()))
        return studios[-1]

    yield make
    for studio in studios:
        studio.close()


@pytest.fixture(scope="session")
def open_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for all tests of a process that only knock at its door; beeps stand in for every service."""
    stand_ins = {"4allapi": "tone", "llmprovider": "tone", "openai": "tone"}
    settings = make_settings(speech_api=SpeechApiSettings(stand_ins=stand_ins))
    studio = Studio(settings, tmp_path_factory.mktemp("studio"), own_access())
    yield studio
    studio.close()
