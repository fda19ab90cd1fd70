"""Everything that is kept: an index in SQLite, and files named by their content beside it."""

import hashlib
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from pipeline.errors import StoreError
from pipeline.store.answers import Answers
from pipeline.store.blobs import Blobs
from pipeline.store.changes import Changes
from pipeline.store.clips import Clips
from pipeline.store.documents import Documents
from pipeline.store.engine import Database
from pipeline.store.feeds import Feeds
from pipeline.store.owners import Owner
from pipeline.store.plans import Plans
from pipeline.store.podcasts import Podcasts
from pipeline.store.releases import Releases
from pipeline.store.runs import Runs
from pipeline.store.spend import Spend
from pipeline.store.takes import Takes


class Store:
    """One data directory, open. Every row is written by this process, sound by its workers."""

    def __init__(self, data: Path) -> None:
        """Raises: StoreError where the directory cannot be used."""
        self.data = data = data.expanduser().resolve()
        try:
            for folder in ("clips", "work", "library", "inbox"):
                (data / folder).mkdir(parents=True, exist_ok=True)
            self.owner = Owner(data / "work" / "owners")
        except OSError as error:
            raise StoreError(
                f"The data directory {data} cannot be written: {error.strerror or error}",
                remedy=f"make {data} writable, or choose another with --data",
            ) from error
        try:
            with self.lock("database"):  # several programs may be first at once; SQLite's switch to WAL cannot wait
                self._database = Database(data / "bookcast.db")
        except StoreError:
            self.owner.close()
            raise
        self.documents = Documents(
            self._database,
            Blobs(data / "work" / "documents", ".bin"),
            Blobs(data / "work" / "covers", ".bin"),
        )
        self.plans = Plans(self._database)
        self.changes = Changes(self._database)
        self.feeds = Feeds(self._database)
        self.podcasts = Podcasts(self._database)
        self.answers = Answers(data / "work" / "answers")
        self.clips = Clips(self._database, Blobs(data / "clips", ".flac"), self.owner, self.answers)
        self.takes = Takes(self._database, self.clips.blobs)
        self.releases = Releases(self._database, data / "work" / "chapters")
        self.runs = Runs(self._database, self.owner)
        self.spend = Spend(self._database, self.owner)

    def lock(self, name: str, *, of_thread: bool = True) -> FileLock:
        """A lock between threads and processes, held in a `with`; the system frees it when its holder dies.

        One that is not `of_thread` may be handed from thread to thread, and is then no lock between them.
        """
        folder = self.data / "work" / "locks"
        folder.mkdir(exist_ok=True)
        return FileLock(folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock", thread_local=of_thread)

    def check(self) -> None:
        """Raises: StoreError where the database is damaged."""
        self._database.check()

    def close(self) -> None:
        """Let go of the database and of all claims."""
        with suppress(StoreError):  # what cannot be written stays reserved, which counts the same
            self.spend.flush()
        self._database.close()
        self.owner.close()
