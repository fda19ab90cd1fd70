"""Parts of Bookcast that are installed on request: what each is for, and the sentence where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pipeline.errors import MissingExtra

Extra = Literal["feeds", "zh"]
PURPOSES: dict[Extra, str] = {"feeds": "Article feeds and web pages", "zh": "Numbers in Chinese text"}
"""What cannot be done without the extra; the beginning of a sentence, in the plural."""
LIBRARIES: dict[Extra, tuple[str, ...]] = {"feeds": ("trafilatura", "feedparser", "babel"), "zh": ("wetext",)}
"""By the names under which they are installed."""


@contextmanager
def needing(extra: Extra) -> Iterator[None]:
    """Imports of the libraries of an extra go inside.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:  # not any ImportError: what is there and cannot be loaded is not missing
        raise MissingExtra(f"{PURPOSES[extra]} need an extra that is not installed", extra=extra) from error
