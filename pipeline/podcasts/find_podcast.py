"""The store -> podcasts: one for each feed, one for all of them, one for each book with its chapters as episodes."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.model.audio import CHAPTER_FORMATS, SAMPLE_RATE_HZ, AudioFormat, Cue
from pipeline.model.book import Cover
from pipeline.model.keys import content_address
from pipeline.model.syndication.feed import MOMENT
from pipeline.model.syndication.podcast import ALL_ARTICLES, Episode, EpisodeId, Mark, Podcast, PodcastId, PodcastKind
from pipeline.model.text import BlockKind
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.making.book_cover import cover_of, picture_suffix
from pipeline.narration.making.release_tags import narrator
from pipeline.podcasts.podcast_picture import podcast_picture
from pipeline.podcasts.subscribers import installation
from pipeline.publish.captions import write_marks, write_transcript, write_vtt
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.feed_rows import StoredFeed, StoredItem, episode_date
from pipeline.store.records.podcast_rows import ChapterSound

NAMESPACE = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""Of the podcast namespace, for the guids of podcasts (UUID version 5)."""


def podcast_ids(context: Context) -> list[PodcastId]:
    """Every podcast of feeds that has an episode; the one of all feeds first."""
    feeds = [feed for feed in context.store.feeds.all() if feed.name and context.store.feeds.episodes([feed.url])]
    has_any = bool(context.store.feeds.episodes())
    return [*([ALL_ARTICLES] if has_any else []), *(feed.podcast for feed in feeds)]


def find_podcast(context: Context, podcast: PodcastId) -> Podcast | None:
    """The podcast of that id with all of its episodes; None where there is none."""
    found = None
    if podcast == ALL_ARTICLES:
        found = _of_all(context)
    elif podcast.kind is PodcastKind.BOOKS:
        book = context.store.documents.find_book(podcast.name)
        found = _of_book(context, book) if book else None
    elif feed := context.store.feeds.find_named(podcast.name):
        found = _of_feed(context, feed)
    if found is None:
        return None
    found = replace(found, picture=f"cover{picture_suffix(podcast_picture(context, podcast))}")
    digest = content_address([list(map(_plain, found.episodes)), _plain(replace(found, episodes=()))])
    return replace(found, changed_at=context.store.podcasts.changed_at(str(podcast), digest))


def with_pictures(context: Context, episodes: Sequence[Episode]) -> tuple[Episode, ...]:
    """The episodes with the names of their pictures, which cost a look at each."""
    covers = ((episode, episode_picture(context, episode.id)) for episode in episodes)
    return tuple(replace(e, picture=f"{e.id}{picture_suffix(c)}") if c else e for e, c in covers)


def episode_picture(context: Context, episode: EpisodeId) -> Cover | None:
    """That of an article; chapters of a book have none but their podcast's."""
    return None if episode.number else cover_of(context, episode.book)


def transcript_files(context: Context, episode: Episode) -> dict[str, bytes]:
    """What belongs to the sound of an episode: suffix of the file, and its bytes."""
    cues = context.store.chapters.cues(episode.audio_key)
    return {
        ".vtt": write_vtt(cues),
        ".json": write_transcript(cues, episode.narrator),
        ".chapters.json": write_marks(_marks(context, episode, cues)),
    }


def find_episode(context: Context, episode: EpisodeId) -> Episode | None:
    """The episode of that id."""
    book = context.store.documents.find_book(episode.book)
    if book is None:
        return None
    number = episode.number or 1  # an article is the only chapter of its book
    return next((found for found in _chapters(context, book) if found.number == number), None)


def _plain(value: Podcast | Episode) -> list[str]:
    return [str(getattr(value, name)) for name in value.__slots__ if name not in {"changed_at", "chapter_id", "audio"}]


def _guid(*names: str) -> str:
    return str(uuid.uuid5(NAMESPACE, " ".join(names)))


def _of_all(context: Context) -> Podcast:
    settings = context.settings.podcast
    titles = sorted(feed.title for feed in context.store.feeds.all())
    return Podcast(
        id=ALL_ARTICLES,
        guid=_guid(installation(context), str(ALL_ARTICLES)),
        title=settings.title,
        description="New articles, narrated: " + ", ".join(titles[:50]),
        link="",
        author=settings.author or "Bookcast",
        language=settings.language,
        category=settings.category,
        episodes=tuple(_articles(context, context.store.feeds.episodes())),
    )


def _of_feed(context: Context, feed: StoredFeed) -> Podcast:
    settings = context.settings.podcast
    return Podcast(
        id=feed.podcast,
        guid=_guid(installation(context), feed.url),
        title=feed.title,
        description=feed.facts.description or f"Articles of {feed.title}, narrated.",
        link=feed.facts.site,
        author=settings.author or feed.facts.author or feed.title,
        language=feed.facts.language or settings.language,
        category=settings.category,
        episodes=tuple(_articles(context, context.store.feeds.episodes([feed.url]))),
    )


def _of_book(context: Context, book: StoredBook) -> Podcast:
    """A serial: the first chapter is to be heard first."""
    settings, facts = context.settings.podcast, book.metadata
    return Podcast(
        id=PodcastId(PodcastKind.BOOKS, book.slug),
        guid=_guid(installation(context), book.slug),
        title=facts.title,
        description=facts.description or facts.title,
        link="",
        author=", ".join(facts.authors) or settings.author or "Unknown author",
        language=facts.language or settings.language,
        category="Arts",
        episodes=tuple(_chapters(context, book)),
        kind="serial",
        medium="audiobook",
    )


def _articles(context: Context, items: Sequence[StoredItem]) -> Iterator[Episode]:
    """The episodes of items whose sound is there, in the order of the items."""
    found = context.store.podcasts.sounds([item.book for item in items])
    for item in items:
        book, sounds = found.get(item.book, (None, []))
        if book and sounds and (audio := _audio(context, sounds[0].audio_key)):
            facts = book.metadata
            yield replace(
                _episode(context, book, sounds[0], *audio),
                id=EpisodeId(book.slug),
                guid=_guid(book.slug),
                title=facts.title,
                published=_moment(episode_date(item)),
                summary=str(item.facts.get("summary") or facts.description),
                link=item.link,
            )


def _chapters(context: Context, book: StoredBook) -> Iterator[Episode]:
    """The chapters of a book; their moments are made so that apps keep their order."""
    _, sounds = context.store.podcasts.sounds([book.slug]).get(book.slug, (book, []))
    began = context.store.runs.began(book.slug) or datetime(2026, 1, 1)
    seen: dict[str, int] = {}
    for sound in sounds:
        occurrence = seen[sound.title] = seen.get(sound.title, 0) + 1
        if audio := _audio(context, sound.audio_key):
            yield replace(
                _episode(context, book, sound, *audio),
                guid=_guid(book.slug, sound.title, str(occurrence)),
                published=(began + timedelta(minutes=sound.position)).strftime(MOMENT),
                number=sound.position + 1,
            )


def _episode(
    context: Context, book: StoredBook, sound: ChapterSound, audio: Path, audio_format: AudioFormat
) -> Episode:
    order = Order.from_options(book.narration)
    return Episode(
        id=EpisodeId(book.slug, sound.position + 1),
        guid="",
        title=sound.title,
        published="",
        audio=audio,
        audio_bytes=audio.stat().st_size,
        media_type=audio_format.enclosure_type,
        seconds=sound.samples / SAMPLE_RATE_HZ,
        author=", ".join(book.metadata.authors),
        narrator=narrator(context, order),
        language=book.metadata.language,
        chapter_id=sound.chapter_id,
        audio_key=sound.audio_key,
    )


def _audio(context: Context, key: str) -> tuple[Path, AudioFormat] | None:
    """The encoded file of a chapter that most apps play, and its format."""
    files = list(context.store.chapters.folder(key).glob("*.*"))
    for audio_format in CHAPTER_FORMATS:
        fitting = [path for path in files if path.suffix == audio_format.suffix]
        if fitting:
            return min(fitting, key=lambda path: (-path.stat().st_size, path.name)), audio_format
    return None


def _moment(published: str) -> str:
    """An ISO 8601 date or moment as a moment in UTC."""
    found = datetime.fromisoformat(published)
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC).strftime(MOMENT)


def _marks(context: Context, episode: Episode, cues: Sequence[Cue]) -> list[Mark]:
    """The headings that are heard, after the title at the very beginning."""
    starts = {cue.sentence_id: cue.start_samples for cue in reversed(cues)}
    marks = [Mark(0.0, episode.title)]
    last = -1
    plan, blocks = (
        context.store.plans.find_of_chapter(episode.chapter_id),
        context.store.editions.blocks(episode.chapter_id),
    )
    for chunk in plan.spoken if plan else ():
        is_first, last = chunk.block_position != last, chunk.block_position
        block = blocks[chunk.block_position]
        if block.kind is BlockKind.HEADING and is_first and chunk.sentences[0].id in starts:
            start_s = starts[chunk.sentences[0].id] / SAMPLE_RATE_HZ
            title = " ".join(block.text.split())
            if start_s - marks[-1].start_s < 1.0 and len(marks) == 1:
                marks[0] = Mark(0.0, title)
            else:
                marks.append(Mark(start_s, title))
    return marks
