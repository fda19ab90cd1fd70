"""podcastparser, which knows the podcast namespace by the address of its document alone, told of its proper name."""

from io import BytesIO
from typing import Any

import podcastparser

podcastparser.Namespace.NAMESPACES["https://podcastindex.org/namespace/1.0"] = "podcast"


def read_podcast(data: bytes, url: str = "https://pods.example/feed.xml") -> dict[str, Any]:
    found: dict[str, Any] = podcastparser.parse(url, BytesIO(data))
    return found
