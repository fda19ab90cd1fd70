"""Subscribers -> the secret part of their addresses, and back; worked out anew each time and written nowhere."""

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress

from pipeline.narration.core.context import Context
from pipeline.store.files.secret_file import write_secret
from pipeline.store.records.podcast_rows import Subscriber


def address_token(context: Context, subscriber: str) -> str:
    """What stands in the addresses of a subscriber; nobody can guess it."""
    digest = hmac.new(_secret(context), f"subscriber {subscriber}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def find_subscriber(context: Context, token: str) -> Subscriber | None:
    """Whose address it is."""
    for subscriber in context.store.podcasts.subscribers():
        if hmac.compare_digest(address_token(context, subscriber.id).encode(), token.encode()):
            return subscriber
    return None


def installation(context: Context) -> str:
    """Tells this data directory from every other, without its secret."""
    return hmac.new(_secret(context), b"installation", hashlib.sha256).hexdigest()


def _secret(context: Context) -> bytes:
    """Made once; only the user can read it."""
    path = context.store.data / "work" / "podcast-secret"
    with suppress(FileNotFoundError):
        return path.read_bytes()  # it appears whole, so that only who makes it has to be alone
    with context.store.lock("podcast secret"):
        if not path.is_file():
            write_secret(path, secrets.token_hex(32))
    return path.read_bytes()
