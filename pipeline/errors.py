"""Every error Bookcast raises on purpose, as one tree.

    NarrationError                     exit 1   remedy, attempts
    +-- SettingsError                  exit 2   file, key
    |   +-- UnknownBackend, UnknownVoice
    |   |   +-- VoiceNotInModel
    |   +-- MissingExtra               extra
    +-- DocumentError                  exit 3   path
    |   +-- UnsupportedFormat, DamagedDocument, ProtectedDocument, EmptyDocument, DocumentTooLarge
    |   +-- PageUnavailable            status, retry_after_s
    +-- SynthesisError                 exit 5   backend, chunk_id, billed
    |   +-- TextTooLong, TextRejected, UnsupportedLanguage, BadClip
    |   +-- AuthenticationFailed, QuotaExhausted, BudgetExceeded, ServiceFailing    (stop the run, keep what is done)
    |   +-- TransientSynthesisError    retryable
    |       +-- BackendUnavailable, BackendTimeout
    |       +-- RateLimited            retry_after_s, quota
    +-- AudioError                     exit 6
    +-- StoreError                     exit 7
    |   +-- NotFound
    |   +-- DamagedClips               chunk_ids
    +-- PublishError                   exit 8
    |   +-- UnusablePicture
    |       +-- PictureNotRead                         (publish/cover_image)
    +-- PartialFailure                 exit 9   failures
    |   +-- BatchIncomplete            result      (narration/speaking/batch_result)
    |   +-- BookIncomplete             summary     (narration/core/run_state)
    |   +-- FeedsIncomplete            summary     (feeds/feeds_summary)
    +-- Interrupted                    exit 130

A message says what, which and why in one sentence; `remedy` names one command or setting to try.
All of them survive pickling, because worker processes raise them too.
"""

import copyreg
from typing import Any, ClassVar, NamedTuple


class NarrationError(Exception):
    """Base of all our errors."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    stops_run: ClassVar[bool] = False
    """True where going on with other chunks would only waste time or money."""
    default_remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy or self.default_remedy
        self.attempts = 1
        """Requests that were made before it was given up."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Its fields travel beside its message; the constructor, which may insist on some, is not called again."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class SettingsError(NarrationError):
    """A setting, or the command line, asks for something that cannot be."""

    exit_code = 2
    stops_run = True

    def __init__(self, message: str, *, file: str = "", key: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.file = file
        self.key = key


class UnknownBackend(SettingsError):
    """No backend of that name is configured."""


class UnknownVoice(SettingsError):
    """The backend has no voice of that name."""


class VoiceNotInModel(UnknownVoice):
    """The backend has that voice, but the chosen model does not take it."""


class MissingExtra(SettingsError):
    """A part of Bookcast that is installed on request is not there."""

    stops_run = False  # one article in Chinese must not keep a feed's others

    def __init__(self, message: str, *, extra: str) -> None:
        super().__init__(message, remedy=f"pip install 'bookcast[{extra}]'")
        self.extra = extra


class DocumentError(NarrationError):
    """The document cannot be read."""

    exit_code = 3
    default_remedy = "download the document again, or export it anew from the program that made it"

    def __init__(self, message: str, *, path: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.path = path
        """Of a file, or an address."""


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

    def __init__(
        self, message: str, *, path: str = "", status: int = 0, retry_after_s: float | None = None, remedy: str = ""
    ) -> None:
        super().__init__(message, path=path, remedy=remedy)
        self.status = status
        """Of HTTP; 0 where there was no answer."""
        self.retry_after_s = retry_after_s
        """What the server asked for."""


class SynthesisError(NarrationError):
    """A voice could not speak a text."""

    exit_code = 5

    def __init__(
        self, message: str, *, backend: str = "", chunk_id: str = "", billed: bool = False, remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.backend = backend
        self.chunk_id = chunk_id
        self.billed = billed
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

    def __init__(
        self,
        message: str,
        *,
        backend: str = "",
        chunk_id: str = "",
        billed: bool = False,
        retry_after_s: float | None = None,
        quota: bool = False,
        remedy: str = "",
    ) -> None:
        super().__init__(message, backend=backend, chunk_id=chunk_id, billed=billed, remedy=remedy)
        self.retry_after_s = retry_after_s
        """What the service asked for."""
        self.quota = quota
        """True where the service does not say whether its rate or the balance is used up."""


class AudioError(NarrationError):
    """Sound that cannot be decoded, measured or encoded."""

    exit_code = 6


class StoreError(NarrationError):
    """The database or a file of the data directory fails."""

    exit_code = 7
    stops_run = True


class NotFound(StoreError):
    """Nothing of that name or id is stored."""


class DamagedClips(StoreError):
    """Stored clips whose files are missing or changed; they were dropped and can be made again."""

    stops_run = False

    def __init__(self, message: str, *, chunk_ids: tuple[str, ...] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.chunk_ids = chunk_ids


class PublishError(NarrationError):
    """A release cannot be written."""

    exit_code = 8
    stops_run = True


class UnusablePicture(PublishError):
    """A cover that cannot be read, or that asks for more than a cover may."""

    stops_run = False
    default_remedy = "use a JPEG or PNG file"


class Failure(NamedTuple):
    """One thing that failed; a pair, which JSON prints as one."""

    what: str
    """Id of a chunk, or title or address of an article or feed."""
    reason: str


class PartialFailure(NarrationError):
    """Everything else was done; these things failed.

    What was done is a field of the subclass that stands beside its type.
    """

    exit_code = 9

    def __init__(self, message: str, *, failures: tuple[Failure, ...] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.failures = failures


class Interrupted(NarrationError):
    """The user or the system asked the run to stop."""

    exit_code = 130
    stops_run = True
