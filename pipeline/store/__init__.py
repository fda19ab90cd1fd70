"""Everything that is kept: an index in SQLite, and files named by their content beside it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.store.store import Store

__all__ = ["Store"]


def __getattr__(name: str) -> Any:
    """`Store`, imported when it is asked for: worker processes write files of this package and need no database."""
    if name != "Store":
        raise AttributeError(f"module 'pipeline.store' has no attribute {name!r}")
    from pipeline.store.store import Store

    return Store
