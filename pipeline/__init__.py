"""Bookcast: documents -> narrated audio. The public Python API.

`narrate` and `estimate` work on a data directory of their own for the time of the call; `open_library` keeps one open
for several. Everything else in this package is free to change.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.narration.core.run_state import Summary
    from pipeline.narration.library import Library, estimate, narrate, open_library
    from pipeline.narration.running.estimate import Estimate

    __version__: str

__all__ = ["Estimate", "Library", "Summary", "__version__", "estimate", "narrate", "open_library"]

_HOMES = {
    "Estimate": "pipeline.narration.running.estimate",
    "Library": "pipeline.narration.library",
    "Summary": "pipeline.narration.core.run_state",
    "estimate": "pipeline.narration.library",
    "narrate": "pipeline.narration.library",
    "open_library": "pipeline.narration.library",
}


def __getattr__(name: str) -> Any:
    """What is public, imported when it is first asked for: worker processes import this package and need none of it."""
    if name == "__version__":
        return _installed_version()
    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bookcast")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0"
