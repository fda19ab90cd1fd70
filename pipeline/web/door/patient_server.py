"""Connections that end by themselves when a request is begun and not finished, or its answer is not read.

uvicorn waits for the rest of a head or body, and for a client that reads, as long as the client likes, and each such
connection costs a file handle: a few thousand of them shut everybody else out. And it looks ten times a second whether
it is to end, which is most of what an idle studio would do.
"""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0
"""For a whole request without its body, from the opening of the connection or its first byte."""
SILENCE_S = 30.0
"""For the next piece of a body; and for all of it, beside the time that its bytes take at LEAST_BYTES_S."""
LEAST_BYTES_S = 10_000.0
"""What comes more slowly than this is not an upload."""
UNREAD_S = 300.0
"""For the next part of an answer to be taken; players that pause ask again for the rest."""
UNREAD_BYTES = 100_000
"""Such a part, where so much of the answer is left."""
TURN_S = 0.5
"""How often a server looks whether it is to end, and what time it is for the heads of its answers."""


class PatientServer(uvicorn.Server):
    """Wakes seldom while nobody asks for anything."""

    async def main_loop(self) -> None:
        """Wait for the end."""
        while not await self.on_tick(0):  # of any ten ticks, the one that sets the time is counted 0
            await asyncio.sleep(TURN_S)


class PatientProtocol(H11Protocol):
    """Closes a connection whose request does not come, or whose answer is not taken, in time."""

    head_s = HEAD_S
    silence_s = SILENCE_S
    unread_s = UNREAD_S
    _deadline: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None
    _unread = 0
    _body_ends_at = 0.0
    """The body that comes now has to be whole by then; each of its bytes moves it on."""
    _slow_since: float | None = None
    """When it was we who let the client wait; that time is not the client's."""

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that we are told of every byte that is not taken
        self._wait(self.head_s)

    def data_received(self, data: bytes) -> None:
        """Wait on where more of the request is to come."""
        before = self.cycle
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            return  # a websocket from here on
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
            if self.cycle.more_body:
                self._await_body(len(data), is_new=self.cycle is not before)
        elif self._deadline is None:
            self._wait(self.head_s)

    def _await_body(self, received_bytes: int, *, is_new: bool) -> None:
        now = self.loop.time()
        if is_new:
            self._body_ends_at = now + self.silence_s
        elif self._slow_since is not None:
            self._body_ends_at += now - self._slow_since
        self._slow_since = now if self.flow.read_paused else None
        self._body_ends_at += received_bytes / LEAST_BYTES_S
        self._wait(min(self.silence_s, self._body_ends_at - now))

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Leave it to the protocol of websockets, as that knows it."""
        self._stop()
        self.transport.set_write_buffer_limits()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """All is taken."""
        super().resume_writing()
        self._stop_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is to come."""
        self._stop()
        self._stop_reader()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.flow.read_paused:  # it is we who are slow
            self._wait(self.silence_s)
        elif self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self.transport.close()

    def _await_reader(self) -> None:
        self._stop_reader()
        self._unread = self.transport.get_write_buffer_size()
        self._reader = self.loop.call_later(self.unread_s, self._check_reader)

    def _stop_reader(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _check_reader(self) -> None:
        if self._unread - self.transport.get_write_buffer_size() >= UNREAD_BYTES:
            self._await_reader()
        else:
            self.transport.abort()  # to close it would wait for the client to read
