"""Our servers do not wait for ever for a request that was begun, or for an answer to be read."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from pipeline.web.door.patient_server import PatientProtocol

ENDED = threading.Event()
LONG = b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n"


class HastyProtocol(PatientProtocol):
    head_s = 0.3
    silence_s = 0.3
    unread_s = 0.3


async def count_body(scope: Scope, receive: Receive, send: Send) -> None:
    """The length of the body, or at /long an answer without end."""
    if scope["type"] == "websocket":
        line = WebSocket(scope, receive, send)
        await line.accept()
        await line.send_text(await line.receive_text())
        return
    if scope["path"] == "/long":
        try:
            await StreamingResponse(iter(lambda: b"x" * 60_000, b""))(scope, receive, send)
        finally:
            ENDED.set()
        return
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(
            count_body, http=HastyProtocol, lifespan="off", log_level="critical", timeout_keep_alive=60
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def answer_of(port: int, *pieces: bytes) -> bytes:
    """What comes back until the server closes; waiting for longer than 20 s is an error."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for piece in pieces:
            client.sendall(piece)
        answer = b""
        while received := client.recv(4096):
            answer += received
        return answer


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"]
)
def test_a_request_that_is_begun_and_not_finished_is_ended(port: int, begun: bytes) -> None:
    assert b"200 OK" not in answer_of(port, begun)


def test_a_second_request_that_is_not_finished_is_ended_too(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(4096)
        client.sendall(b"GET / HTTP/1.1\r\n")
        while client.recv(4096):
            pass


def test_a_whole_request_is_answered(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"
    assert answer_of(port, head, b"abc", b"def").endswith(b"6")


def test_a_body_that_comes_a_little_at_a_time_is_ended(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        with pytest.raises(OSError):  # noqa: PT011  # broken pipe or reset, as the system likes
            for _ in range(1000):
                client.sendall(b"x")
                time.sleep(0.01)
            client.settimeout(0.0)
            assert client.recv(4096) == b"", "it was answered"


def test_an_answer_that_is_not_read_is_ended(port: int) -> None:
    ENDED.clear()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(LONG)
        assert ENDED.wait(10), "it waits for a client that does not read"


def test_a_client_that_reads_gets_as_much_as_it_wants(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(LONG)
        began = time.monotonic()
        while time.monotonic() - began < 3 * HastyProtocol.unread_s:
            assert client.recv(1_000_000)


def test_a_websocket_is_not_cut_off(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/") as line:
        time.sleep(2 * HastyProtocol.head_s)
        line.send("still here")
        assert line.recv(10) == "still here"
