"""Cache-Control of an answer -> for how long it need not be asked again (RFC 9111, 5.2.2)."""

import re

_AGE = re.compile(r"(?:^|[\s,])(?:max-age|s-maxage)\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_UNCACHED = re.compile(r"\b(?:no-cache|no-store)\b", re.IGNORECASE)


def parse_freshness(cache_control: str) -> float:
    """Seconds for which an answer stays fresh; 0 where it does not say."""
    found = _AGE.search(cache_control)
    return float(found[1]) if found and not _UNCACHED.search(cache_control) else 0.0
