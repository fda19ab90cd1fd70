"""Every error Bookcast raises on purpose, as one tree.

    NarrationError                     exit 1
    +-- SettingsError                  exit 2   file, key
    |   +-- UnknownBackend, UnknownVoice
    +-- DocumentError                  exit 3   path
    |   +-- UnsupportedFormat, DamagedDocument, ProtectedDocument, EmptyDocument, DocumentTooLarge
    |   +-- PageUnavailable            status, retry_after_s
    +-- SynthesisError                 exit 5   backend, chunk_id
    |   +-- TextTooLong, TextRejected, UnsupportedLanguage, BadClip
    |   +-- AuthenticationFailed, QuotaExhausted, BudgetExceeded, ServiceFailing    (stop the run, keep what is done)
    |   +-- TransientSynthesisError    retryable
    |       +-- BackendUnavailable, BackendTimeout, RateLimited
    +-- AudioError                     exit 6
    +-- StoreError                     exit 7
    |   +-- DamagedClips               chunk_ids
    +-- PublishError                   exit 8
    +-- PartialFailure                 exit 9   failures
    +-- Interrupted                    exit 130

A message says what, which and why in one sentence; `remedy` names one command or setting to try.
All of them survive pickling, because worker processes raise them too.
"""

from typing import ClassVar


class NarrationError(Exception):
    """Base of all our errors; keyword fields given to it become attributes."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    stops_run: ClassVar[bool] = False
    """True where going on with other chunks would only waste time or money."""
    default_remedy: ClassVar[str] = ""
    attempts: int = 1
    """Requests that were made before it was given up."""

    def __init__(self, message: str, *, remedy: str = "", **fields: object) -> None:
        super().__init__(message)
        self.remedy = remedy or self.default_remedy
        self.__dict__.update(fields)


class SettingsError(NarrationError):
    """A setting, or the command line, asks for something that cannot be."""

    exit_code = 2
    stops_run = True
    file: str = ""
    key: str = ""


class UnknownBackend(SettingsError):
    """No backend of that name is configured."""


class UnknownVoice(SettingsError):
    """The backend, or its model, has no voice of that name."""


class DocumentError(NarrationError):
    """The document cannot be read."""

    exit_code = 3
    default_remedy = "download the document again, or export it anew from the program that made it"
    path: str = ""


class UnsupportedFormat(DocumentError):
    """Not a kind of document that Bookcast reads."""


class DamagedDocument(DocumentError):
    """The bytes do not hold what their format promises."""


class ProtectedDocument(DocumentError):
    """The text is encrypted (DRM)."""


class EmptyDocument(DocumentError):
    """Nothing in it can be spoken."""


class DocumentTooLarge(DocumentError):
    """Over a bound that protects memory and time."""


class PageUnavailable(DocumentError):
    """A web server answered with an error, or not at all."""

    status: int = 0
    """Of HTTP; 0 where there was no answer."""
    retry_after_s: float | None = None
    """What the server asked for."""


class SynthesisError(NarrationError):
    """A voice could not speak a text."""

    exit_code = 5
    backend: str = ""
    chunk_id: str = ""
    billed: bool = False
    """True where the service may have counted the characters all the same."""


class TextTooLong(SynthesisError):
    """Over the backend's limit for one request."""


class TextRejected(SynthesisError):
    """The backend refuses this text for good."""


class UnsupportedLanguage(SynthesisError):
    """The voice cannot read the language of a passage."""


class BadClip(SynthesisError):
    """Empty, silent, clipped or of a length that cannot be this text."""

    retryable = True


class AuthenticationFailed(SynthesisError):
    """The service does not accept the key."""

    stops_run = True


class QuotaExhausted(SynthesisError):
    """The service's balance or quota is used up."""

    stops_run = True


class BudgetExceeded(SynthesisError):
    """The user's own cap is reached."""

    stops_run = True


class ServiceFailing(SynthesisError):
    """So many chunks failed one after the other that the service itself must be the reason."""

    stops_run = True


class TransientSynthesisError(SynthesisError):
    """Worth trying again."""

    retryable = True


class BackendUnavailable(TransientSynthesisError):
    """The backend, or its process, went away."""


class BackendTimeout(TransientSynthesisError):
    """No answer in time."""


class RateLimited(TransientSynthesisError):
    """Asked too often."""

    retry_after_s: float | None = None
    quota: bool = False
    """True where the service does not say whether its rate or the balance is used up."""


class AudioError(NarrationError):
    """Sound that cannot be decoded, measured or encoded."""

    exit_code = 6


class StoreError(NarrationError):
    """The database or a file of the data directory fails."""

    exit_code = 7
    stops_run = True


class DamagedClips(StoreError):
    """Stored clips whose files are missing or changed; they were dropped and can be made again."""

    stops_run = False
    chunk_ids: tuple[str, ...] = ()


class PublishError(NarrationError):
    """A release cannot be written."""

    exit_code = 8
    stops_run = True


class PartialFailure(NarrationError):
    """Everything else was done; these things failed."""

    exit_code = 9
    failures: tuple[tuple[str, str], ...] = ()
    """(what, reason) pairs."""


class Interrupted(NarrationError):
    """The user or the system asked the run to stop."""

    exit_code = 130
    stops_run = True
