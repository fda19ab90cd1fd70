"""Everything that is kept: an index in SQLite, and files named by their content beside it."""

import hashlib
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from filelock import FileLock

from pipeline.errors import StoreError
from pipeline.store.db.database import Database
from pipeline.store.files.blobs import Blobs
from pipeline.store.files.data_folder import DATABASE, open_data_folder, unwritable
from pipeline.store.files.paid_answers import Answers
from pipeline.store.ownership.claims import Claims
from pipeline.store.ownership.owners import USUAL_LEASE, Lease, Owner
from pipeline.store.ownership.scratch import Scratch
from pipeline.store.records.chunk_states import ChunkStates
from pipeline.store.records.documents import Documents
from pipeline.store.records.editions import Editions
from pipeline.store.records.edits import Changes
from pipeline.store.records.feed_rows import Feeds
from pipeline.store.records.ledger import Spend
from pipeline.store.records.plans import Plans
from pipeline.store.records.podcast_rows import Podcasts
from pipeline.store.records.releases import Releases
from pipeline.store.records.removals import Removals
from pipeline.store.records.runs import Runs
from pipeline.store.sound.chapter_audio import ChapterAudios
from pipeline.store.sound.clips import Clips
from pipeline.store.sound.found_clips import FoundClips
from pipeline.store.sound.heard_clips import HeardClips
from pipeline.store.sound.takes import Takes

_FOLDERS = ("clips", "library", "inbox", "prefect", "work/answers", "work/covers", "work/documents")


class Store:
    """One data directory, open. Every row is written by this process, sound by its workers."""

    def __init__(self, data: Path, *, lease: Lease = USUAL_LEASE) -> None:
        """Open a data directory.

        Args:
            data: the directory, made where it is missing.
            lease: how long this process counts as alive without being heard of.

        Raises:
            StoreError: the directory, or the scratch folder of this machine, cannot be used.
        """
        self.data = data = open_data_folder(data, *_FOLDERS)
        try:
            with self.lock("database"):  # several programs may be first at once; SQLite's switch to WAL cannot wait
                self._database = Database(data / DATABASE)
        except OSError as error:  # of the lock file
            raise unwritable(data, error) from error
        try:
            self.owner = Owner(self._database, Scratch(), lease)
        except StoreError:
            self._database.close()
            raise
        originals, covers = (Blobs(data / "work" / name, ".bin") for name in ("documents", "covers"))
        self.documents = Documents(self._database, originals, covers)
        self.removals = Removals(self._database, originals, covers)
        self.editions = Editions(self._database)
        self.plans = Plans(self._database)
        self.chunks = ChunkStates(self._database)
        self.changes = Changes(self._database)
        self.feeds = Feeds(self._database)
        self.podcasts = Podcasts(self._database)
        self.answers = Answers(data / "work" / "answers")
        self.clips = Clips(self._database, Blobs(data / "clips", ".flac"), self.answers)
        self.claims = Claims(self._database, self.owner)
        self.found_clips = FoundClips(self._database)
        self.takes = Takes(self._database, self.clips.blobs)
        self.heard = HeardClips(self._database, self.clips)
        self.chapters = ChapterAudios(self._database, data / "work" / "chapters")
        self.releases = Releases(self._database, data)
        self.runs = Runs(self._database, self.owner)
        self.spend = Spend(self._database, self.owner)

    def lock(self, name: str, *, of_thread: bool = True) -> FileLock:
        """A lock between threads and processes, held in a `with`; the system frees it when its holder dies.

        One that is not `of_thread` may be handed from thread to thread, and is then no lock between them.
        """
        folder = self.data / "work" / "locks"
        folder.mkdir(exist_ok=True)
        path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
        path.touch()  # upkeep deletes those that nobody has asked for in a while
        return FileLock(path, thread_local=of_thread)

    def snapshot(self) -> AbstractContextManager[None]:
        """What this thread reads of the database within it is of one moment, whatever others write meanwhile."""
        return self._database.snapshot()

    def check(self) -> None:
        """Raises: StoreError where the database is damaged."""
        self._database.check()

    def close(self) -> None:
        """Let go of the database and of all claims."""
        with suppress(StoreError):  # what cannot be written stays reserved, which counts the same
            self.spend.flush()
        self.owner.close()
        self._database.close()
