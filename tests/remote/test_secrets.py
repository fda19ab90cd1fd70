"""The key stays in the environment; the way to the service is what the environment says."""

import json
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import openai
import pytest
import trustme

from pipeline.errors import NarrationError
from tests.conftest import Desk
from tests.program import bookcast
from tests.proxies import open_proxy
from tests.remote.conftest import KEY, Rig
from tests.remote.test_narration import RIG, paragraphs, write_book
from tests.speech_service import SpeechService
from tests.tone_code import find_codes, say_code

MakeDesk = Callable[..., Desk]


@pytest.mark.parametrize("fault", ["", "rejected", "json", "reset", "401", "echo"])
def test_the_key_is_nowhere_but_in_the_request(
    remote_desk: MakeDesk,
    service: SpeechService,
    tmp_path: Path,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    desk = remote_desk(retries=1)
    if fault == "echo":
        service.keys = ("sk-other",)  # the service repeats the wrong key in its answer
    else:
        service.fault = lambda text, nth: fault
    said = ""
    try:
        desk.narrate(write_book(tmp_path, paragraphs(3)), RIG)
    except NarrationError as error:
        context = error.__cause__ or error.__context__
        said = f"{error} {error.remedy} {error.__dict__} {context!r}"
    assert service.asks[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in said + caplog.text + repr(desk.events)
    files = [path for path in desk.data.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_no_command_prints_the_key(
    rig: Rig, service: SpeechService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.keys = ("sk-other",)
    config = rig.toml(tmp_path)
    book = write_book(tmp_path, paragraphs(2))
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    for arguments in (["narrate", str(book), "--direct"], ["say", "Hello.", "-o", str(tmp_path / "a.wav")], ["doctor"]):
        done = bookcast("--config", str(config), "--data", str(tmp_path / "d"), *arguments)
        assert KEY not in done.stdout + done.stderr
        if arguments[0] in {"narrate", "say"}:
            assert (done.returncode, "RIG_API_KEY" in done.stderr) == (5, True), done.stderr


def test_the_official_client_speaks_with_the_test_service(service: SpeechService) -> None:
    """Which shows that the service that all these tests trust speaks the real protocol."""
    text = "The lamp was lit."
    client = openai.OpenAI(api_key=KEY, base_url=service.url, max_retries=0, http_client=_plain())
    answer = client.audio.speech.create(model="qwen-tts", voice="Cherry", input=text, response_format="wav")
    from pipeline.audio.pcm import decode_audio

    assert find_codes(decode_audio(answer.content))[0][0] == service.number(text)
    assert len(decode_audio(answer.content)) == len(say_code(1, text))
    for wrong, kind in (
        ({"voice": "nobody"}, openai.BadRequestError),
        ({"model": "none"}, openai.NotFoundError),
        ({"input": "word " * 600}, openai.BadRequestError),
    ):
        with pytest.raises(kind) as caught:
            client.audio.speech.create(
                **{"model": "qwen-tts", "voice": "Cherry", "input": text, "response_format": "wav", **wrong}
            )
        assert caught.value.code in {"invalid_voice", "model_not_found", "text_too_long"}
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(
            api_key="sk-wrong", base_url=service.url, max_retries=0, http_client=_plain()
        ).audio.speech.create(model="qwen-tts", voice="Cherry", input=text)
    client.close()


def _plain() -> httpx.Client:
    return httpx.Client(trust_env=False)


def test_a_proxy_of_the_environment_is_used(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_proxy("http", service.url) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        desk = remote_desk(base_url="http://198.51.100.7:8880/v1")
        desk.narrate(write_book(tmp_path, paragraphs(2), chapters=1), RIG)
        assert set(proxy.passed) == {"198.51.100.7:8880"}, "by one connection or several"
        assert len(service.asks) == 3


def test_a_certificate_of_ones_own_is_trusted_where_the_environment_names_it(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    assert service._server
    service._server.socket = context.wrap_socket(service._server.socket, server_side=True)
    url = service.url.replace("http://", "https://")
    book = write_book(tmp_path, paragraphs(1), chapters=1)
    with pytest.raises(NarrationError, match="lacks"):
        remote_desk("untrusted", base_url=url, retries=0).narrate(book, RIG)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert remote_desk("trusted", base_url=url).narrate(book, RIG).synthesized == 2


def test_a_service_that_is_not_there_is_named(remote_desk: MakeDesk, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    desk = remote_desk(base_url=f"http://127.0.0.1:{port}/v1", retries=0)
    with pytest.raises(NarrationError) as caught:
        desk.narrate(write_book(tmp_path, paragraphs(1), chapters=1), RIG)
    assert "cannot be reached" in json.dumps(caught.value.failures)
