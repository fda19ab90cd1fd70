"""Header fields of HTTP answers that say when to ask again -> seconds."""

import re
import time
from email.utils import parsedate_to_datetime

_AGE = re.compile(r"(?:^|[\s,])(?:max-age|s-maxage)\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_UNCACHED = re.compile(r"\b(?:no-cache|no-store)\b", re.IGNORECASE)


def parse_retry_after(value: str) -> float | None:
    """Seconds to wait from a Retry-After field (RFC 9110, 10.2.3), or None where it says nothing."""
    value = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError):
        return None


def parse_freshness(cache_control: str) -> float:
    """Seconds for which an answer stays fresh by its Cache-Control field (RFC 9111, 5.2.2); 0 where it does not say."""
    found = _AGE.search(cache_control)
    return float(found[1]) if found and not _UNCACHED.search(cache_control) else 0.0
