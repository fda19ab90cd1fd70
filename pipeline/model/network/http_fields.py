"""Header fields of HTTP answers that more than one part of the house reads -> plain values."""

import re
from email.utils import parsedate_to_datetime


def parse_retry_after(value: str, *, now_s: float) -> float | None:
    """Seconds to wait from a Retry-After field (RFC 9110, 10.2.3), or None where it says nothing.

    Args:
        value: a number of seconds, or a date.
        now_s: the present moment, Unix time.

    >>> parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now_s=20.0)
    40.0
    """
    value = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, TypeError, IndexError):
        return None
