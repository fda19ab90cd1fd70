"""An error -> what a form says of it, at the field that it is about."""

from dataclasses import dataclass

from pipeline.errors import NarrationError, UnsupportedLanguage
from pipeline.web.server.error_answers import ApiError, as_api_error

FORM_ERRORS = (ApiError, NarrationError)
"""What a form answers by showing itself again, with all that was typed."""


@dataclass(frozen=True, slots=True)
class FormFault:
    """What is wrong with a form."""

    text: str
    """One or two sentences: what is wrong, and what to try."""
    field: str
    """Name of the field that it is about, or empty."""
    status: int = 400


def fault_of(error: ApiError | NarrationError) -> FormFault:
    """How a form tells an error; folders of this machine are left out."""
    told = error if isinstance(error, ApiError) else as_api_error(error)
    field, remedy = (told.param or "").rpartition(".")[2], told.remedy
    if isinstance(error, UnsupportedLanguage):  # the other remedy is an option of the command line
        field, remedy = "voice", "choose a voice that reads this language"
    tried = f" Try: {remedy.rstrip('.')}." if remedy else ""
    return FormFault(f"{str(told).rstrip('.')}.{tried}", field, told.status)
