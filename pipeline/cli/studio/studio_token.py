"""The token that lets people and their programs into the studio: made once, readable by its owner alone.

It outlives restarts, so that links, cookies and the settings of programs do so, too.
"""

import secrets
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store.files.secret_file import keep_secret, write_secret


def token_file(data: Path) -> Path:
    """Where it is."""
    return data / "work" / "studio-token"


def make_token(data: Path) -> bool:
    """Make the token unless it is there; True where it was made now. Raises: StoreError."""
    path = token_file(data)
    if path.exists():
        keep_secret(path)
        return False
    write_secret(path, secrets.token_urlsafe(32))
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
