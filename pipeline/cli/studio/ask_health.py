"""Whether the studio of the data directory in force answers: `python -m pipeline.cli.studio.ask_health`, exit 0 or 1.

The health check of a container. It asks as everybody has to: with the token.
"""

import json
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.cli.studio.studio_token import read_token
from pipeline.errors import StoreError
from pipeline.settings.places import find_data

TIMEOUT_S = 3.0


def is_healthy(data: Path) -> bool:
    """True where a studio of that data directory says that it is well."""
    try:
        address = str(json.loads((data / "work" / "up.json").read_text("utf-8"))["studio"])
        loopback = f"http://127.0.0.1:{urlsplit(address).port}"
    except (OSError, ValueError, KeyError):
        return False
    token = _token(data)
    # one that listens on a single address has no loopback
    return is_answering(loopback, token) or is_answering(address, token)


def is_answering(address: str, token: str) -> bool:
    """True where the studio at an address of this machine says that it is well.

    Args:
        address: `http://127.0.0.1:8750`, say.
        token: that it asks for; empty where it cannot be read, and the answer is a refusal.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    question = urllib.request.Request(f"{address}/health", headers=headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to this machine
    try:
        with direct.open(question, timeout=TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, HTTPException):
        return False


def _token(data: Path) -> str:
    try:
        return read_token(data)
    except StoreError:
        return ""  # the studio will refuse the question


if __name__ == "__main__":
    sys.exit(not is_healthy(find_data().path))
