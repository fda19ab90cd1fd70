"""The token that lets people and their programs into the studio: made once, readable by its owner alone.

It outlives restarts, so that links, cookies and the settings of programs do so, too.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pipeline.errors import StoreError


def token_file(data: Path) -> Path:
    """Where it is."""
    return data / "work" / "studio-token"


def make_token(data: Path) -> bool:
    """Make the token unless it is there; True where it was made now."""
    path = token_file(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        with suppress(OSError):
            path.chmod(0o600)  # a copy that was brought back can have lost its rights
        return False
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return True


def read_token(data: Path) -> str:
    """The token. Raises: StoreError where there is none."""
    try:
        token = token_file(data).read_text("utf-8").strip()
    except OSError as error:
        raise StoreError("The studio has no token", remedy="start it with `bookcast up`") from error
    if len(token) < 32:
        raise StoreError(f"The token in {token_file(data)} is damaged", remedy="delete the file and start again")
    return token
