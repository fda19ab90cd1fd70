"""No head of a request, whoever sends it, keeps the studio busy before it knows who asks."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from pipeline.web.server.forwarded import as_sent
from pipeline.web.server.guard import Guard
from tests.growth import MOST_GROWTH, growth
from tests.web.conftest import TOKEN, own_access

FIELDS = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "cookie", "authorization", "origin")
UNITS = ("a", "=", ";", ",", '"', "\\", '\\"', 'a="\\', "a=b;", "for=1.2.3.4,", "[", " ", ":")
HEAD_CHARS = 8_000
"""So much is read; heads may be longer (asyncio takes 256 KiB at once), and growth looks at four times as much."""


def status_of(field: str, value: str, *trusted: str) -> int:
    """What the guard answers to a request with that header, which comes from this machine."""
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(b"host", b"127.0.0.1"), (field.encode(), value.encode("latin-1"))]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "scheme": "http",
        "client": ("127.0.0.1", 9),
        "headers": headers,
    }
    access = own_access(trusted_proxies=trusted)
    asyncio.run(Guard(PlainTextResponse("in"), access)(scope, receive, send))
    return int(told[0]["status"])


def sending(field: str, *trusted: str) -> Callable[[str], Callable[[], object]]:
    return lambda text: lambda: status_of(field, text, *trusted)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)], ids=["a stranger", "a proxy"])
def test_no_header_takes_longer_to_read_than_in_proportion_to_its_length(field: str, trusted: tuple[str, ...]) -> None:
    grown = {unit: growth(sending(field, *trusted), unit, HEAD_CHARS) for unit in UNITS}
    assert all(exponent < MOST_GROWTH for exponent in grown.values()), grown


def test_what_a_proxy_says_at_great_length_does_not_count() -> None:
    scope = {"type": "http", "scheme": "http", "client": ("127.0.0.1", 9), "headers": []}
    trusted = own_access(trusted_proxies=("127.0.0.1",)).trusted_proxies
    for field, value in (("x-forwarded-proto", "https"), ("forwarded", "proto=https")):
        told = {**scope, "headers": [(field.encode(), value.encode())]}
        assert as_sent(told, trusted)["scheme"] == "https"
        padded = {**scope, "headers": [(field.encode(), b"a," * 5_000 + value.encode())]}
        assert as_sent(padded, trusted)["scheme"] == "http"


@pytest.mark.parametrize(
    "cookie",
    [
        "OURS=TOKEN",
        "other=1; OURS=TOKEN",
        "other=[not, a: cookie}; OURS=TOKEN; last",
        'other="half; OURS=TOKEN',
        "a b=c;OURS=TOKEN",
    ],
)
def test_cookies_of_other_programs_on_this_host_do_not_shut_anybody_out(cookie: str) -> None:
    assert status_of("cookie", cookie.replace("OURS", own_access().cookie).replace("TOKEN", TOKEN)) == 200


@pytest.mark.parametrize("cookie", ["OURS", "OURS=", "OURS=wrong", "notOURS=TOKEN", "=TOKEN", ""])
def test_no_other_cookie_lets_anybody_in(cookie: str) -> None:
    assert status_of("cookie", cookie.replace("OURS", own_access().cookie).replace("TOKEN", TOKEN)) == 401
