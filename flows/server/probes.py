"""A question to a server that may be one of this machine -> its answer, past any proxy where it is."""

import http.client
import urllib.request
from typing import Any
from urllib.request import getproxies

from pipeline.model.network.web_addresses import proxy_for

ANSWER_S = 2.0


def open_url(question: urllib.request.Request | str) -> Any:
    """The answer, open for reading; as `urllib.request.urlopen`, with the proxy that `proxy_for` names.

    Raises:
        OSError, ValueError: there is none within ANSWER_S, or it is a refusal.
        SettingsError: the environment names a proxy that cannot be used.
    """
    url = question if isinstance(question, str) else question.full_url
    proxy = proxy_for(url, getproxies())
    ways = {url.partition(":")[0]: proxy} if proxy else {}
    try:
        return urllib.request.build_opener(urllib.request.ProxyHandler(ways)).open(question, timeout=ANSWER_S)
    except http.client.HTTPException as error:
        raise OSError(f"{url} is not answered in HTTP") from error  # another program has the port
