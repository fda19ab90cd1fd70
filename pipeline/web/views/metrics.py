"""What the studio has done and holds -> figures in Prometheus' text format (exposition format 0.0.4).

Figures and names of backends only: no title, no address, no key.
"""

import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from pipeline.narration.core.context import Context
from pipeline.web.server.run_desk import RunDesk

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SIZE_S = 300.0
"""How long the size of the clip cache is remembered: every file of it has to be looked at."""
_Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The figures of one studio."""

    def __init__(self, context: Context, desk: RunDesk) -> None:
        self._context = context
        self._desk = desk
        self._lock = threading.Lock()
        self._sized_at = float("-inf")
        self._cache_bytes = 0

    def text(self) -> str:
        """All figures as of now. Raises: StoreError."""
        return "".join(self._families())

    def _families(self) -> Iterator[str]:
        store = self._context.store
        ended: dict[_Labels, int] = {(("state", state.value),): count for state, count in store.runs.ended().items()}
        yield _family("bookcast_runs_ended", "counter", "Narrations that have ended, by how.", ended)
        yield _single("bookcast_runs_active", "gauge", "Narrations that wait or run.", len(self._desk.active()))
        yield _single("bookcast_passages_spoken", "gauge", "Recordings in the clip cache.", store.clips.count())
        yield _single("bookcast_passages_failed", "gauge", "Passages that could not be spoken.", store.heard.failures())
        chars: dict[_Labels, Decimal] = defaultdict(Decimal)
        cost: dict[_Labels, Decimal] = defaultdict(Decimal)
        for line in store.spend.account():
            chars[(("backend", line.backend),)] += line.chars
            cost[(("backend", line.backend), ("currency", line.currency))] += line.cost
        yield _family("bookcast_billed_characters_total", "counter", "Characters that services billed.", chars)
        yield _family("bookcast_cost_total", "counter", "What services have cost, by currency.", cost)
        yield _single("bookcast_cache_bytes", "gauge", "Size of the clip cache.", self._size())
        free = shutil.disk_usage(store.data).free
        yield _single("bookcast_disk_free_bytes", "gauge", "Free space in the data directory.", free)

    def _size(self) -> int:
        with self._lock:
            if time.monotonic() - self._sized_at > SIZE_S:
                self._cache_bytes = self._context.store.clips.blobs.total_size()
                self._sized_at = time.monotonic()
            return self._cache_bytes


def _single(name: str, kind: str, meaning: str, value: float) -> str:
    return _family(name, kind, meaning, {(): value})


def _family(name: str, kind: str, meaning: str, samples: Mapping[_Labels, float | Decimal]) -> str:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    for labels, value in samples.items():
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"{name}{{{shown}}} {value}" if labels else f"{name} {value}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
