"""A door before a server, which counts those who come in."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """Passes connections on to a server of loopback."""

    def __init__(self, api_url: str) -> None:
        parts = urlsplit(api_url)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port = self._listening.getsockname()[1]
        self.connections = 0
        self.api_url = f"http://127.0.0.1:{self._port}{parts.path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                coming, _ = self._listening.accept()
                self.connections += 1
                going = socket.create_connection(self._target)
                names = [f"Host: 127.0.0.1:{port}".encode() for port in (self._port, self._target[1])]
                for source, target, known in ((coming, going, names), (going, coming, [b"", b""])):
                    threading.Thread(target=_pass_on, args=(source, target, *known), daemon=True).start()

    def close(self) -> None:
        self._listening.close()


def _pass_on(source: socket.socket, target: socket.socket, host: bytes, real: bytes) -> None:
    """Under the server's own name: it answers to no other."""
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data.replace(host, real) if host else data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def open_relay(api_url: str) -> Iterator[Relay]:
    relay = Relay(api_url)
    try:
        yield relay
    finally:
        relay.close()
