"""One open data directory with its settings: what every stage is given."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.audio.effects import Hook, load_hooks
from pipeline.errors import Interrupted, SettingsError
from pipeline.model.file_names import is_plain, readable_name
from pipeline.model.states import RunState
from pipeline.narration.core.backend_profiles import backend_profile
from pipeline.narration.core.events import Report, ignore
from pipeline.narration.core.order import Order
from pipeline.narration.core.usable_cores import usable_cores
from pipeline.narration.speaking.engine_pool import ClipMakers, Makers
from pipeline.settings import Settings
from pipeline.speech.registry import BackendProfile
from pipeline.store import Store
from pipeline.store.ownership.owners import USUAL_LEASE, Lease


class Context:
    """Settings, store, workers and the one who watches; closed at the end of the program."""

    def __init__(self, settings: Settings, data: Path, report: Report = ignore, *, lease: Lease = USUAL_LEASE) -> None:
        """Raises: StoreError, SettingsError."""
        self.settings = settings
        self.hooks: tuple[Hook, ...] = load_hooks(settings.effects.hooks)
        self.store = Store(data, lease=lease)
        self.report = report
        self.told_to_end = RunState.STOPPED
        """How a run is recorded that a signal cuts short. INTERRUPTED, which resumes, where nobody sits before it."""
        self.encoders = ThreadPoolExecutor(usable_cores(), thread_name_prefix="encode")
        """One for all chapters: as many encoders at once as there are cores to use, whatever is being assembled."""
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
        from pipeline.narration.speaking.request_pool import (
            RemoteClipMakers,  # brings httpx, which most narrations never need
        )

        return RemoteClipMakers(profile.service, self.store)

    def library(self, order: Order) -> Path:
        """The folder that releases go to. Raises: SettingsError for a name that is no text."""
        configured = order.output or self.settings.publish.library
        if not is_plain(configured):
            shown = readable_name(configured)
            raise SettingsError(
                f"The name of the library folder {shown} is not UTF-8", key="output", remedy="rename it"
            )
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
