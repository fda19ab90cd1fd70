"""The credential of a data directory's Prefect server: made at the first start, for the eyes of its owner alone."""

import secrets
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from pipeline.errors import StoreError
from pipeline.store.files.secret_file import keep_secret, write_secret

FILE = "credential"
_SHORTEST = 40


def keep_private(folder: Path) -> None:
    """Make the folder of Prefect's files, or close to others one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # some disks know no rights
        folder.chmod(0o700)


def credential_of(folder: Path) -> str:
    """The credential, as Prefect writes it: `user:password`; it is made where there is none yet.

    Args:
        folder: of Prefect's files in the data directory.

    Raises:
        StoreError: the file cannot be read or written, or does not hold a whole credential.
    """
    path = folder / FILE
    with FileLock(folder / f"{FILE}.lock"):  # of programs that start at once, one makes it
        if not path.exists():
            write_secret(path, f"bookcast:{secrets.token_urlsafe(32)}")
        keep_secret(path)
        try:
            credential = path.read_text("utf-8").strip()
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}", remedy="bookcast doctor") from error
    if ":" not in credential or len(credential) < _SHORTEST:
        raise StoreError(f"The credential in {path} is damaged", remedy="delete the file and start again")
    return credential


def authorization(credential: str) -> dict[str, str]:
    """The header that carries a credential (RFC 7617); none for an empty one."""
    return {"Authorization": f"Basic {b64encode(credential.encode()).decode()}"} if credential else {}
