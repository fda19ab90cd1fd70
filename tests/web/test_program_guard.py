"""What a server for our own programs lets in waits for nobody who does not say who they are."""

import base64
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pipeline.web.server.program_guard import ProgramGuard

KNOWN = "Basic " + base64.b64encode(b"bookcast:known").decode()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every message, as long as there are any."""
    line = WebSocket(scope, receive, send)
    await line.accept()
    try:
        while True:
            await line.send_text(await line.receive_text())
    except WebSocketDisconnect:
        ENDED.set()


ENDED = threading.Event()


@pytest.fixture
def port() -> Iterator[int]:
    ENDED.clear()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = int(listening.getsockname()[1])
        app = ProgramGuard(echo, port=number, authorization=KNOWN, login_s=0.3)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield number
        server.should_exit = True
        thread.join()


def test_a_websocket_that_says_nothing_is_closed(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/") as line, pytest.raises(ConnectionClosed) as closed:
        line.recv(10)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1008
    assert ENDED.wait(10), "the app was told"


def test_a_websocket_that_speaks_in_time_stays_open(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/", additional_headers={"Authorization": KNOWN}) as line:
        line.send("in time")
        assert line.recv(10) == "in time"
        assert not ENDED.wait(0.6)
        line.send("and later")
        assert line.recv(10) == "and later"
