"""Services and proxies: what is on this machine is asked directly, what is elsewhere through the proxy, and a broken one is said."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.errors import BackendUnavailable, SettingsError
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.speech.registry import choose_voice
from pipeline.speech.services.openai_speech import OpenAIBackend
from tests.conftest import make_settings
from tests.proxies import open_proxy
from tests.remote.conftest import Rig
from tests.speech_service import SpeechService

ELSEWHERE = "http://198.51.100.7:8880/v1"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
Speak = Callable[[str], None]


@pytest.fixture
def speak(rig: Rig) -> Iterator[Speak]:
    """Has the service at an address speak one sentence."""
    opened: list[OpenAIBackend] = []

    def ask(base_url: str) -> None:
        settings = make_settings()
        backend = rig.backend(base_url=base_url)
        profile = backend_profile(settings.model_copy(update={"backends": {"rig": backend}}), "rig")
        assert profile.service
        opened.append(OpenAIBackend(profile.service, decode_audio))
        opened[-1].synthesize(SpeechRequest(("The lamp was lit.",), choose_voice(profile)))

    yield ask
    for backend in opened:
        backend.close()


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1"])
def test_text_for_a_service_on_this_machine_passes_no_proxy(
    speak: Speak, service: SpeechService, monkeypatch: pytest.MonkeyPatch, kind: str, host: str
) -> None:
    with open_proxy(kind, service.url) as proxy:
        for name in VARIABLES:
            monkeypatch.setenv(name, proxy.address)
        speak(service.url.replace("127.0.0.1", host))
        assert len(service.asks) == 1
        assert proxy.passed == []


@pytest.mark.parametrize(
    ("kind", "variable", "login"),
    [
        ("http", "HTTP_PROXY", ""),
        ("http", "ALL_PROXY", ""),
        ("socks5", "ALL_PROXY", ""),
        ("socks5", "all_proxy", "me:secret"),
    ],
)
def test_a_service_elsewhere_is_asked_through_the_proxy(
    speak: Speak, service: SpeechService, monkeypatch: pytest.MonkeyPatch, kind: str, variable: str, login: str
) -> None:
    with open_proxy(kind, service.url, login) as proxy:
        monkeypatch.setenv(variable, proxy.address)
        speak(ELSEWHERE)
        assert len(service.asks) == 1
        assert proxy.passed == ["198.51.100.7:8880"]


def test_a_desktops_way_to_write_a_socks_proxy_works(
    speak: Speak, service: SpeechService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_proxy("socks5", service.url) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.address.replace("socks5://", "socks://") + "/")
        speak(ELSEWHERE)
        assert len(proxy.passed) == 1


@pytest.mark.parametrize(
    "address", ["socks4://127.0.0.1:1", "http://", "htp://me:secret@proxy:80", "http://proxy:port"]
)
def test_a_broken_proxy_address_is_one_sentence(speak: Speak, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ALL_PROXY", address)
    with pytest.raises(SettingsError) as caught:
        speak(ELSEWHERE)
    said = f"{caught.value} {caught.value.remedy}"
    assert "ALL_PROXY" in said
    assert "secret" not in said


def _garbler() -> socket.socket:
    """A server that is no proxy at all."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listening.accept()
        with line:
            line.recv(1000)
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    return listening


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_is_not_there_or_is_none_costs_nothing_and_is_named(
    speak: Speak, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]
    with closing(_garbler()) as garbler:
        for there in [port, garbler.getsockname()[1]] if scheme == "socks5" else [port]:
            monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:secret@127.0.0.1:{there}")
            with pytest.raises(BackendUnavailable) as caught:
                speak(ELSEWHERE)
            assert f"{scheme}://127.0.0.1:{there}" in str(caught.value)
            assert "198.51.100.7" in str(caught.value)
            assert "secret" not in str(caught.value)
            assert not caught.value.billed
