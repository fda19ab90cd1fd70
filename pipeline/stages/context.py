"""One open data directory with its settings: what every stage is given."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.audio.effects import Hook, load_hooks
from pipeline.errors import Interrupted
from pipeline.settings import Settings
from pipeline.speech.registry import BackendProfile
from pipeline.stages.backends import backend_profile
from pipeline.stages.clip_makers import ClipMakers, Makers
from pipeline.stages.events import Report, ignore
from pipeline.stages.order import Order
from pipeline.store import Store


class Context:
    """Settings, store, workers and the one who watches; closed at the end of the program."""

    def __init__(self, settings: Settings, data: Path, report: Report = ignore) -> None:
        """Raises: StoreError, SettingsError."""
        self.settings = settings
        self.hooks: tuple[Hook, ...] = load_hooks(settings.effects.hooks)
        self.store = Store(data)
        self.report = report
        self.encoders = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="encode")
        """One for all chapters: as many encoders at once as there are cores, whatever is being assembled."""
        self._stopping = threading.Event()
        self._makers: dict[str, Makers] = {}
        self._lock = threading.Lock()

    def makers(self, order: Order) -> Makers:
        """Who speaks for the order's backend, started when first needed.

        Raises:
            UnknownBackend, SettingsError: its key is not there.
        """
        profile = backend_profile(self.settings, order.backend)
        with self._lock:
            if profile.name not in self._makers:
                self._makers[profile.name] = self._start(profile)
            return self._makers[profile.name]

    def _start(self, profile: BackendProfile) -> Makers:
        if profile.service is None:
            return ClipMakers(profile, self.store.clips.blobs)
        from pipeline.stages.remote_clips import RemoteClipMakers  # brings httpx, which most narrations never need

        return RemoteClipMakers(profile.service, self.store)

    def library(self, order: Order) -> Path:
        """The folder that releases go to."""
        configured = order.output or self.settings.publish.library
        return Path(configured).expanduser().resolve() if configured else self.store.data / "library"

    def stop(self) -> None:
        """Ask every stage to end soon; what is done is kept."""
        self._stopping.set()

    def check_stopping(self) -> None:
        """Raises: Interrupted after `stop`."""
        if self._stopping.is_set():
            raise Interrupted("The run was stopped", remedy="start it again: everything done is kept")

    def close(self) -> None:
        """End the workers and let go of the store."""
        self.stop()
        for makers in self._makers.values():
            makers.close()
        self.encoders.shutdown()
        self.store.close()
