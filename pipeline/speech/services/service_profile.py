"""What is known of one speech service: where it is, what it takes, what it can do."""

from dataclasses import dataclass

from pipeline.model.voice import Capabilities

KIND = "openai"
SPEED_RANGE = (0.25, 4.0)
"""As OpenAI documents it."""
ENDPOINT = "/audio/speech"


@dataclass(frozen=True, slots=True)
class Service:
    """A profile of `config/backends`, as plain values."""

    name: str
    base_url: str
    """With the version, without a slash at its end: `https://api.openai.com/v1`."""
    key_variables: tuple[str, ...]
    """Environment variables that hold the keys, used in turn; empty where the service wants none."""
    response_format: str
    """What is asked for; empty to leave it to the service."""
    timeout_s: float
    """For the whole of one request."""
    retries: int
    streaming: bool
    """Ask for an event stream by `X-DashScope-SSE: enable`."""
    instructions: str
    """How to speak, for models that take it."""
    capabilities: Capabilities


def base_of(written: str) -> str:
    """The address of the interface: where the whole path of the endpoint was written, it is cut.

    >>> base_of("https://api.example.org/v1/audio/speech/")
    'https://api.example.org/v1'
    """
    address, mark, query = written.strip().partition("?")
    return address.rstrip("/").removesuffix(ENDPOINT).rstrip("/") + mark + query
