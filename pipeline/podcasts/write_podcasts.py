"""The podcasts as plain files, to be hosted anywhere: feeds, sound, transcripts, chapters and pictures."""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from pipeline.errors import NotFound, PublishError
from pipeline.model.book import Cover
from pipeline.model.syndication.podcast import Episode, Podcast, PodcastId, PodcastKind, parse_episode_file
from pipeline.narration.core.context import Context
from pipeline.narration.making.book_cover import picture_suffix
from pipeline.podcasts.find_podcast import episode_picture, find_podcast, podcast_ids, transcript_files, with_pictures
from pipeline.podcasts.podcast_picture import podcast_picture
from pipeline.publish.podcast_xml import Address, page_count, page_name, podcast_xml
from pipeline.store.files.whole_file import whole_file


def podcast_folder(context: Context) -> Path:
    """Where podcasts lie as plain files."""
    configured = context.settings.podcast.folder
    return Path(configured).expanduser().resolve() if configured else context.store.data / "podcasts"


def write_podcasts(
    context: Context, ids: Sequence[PodcastId] = (), *, folder: Path | None = None, base_url: str = ""
) -> list[Path]:
    """Write podcasts as files; what is there and has not changed is left alone.

    Args:
        context: the open data directory.
        ids: which; empty for those of all feeds.
        folder: where to; None for what the settings say.
        base_url: the address under which the folder is published; empty for what the settings say, and
            where they say nothing, addresses are relative.

    Returns:
        The first page of each feed.

    Raises:
        NotFound: there is no such podcast.
        PublishError: the folder cannot be written.
    """
    root = folder or podcast_folder(context)
    base = (base_url or context.settings.podcast.base_url).rstrip("/")
    written = []
    try:
        with context.store.lock(f"podcasts {root}"):
            for podcast in ids or podcast_ids(context):
                written.append(_write(context, root, podcast, base))
            if not ids:
                _remove_stale(context, root)
    except OSError as error:
        raise PublishError(
            f"{root} cannot be written: {error.strerror or error}", remedy="free some space, or choose another folder"
        ) from error
    return written


def _write(context: Context, root: Path, podcast: PodcastId, base: str) -> Path:
    found = find_podcast(context, podcast)
    if found is None:
        raise NotFound(f'There is no podcast "{podcast}"', remedy="bookcast podcast lists them")
    own = root / podcast.kind / podcast.name
    for episode in found.episodes:
        _place_episode(context, root / "episodes", episode)
    pages = page_count(found, context.settings.podcast.page_episodes)
    pictured = _pictured(context, found)
    _place(own / found.picture, podcast_picture(context, podcast).data)
    for number in range(1, pages + 1):
        address = _absolute(base) if base else _relative
        page = podcast_xml(pictured, address, page=number, page_episodes=context.settings.podcast.page_episodes)
        _place(own / page_name(number), page)
    _keep_only(own, {found.picture, *(page_name(number) for number in range(1, pages + 1))})
    return own / page_name(1)


def _pictured(context: Context, podcast: Podcast) -> Podcast:
    return replace(podcast, episodes=with_pictures(context, podcast.episodes))


def _absolute(base: str) -> Address:
    return lambda place: f"{base}/{quote(place)}"


def _relative(place: str) -> str:
    """Seen from a feed, which lies two folders deep."""
    return f"../../{quote(place)}"


def _place_episode(context: Context, folder: Path, episode: Episode) -> None:
    sound = folder / f"{episode.id}{episode.audio.suffix}"
    if _is_placed(episode.audio, sound) and (folder / f"{episode.id}.vtt").is_file():
        return
    for suffix, data in transcript_files(context, episode).items():
        _place(folder / f"{episode.id}{suffix}", data)
    if cover := episode_picture(context, episode.id):
        _place(folder / _picture_name(episode, cover), cover.data)
    with whole_file(sound) as temporary:
        temporary.unlink(missing_ok=True)
        _link(episode.audio, temporary)


def _picture_name(episode: Episode, cover: Cover) -> str:
    return f"{episode.id}{picture_suffix(cover)}"


def _link(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _is_placed(source: Path, target: Path) -> bool:
    try:
        there, here = target.stat(), source.stat()
    except OSError:
        return False
    same_file = (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
    return same_file or (there.st_size, there.st_mtime_ns) == (here.st_size, here.st_mtime_ns)


def _place(path: Path, data: bytes) -> None:
    try:
        if path.read_bytes() == data:
            return
    except OSError:
        pass
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def _keep_only(folder: Path, names: Iterable[str]) -> None:
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink(missing_ok=True)


def _remove_stale(context: Context, root: Path) -> None:
    """Podcasts of feeds that are gone, and episodes that no podcast of a feed holds; books' stay."""
    alive = set(podcast_ids(context))
    for folder in (root / PodcastKind.FEEDS).glob("*"):
        if PodcastId(PodcastKind.FEEDS, folder.name) not in alive:
            shutil.rmtree(folder, ignore_errors=True)
    episodes = {item.book for item in context.store.feeds.episodes()}
    for path in (root / "episodes").glob("*"):
        found = parse_episode_file(path.name)
        if found is None or not (found[0].number or found[0].book in episodes):
            path.unlink(missing_ok=True)
