"""The database's tables. Sound and documents are beside it as files named by their content."""

from pipeline.store.db.tables.base import Base, table_of
from pipeline.store.db.tables.book_tables import (
    BlockRow,
    BookRow,
    ChapterRow,
    DocumentRow,
    EditionRow,
    PronunciationRow,
    ReleaseChapterRow,
    ReleaseRow,
    SpokenSentenceRow,
)
from pipeline.store.db.tables.clip_tables import ChapterAudioRow, ClipRow, FailureRow, StandInRow, TakeRow
from pipeline.store.db.tables.feed_tables import FeedItemRow, FeedRow, PodcastRow, SubscriberRow
from pipeline.store.db.tables.plan_tables import ChunkRow, PlanRow
from pipeline.store.db.tables.run_tables import ClaimRow, OwnerRow, RunRow, SpendRow

__all__ = [
    "Base",
    "BlockRow",
    "BookRow",
    "ChapterAudioRow",
    "ChapterRow",
    "ChunkRow",
    "ClaimRow",
    "ClipRow",
    "DocumentRow",
    "EditionRow",
    "FailureRow",
    "FeedItemRow",
    "FeedRow",
    "OwnerRow",
    "PlanRow",
    "PodcastRow",
    "PronunciationRow",
    "ReleaseChapterRow",
    "ReleaseRow",
    "RunRow",
    "SpendRow",
    "SpokenSentenceRow",
    "StandInRow",
    "SubscriberRow",
    "TakeRow",
    "table_of",
]
