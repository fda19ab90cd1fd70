"""Views that read of one moment."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from pipeline.narration.core.context import Context

P = ParamSpec("P")
T = TypeVar("T")


def of_one_moment(view: Callable[Concatenate[Context, P], T]) -> Callable[Concatenate[Context, P], T]:
    """The view, with all that it reads of one moment: a count and what is listed beside it agree."""

    @wraps(view)
    def viewed(context: Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with context.store.snapshot():
            return view(context, *args, **kwargs)

    return viewed
