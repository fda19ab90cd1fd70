"""The store -> podcasts: one for each feed, one for all of them, one for each book with its chapters as episodes."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.model.audio import SAMPLE_RATE_HZ, Cue
from pipeline.model.feed import MOMENT
from pipeline.model.keys import content_address
from pipeline.model.podcast import Episode, Mark, Podcast
from pipeline.model.text import BlockKind
from pipeline.publish.captions import write_marks, write_transcript, write_vtt
from pipeline.stages.context import Context
from pipeline.stages.cover import cover_of, picture_suffix
from pipeline.stages.order import Order
from pipeline.stages.podcast_picture import podcast_picture
from pipeline.stages.release_tags import narrator
from pipeline.stages.subscribers import installation
from pipeline.store.documents import StoredBook
from pipeline.store.feeds import StoredFeed, StoredItem, episode_date
from pipeline.store.podcasts import ChapterSound

ALL = "feeds/all"
NAMESPACE = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""Of the podcast namespace, for the guids of podcasts (UUID version 5)."""
TYPES = {
    ".m4a": "audio/x-m4a", ".mp3": "audio/mpeg", ".opus": "audio/ogg", ".flac": "audio/flac", ".wav": "audio/wav",
}  # fmt: skip
"""Types of enclosures, as podcast apps know them, the most widely understood first."""


def podcast_ids(context: Context) -> list[str]:
    """Every podcast of feeds that has an episode; the one of all feeds first."""
    feeds = [f"feeds/{feed.name}" for feed in context.store.feeds.all() if feed.name]
    return [podcast for podcast in [ALL, *feeds] if _items(context, podcast)]


def find_podcast(context: Context, podcast: str) -> Podcast | None:
    """The podcast of that id with all of its episodes; None where there is none."""
    kind, _, name = podcast.partition("/")
    found = None
    if podcast == ALL:
        found = _of_all(context)
    elif kind == "feeds" and name and (feed := context.store.feeds.find_named(name)):
        found = _of_feed(context, feed)
    elif kind == "books" and (book := context.store.documents.find_book(name)):
        found = _of_book(context, book)
    if found is None:
        return None
    found = replace(found, picture=f"cover.{picture_suffix(podcast_picture(context, podcast))}")
    digest = content_address([list(map(_plain, found.episodes)), _plain(replace(found, episodes=()))])
    return replace(found, changed_at=context.store.podcasts.changed_at(podcast, digest))


def with_pictures(context: Context, episodes: Sequence[Episode]) -> tuple[Episode, ...]:
    """The episodes with the names of their pictures, which cost a look at each."""
    covers = ((episode, cover_of(context, episode.id)) for episode in episodes)
    return tuple(replace(e, picture=f"{e.id}.{picture_suffix(c)}") if c else e for e, c in covers)


def transcript_files(context: Context, episode: Episode) -> dict[str, bytes]:
    """What belongs to the sound of an episode: suffix of the file, and its bytes."""
    cues = context.store.releases.cues(episode.audio_key)
    return {
        ".vtt": write_vtt(cues),
        ".json": write_transcript(cues, episode.narrator),
        ".chapters.json": write_marks(_marks(context, episode, cues)),
    }


def find_episode(context: Context, episode: str) -> Episode | None:
    """The episode of that id."""
    slug, _, number = episode.rpartition(".")
    book = context.store.documents.find_book(slug if number.isdigit() and slug else episode)
    if book is None:
        return None
    return next((e for e in _chapters(context, book) if episode in {e.id, _single_id(e, book)}), None)


def _plain(value: Podcast | Episode) -> list[str]:
    return [str(getattr(value, name)) for name in value.__slots__ if name not in {"changed_at", "chapter_id", "audio"}]


def _guid(*names: str) -> str:
    return str(uuid.uuid5(NAMESPACE, " ".join(names)))


def _items(context: Context, podcast: str) -> list[StoredItem]:
    if podcast == ALL:
        return context.store.feeds.episodes()
    feed = context.store.feeds.find_named(podcast.partition("/")[2])
    return context.store.feeds.episodes([feed.url]) if feed else []


def _of_all(context: Context) -> Podcast:
    settings = context.settings.podcast
    titles = sorted(feed.title for feed in context.store.feeds.all())
    return Podcast(
        ALL,
        _guid(installation(context), ALL),
        settings.title,
        "New articles, narrated: " + ", ".join(titles[:50]),
        "",
        settings.author or "Bookcast",
        settings.language,
        settings.category,
        tuple(_articles(context, context.store.feeds.episodes())),
    )


def _of_feed(context: Context, feed: StoredFeed) -> Podcast:
    settings = context.settings.podcast
    return Podcast(
        f"feeds/{feed.name}",
        _guid(installation(context), feed.url),
        feed.title,
        feed.facts.description or f"Articles of {feed.title}, narrated.",
        feed.facts.site,
        settings.author or feed.facts.author or feed.title,
        feed.facts.language or settings.language,
        settings.category,
        tuple(_articles(context, context.store.feeds.episodes([feed.url]))),
    )


def _of_book(context: Context, book: StoredBook) -> Podcast:
    """A serial: the first chapter is to be heard first."""
    settings, facts = context.settings.podcast, book.metadata
    return Podcast(
        f"books/{book.slug}",
        _guid(installation(context), book.slug),
        facts.title,
        facts.description or facts.title,
        "",
        ", ".join(facts.authors) or settings.author or "Unknown author",
        facts.language or settings.language,
        "Arts",
        tuple(_chapters(context, book)),
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
                _episode(context, book, sounds[0], audio),
                id=book.slug,
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
                _episode(context, book, sound, audio),
                guid=_guid(book.slug, sound.title, str(occurrence)),
                published=(began + timedelta(minutes=sound.position)).strftime(MOMENT),
                number=sound.position + 1,
            )


def _episode(context: Context, book: StoredBook, sound: ChapterSound, audio: Path) -> Episode:
    order = Order.from_options(book.narration)
    return Episode(
        id=f"{book.slug}.{sound.position + 1}",
        guid="",
        title=sound.title,
        published="",
        audio=audio,
        audio_bytes=audio.stat().st_size,
        media_type=TYPES[audio.suffix],
        seconds=sound.samples / SAMPLE_RATE_HZ,
        author=", ".join(book.metadata.authors),
        narrator=narrator(context, order),
        language=book.metadata.language,
        chapter_id=sound.chapter_id,
        audio_key=sound.audio_key,
    )


def _single_id(episode: Episode, book: StoredBook) -> str:
    """Articles are books of one chapter, and episodes by the name of the book."""
    return book.slug if episode.number == 1 else episode.id


def _audio(context: Context, key: str) -> Path | None:
    """The encoded file of a chapter that most apps play."""
    rank = list(TYPES)
    files = [path for path in context.store.releases.chapter_folder(key).glob("*.*") if path.suffix in TYPES]
    return min(files, key=lambda path: (rank.index(path.suffix), -path.stat().st_size, path.name), default=None)


def _moment(published: str) -> str:
    """An ISO 8601 date or moment as a moment in UTC."""
    found = datetime.fromisoformat(published)
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC).strftime(MOMENT)


def _marks(context: Context, episode: Episode, cues: Sequence[Cue]) -> list[Mark]:
    """The headings that are heard, after the title at the very beginning."""
    starts = {cue.sentence_id: cue.start_samples for cue in reversed(cues)}
    marks = [Mark(0.0, episode.title)]
    last = -1
    for chunk, kind, text in context.store.plans.with_kinds(episode.chapter_id):
        is_first, last = chunk.block_position != last, chunk.block_position
        if kind is BlockKind.HEADING and is_first and chunk.sentences and chunk.sentences[0].id in starts:
            start_s = starts[chunk.sentences[0].id] / SAMPLE_RATE_HZ
            title = " ".join(text.split())
            if start_s - marks[-1].start_s < 1.0 and len(marks) == 1:
                marks[0] = Mark(0.0, title)
            else:
                marks.append(Mark(start_s, title))
    return marks
