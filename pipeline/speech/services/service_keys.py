"""The keys of a service: read from the environment, used in turn, never shown."""

import os
import threading
from collections.abc import Sequence

from pipeline.errors import SettingsError


class Keys:
    """Several keys of one service; usable from several threads."""

    def __init__(self, service: str, variables: Sequence[str]) -> None:
        """Raises: SettingsError where a variable is not set."""
        self._lock = threading.Lock()
        self._turn = 0
        self._keys: list[str] = []
        for name in variables:
            key = os.environ.get(name, "").strip()
            # A header takes printable ASCII alone; a line break that was copied along would fail far from here.
            if not key or not key.isascii() or not key.isprintable():
                raise SettingsError(
                    f"Backend {service} needs its key in the environment variable {name}, which "
                    + ("is not set" if not key else "holds something else than a key"),
                    key=f"backends.{service}.api_key_env",
                    remedy=f"export {name}=...",
                )
            self._keys.append(key)
        self._all = tuple(self._keys)

    def next(self) -> str:
        """The key whose turn it is; empty where the service wants none."""
        with self._lock:
            if not self._keys:
                return ""
            self._turn += 1
            return self._keys[self._turn % len(self._keys)]

    def reject(self, key: str) -> bool:
        """Use `key` no more; True where another one is left. The last one stays."""
        with self._lock:
            if key in self._keys and len(self._keys) > 1:
                self._keys.remove(key)
                return True
            # Another thread may have rejected it just now; then there is a next key to try all the same.
            return key not in self._keys and bool(self._keys)

    def hide(self, text: str) -> str:
        """`text` with every key in it blotted out: services repeat keys in their errors."""
        for key in self._all:
            text = text.replace(key, "[key]")
        return text
