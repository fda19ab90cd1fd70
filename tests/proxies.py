"""Proxies on loopback, HTTP and SOCKS5: real ones, which count what passes and lead every address to one server."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Leads every address that it is asked for to `target`."""

    def __init__(self, kind: str, target: str, login: str = "") -> None:
        """`kind` is http or socks5; `login` is NAME:PASSWORD where the SOCKS proxy asks for one."""
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._login = login
        self._serve = self._serve_http if kind == "http" else self._serve_socks
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"{kind}://{login + '@' if login else ''}127.0.0.1:{self._socket.getsockname()[1]}"
        self.passed: list[str] = []
        """HOST:PORT of each connection that was asked for."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line, suppress(OSError, ValueError, IndexError):
            self._serve(line)

    def _serve_http(self, line: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += _some(line)
        method, address, rest = head.split(b" ", 2)
        if method == b"CONNECT":
            self.passed.append(address.decode())
            line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._relay(line, b"")
            return
        parts = urlsplit(address.decode())
        self.passed.append(f"{parts.hostname}:{parts.port or 80}")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        request = b" ".join([method, path.encode(), rest])
        self._relay(line, request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))

    def _serve_socks(self, line: socket.socket) -> None:
        """RFC 1928 and 1929."""
        methods = _some(line)[2:]
        method = 2 if self._login else 0
        line.sendall(bytes([5, method if method in methods else 0xFF]))
        if self._login:
            said = _some(line)
            name, _, password = self._login.encode().partition(b":")
            line.sendall(bytes([1, said != bytes([1, len(name)]) + name + bytes([len(password)]) + password]))
        asked = _some(line)
        kind, at = asked[3], {1: 8, 3: 5 + asked[4], 4: 20}[asked[3]]
        host = asked[5:at].decode() if kind == 3 else str(ipaddress.ip_address(asked[4:at]))
        self.passed.append(f"{host}:{int.from_bytes(asked[at : at + 2], 'big')}")
        line.sendall(bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        self._relay(line, b"")

    def _relay(self, line: socket.socket, first: bytes) -> None:
        with socket.create_connection(self._target) as onward:
            onward.sendall(first)
            thread = threading.Thread(target=_copy, args=(line, onward), daemon=True)
            thread.start()
            _copy(onward, line)


def _some(line: socket.socket) -> bytes:
    data = line.recv(65_536)
    if not data:
        raise ConnectionError
    return data


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def open_proxy(kind: str, target: str, login: str = "") -> Iterator[Proxy]:
    proxy = Proxy(kind, target, login)
    try:
        yield proxy
    finally:
        proxy.close()
