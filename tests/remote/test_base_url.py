"""A base_url that is almost right: what was asked, how it answered, where it redirected, and what to write instead."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.errors import BackendUnavailable, BadClip, NarrationError, SettingsError
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.speech.registry import choose_voice
from pipeline.speech.services.openai_speech import OpenAIBackend
from tests.conftest import make_settings
from tests.remote.conftest import KEY, Rig
from tests.speech_service import SpeechService

PAGE = b"<!DOCTYPE html><html><body>Welcome to our house</body></html>"


class _Gateway(BaseHTTPRequestHandler):
    """Answers as its path says, and never with sound."""

    log: ClassVar[list[str]] = []

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.log.append(self.path)
        kind = self.path.split("/")[1]
        statuses = {"moved": 301, "secure": 308, "login": 302, "method": 405, "page": 200}
        self.send_response(statuses.get(kind, 404))
        places = {
            "moved": "/v1/audio/speech",
            "secure": f"https://me:secret@api.example.org/v1/audio/speech?key={KEY}",
            "login": "https://login.example.org/?next=%2Faudio",
        }
        if kind in places:
            self.send_header("Location", places[kind])
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)


@pytest.fixture
def gateway() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    _Gateway.log.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def speak(rig: Rig, base_url: str) -> None:
    settings = make_settings().model_copy(update={"backends": {"rig": rig.backend(base_url=base_url)}})
    profile = backend_profile(settings, "rig")
    assert profile.service
    backend = OpenAIBackend(profile.service, decode_audio)
    try:
        backend.synthesize(SpeechRequest(("The lamp was lit.",), choose_voice(profile)))
    finally:
        backend.close()


def refusal(rig: Rig, base_url: str, kind: type[NarrationError] = SettingsError) -> str:
    with pytest.raises(kind) as caught:
        speak(rig, base_url)
    said = f"{caught.value} {caught.value.remedy}"
    assert KEY not in said
    assert "secret" not in said
    return said


@pytest.mark.parametrize("end", ["", "/", "/audio/speech", "/audio/speech/", " "])
def test_the_whole_path_is_as_good_as_the_base(rig: Rig, service: SpeechService, end: str) -> None:
    speak(rig, service.url + end)
    assert [ask.status for ask in service.asks] == [200]


def test_a_missing_version_is_named(rig: Rig, gateway: str) -> None:
    said = refusal(rig, gateway)
    assert f"{gateway}/audio/speech" in said
    assert "404" in said
    assert f'write base_url = "{gateway}/v1"' in said


def test_a_wrong_path_with_a_version_names_the_address_and_the_models(rig: Rig, gateway: str) -> None:
    said = refusal(rig, f"{gateway}/api/v1")
    assert f"{gateway}/api/v1/audio/speech" in said
    assert "qwen-tts" in said
    assert f"{gateway}/method/v1/audio/speech" in refusal(rig, f"{gateway}/method/v1")


def test_a_redirect_is_shown_and_what_to_write_instead(rig: Rig, gateway: str) -> None:
    said = refusal(rig, f"{gateway}/moved/v1")
    assert f"{gateway}/moved/v1/audio/speech" in said
    assert "301" in said
    assert f"redirects to {gateway}/v1/audio/speech" in said
    assert f'write base_url = "{gateway}/v1"' in said
    assert 'write base_url = "https://api.example.org/v1"' in refusal(rig, f"{gateway}/secure")
    assert "redirects to https://login.example.org/" in refusal(rig, f"{gateway}/login/v1")
    assert _Gateway.log == ["/moved/v1/audio/speech", "/secure/audio/speech", "/login/v1/audio/speech"], "none followed"


def test_a_page_instead_of_sound_names_the_address(rig: Rig, gateway: str) -> None:
    said = refusal(rig, f"{gateway}/page", BadClip)
    assert f"{gateway}/page/audio/speech" in said
    assert "base_url" in said


def test_no_secret_of_an_address_is_shown(rig: Rig, gateway: str) -> None:
    own = gateway.replace("http://", "http://me:secret@")
    assert f"{gateway}/audio/speech" in refusal(rig, f"{own}?key=secret")
    assert "127.0.0.1:1/v1/audio/speech" in refusal(
        rig, "http://me:secret@127.0.0.1:1/v1?key=secret", BackendUnavailable
    )
