"""Speech services with OpenAI's interface: `POST {base_url}/audio/speech`, JSON in, sound out.

One request a call and no retry: who calls decides about limits, money and patience. An error says by
`billed` whether the service may have counted the characters all the same.
"""

import time
from importlib.metadata import version
from typing import Any
from urllib.request import getproxies

import httpx
import socksio

from pipeline.errors import (
    AudioError,
    AuthenticationFailed,
    BackendTimeout,
    BackendUnavailable,
    BadClip,
    NarrationError,
    QuotaExhausted,
    SettingsError,
    TextTooLong,
)
from pipeline.model.audio import SAMPLE_RATE_HZ
from pipeline.model.network.web_addresses import bare_address, proxy_for
from pipeline.model.voice import Capabilities, Speech, SpeechRequest
from pipeline.speech.backend import Decode
from pipeline.speech.sentence_times import estimate_sentence_ends
from pipeline.speech.services.service_address import endpoint_of
from pipeline.speech.services.service_answers import Sound, read_answer
from pipeline.speech.services.service_errors import refusal
from pipeline.speech.services.service_keys import Keys
from pipeline.speech.services.service_profile import Service

CONNECT_TIMEOUT_S = 15.0
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, socksio.SOCKSError)
"""No connection, so nothing was sent and nothing can be billed."""
MAX_ANSWER_BYTES = 100_000_000
"""Half an hour of uncompressed speech; a longer answer is none."""


class OpenAIBackend:
    """One service; its connections are shared by all threads that speak through it."""

    def __init__(self, service: Service, decode: Decode) -> None:
        """Raises: SettingsError where a key is not in the environment, or the address or a proxy is none."""
        self.service = service
        self._decode = decode
        self._keys = Keys(service.name, service.key_variables)
        pool = service.capabilities.concurrency + 2
        timeout = httpx.Timeout(service.timeout_s, connect=min(CONNECT_TIMEOUT_S, service.timeout_s))
        try:
            self._url = endpoint_of(service.base_url)
            self._asked = bare_address(str(self._url))
            proxy = proxy_for(str(self._url), getproxies())
            self._via = f" through the proxy {bare_address(proxy)}" if proxy else ""
            limits = httpx.Limits(max_connections=pool, max_keepalive_connections=pool)
            self._client = httpx.Client(
                timeout=timeout,
                # own certificates come from the environment, too: SSL_CERT_FILE
                transport=httpx.HTTPTransport(proxy=proxy or None, limits=limits),
                headers={"User-Agent": f"bookcast/{version('bookcast')}"},
            )
        except (httpx.InvalidURL, ValueError, OSError) as error:
            raise SettingsError(
                f"Backend {service.name} cannot be reached as it is set up: {error}",
                key=f"backends.{service.name}.base_url",
                remedy="check base_url, and HTTPS_PROXY and SSL_CERT_FILE in the environment",
            ) from error

    @property
    def capabilities(self) -> Capabilities:
        """As its profile says."""
        return self.service.capabilities

    def synthesize(self, request: SpeechRequest) -> Speech:
        """One request to the service.

        Raises:
            TextTooLong, TextRejected, BadClip, AuthenticationFailed, QuotaExhausted: as the service says.
            BackendUnavailable, BackendTimeout, RateLimited: worth trying again.
            SettingsError: it has no such model or voice, or is no such service.
        """
        return self.hear(self.ask(request), request)

    def ask(self, request: SpeechRequest) -> Sound:
        """The first half of `synthesize`, while the service is busy with us: send the request, read the answer.

        Raises: as `synthesize`.
        """
        text = request.text
        if len(text) > self.capabilities.max_chars:
            raise TextTooLong(f"{len(text)} characters in one request", backend=self.service.name)
        return self._ask(self._body(request, text), request.choice.model)

    def hear(self, sound: Sound, request: SpeechRequest) -> Speech:
        """The second half, which needs nobody: decode the answer.

        Raises:
            BadClip: it cannot be decoded.
        """
        try:
            samples = self._decode(sound.file)
        except AudioError as error:
            raise BadClip(f"{self.service.name}: {error}", backend=self.service.name, billed=True) from error
        ends = estimate_sentence_ends(samples, SAMPLE_RATE_HZ, request.sentences)
        return Speech(samples=samples, sample_rate_hz=SAMPLE_RATE_HZ, sentence_ends_samples=ends, exact=len(ends) == 1)

    def close(self) -> None:
        """Close every connection; requests under way fail."""
        self._client.close()

    def _body(self, request: SpeechRequest, text: str) -> dict[str, Any]:
        choice = request.choice
        body: dict[str, Any] = {"model": choice.model, "input": text, "voice": choice.voice, "speed": choice.speed}
        if self.service.response_format:
            body["response_format"] = self.service.response_format
        if choice.style:
            body["instructions"] = choice.style
        return body

    def _ask(self, body: dict[str, Any], model: str) -> Sound:
        """Send one request and read its answer; no key ever leaves in an error."""
        key = self._keys.next()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if self.service.streaming:
            headers["X-DashScope-SSE"] = "enable"
        try:
            return self._send(body, headers, model)
        except NarrationError as error:
            if isinstance(error, AuthenticationFailed | QuotaExhausted) and self._keys.reject(key):
                # Another key may be valid and have money left, so this becomes an error that is worth another try.
                error = BackendUnavailable(f"{error}; the next key is used", backend=self.service.name)
            error.args = (self._keys.hide(str(error)),)
            error.remedy = self._keys.hide(error.remedy)
            raise error from None  # the cause may hold the request with its key

    def _send(self, body: dict[str, Any], headers: dict[str, str], model: str) -> Sound:
        deadline = time.monotonic() + self.service.timeout_s
        answered = False
        try:
            with self._client.stream("POST", self._url, json=body, headers=headers) as answer:
                answered = answer.status_code == 200
                data = _read(answer, deadline)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise SettingsError(f"{self._asked} is not the address of a service: {error}", key="base_url") from error
        # No connection, so nothing was sent and nothing can be billed.
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.ProxyError,
            socksio.SOCKSError,
        ) as error:
            why = str(error) or type(error).__name__
            raise BackendUnavailable(
                f"{self.service.name} cannot be reached at {self._asked}{self._via}: {why}", backend=self.service.name
            ) from error
        # From here on the request may have arrived, so it may be billed without an answer.
        except (httpx.TimeoutException, TimeoutError) as error:
            raise BackendTimeout(
                f"{self.service.name} did not answer within {self.service.timeout_s:g} s",
                backend=self.service.name,
                billed=True,
            ) from error
        except (httpx.HTTPError, httpx.StreamError, RuntimeError) as error:
            # Half an answer is paid for like a bad one, and tries that are paid for are few.
            kind = BadClip if answered else BackendUnavailable
            raise kind(
                f"{self.service.name} broke off: {error or type(error).__name__}",
                backend=self.service.name,
                billed=True,
            ) from error
        if not answered:
            raise refusal(
                self.service, answer.status_code, headers=answer.headers, body=data, model=model, asked=self._asked
            )
        kind = answer.headers.get("content-type", "")
        return read_answer(data, kind, self.service.response_format, asked=self._asked)


def _read(answer: httpx.Response, deadline: float) -> bytes:
    """The whole body. httpx refuses one that is shorter than its Content-Length.

    Raises:
        TimeoutError: it drips in more slowly than the whole request may take.
        BadClip: it does not end.
    """
    pieces, size = [], 0
    for piece in answer.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise BadClip(f"The answer is longer than {MAX_ANSWER_BYTES:,} bytes", billed=True)
        # httpx limits the wait for each piece, which a service that drips never reaches.
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(pieces)
