"""The body of an answer -> its bytes, within bounds.

Compressed bodies are opened piece by piece with a bound on what comes out, because a few kilobytes
can hold gigabytes.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import brotli
import httpx

from pipeline.errors import DamagedDocument, DocumentTooLarge

ENCODINGS = "gzip, deflate, br"
_PIECE_BYTES = 1_000_000


async def read_body(answer: httpx.Response, url: str, *, max_bytes: int) -> bytes:
    """The body, decoded (RFC 9110, 8.4).

    Args:
        answer: opened for streaming.
        url: for messages.
        max_bytes: of the decoded body; a coded one may be little longer.

    Raises:
        DocumentTooLarge: over `max_bytes`.
        DamagedDocument: not what its Content-Encoding says.
    """
    stated = answer.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > max_bytes:
        raise _too_large(url, max_bytes)
    decode = _decoder(answer.headers.get("content-encoding", ""))
    pieces, size, sent = [], 0, 0
    try:
        async for coded in answer.aiter_raw():
            sent += len(coded)  # a body can go on for ever and open to nothing
            if sent > max_bytes + _PIECE_BYTES:
                raise _too_large(url, max_bytes)
            for piece in decode(coded):
                pieces.append(piece)
                size += len(piece)
                if size > max_bytes:
                    raise _too_large(url, max_bytes)
    except (zlib.error, brotli.error) as error:
        raise DamagedDocument(f"{url} is not compressed as it says", path=url, remedy="try again later") from error
    return b"".join(pieces)


def _too_large(url: str, max_bytes: int) -> DocumentTooLarge:
    return DocumentTooLarge(f"{url} has more than {max_bytes // 1_000_000} MB", path=url, remedy="save it as a file")


Decode = Callable[[bytes], Iterator[bytes]]


def _decoder(encoding: str) -> Decode:
    """Opens the next piece of the body: undoes each coding, the last first."""
    decode: Decode = _as_is
    for name in reversed([name.strip().lower() for name in encoding.split(",")]):
        if name in {"gzip", "x-gzip", "deflate"}:
            decode = _after(decode, _Inflater())
        elif name == "br":
            decode = _after(decode, _unbrotlier())
    return decode


def _as_is(piece: bytes) -> Iterator[bytes]:
    yield piece


def _after(first: Decode, then: Decode) -> Decode:
    return lambda coded: (piece for inner in first(coded) for piece in then(inner))


class _Inflater:
    """gzip, of one or several members, and zlib by their headers; some servers send bare deflate under that name."""

    def __init__(self) -> None:
        self._inner: Any = None

    def __call__(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._inner is None or self._inner.eof:
                headless = piece[:2] != b"\x1f\x8b" and (piece[0] & 0x0F != 8 or int.from_bytes(piece[:2], "big") % 31)
                self._inner = zlib.decompressobj(-zlib.MAX_WBITS if headless else zlib.MAX_WBITS | 32)
            yield self._inner.decompress(piece, _PIECE_BYTES)
            piece = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail


def _unbrotlier() -> Decode:
    inner = brotli.Decompressor()

    def unpack(piece: bytes) -> Iterator[bytes]:
        yield inner.process(piece, output_buffer_limit=_PIECE_BYTES)
        while not inner.can_accept_more_data():
            yield inner.process(b"", output_buffer_limit=_PIECE_BYTES)

    return unpack
