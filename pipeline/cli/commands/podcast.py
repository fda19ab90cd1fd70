"""`bookcast podcast`: what was narrated, as podcasts in plain files."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output.session import open_context, options, print_json, say
from pipeline.errors import NotFound
from pipeline.model.syndication.podcast import PodcastId, parse_podcast_id
from pipeline.podcasts.find_podcast import podcast_ids
from pipeline.podcasts.write_podcasts import podcast_folder, write_podcasts

EXAMPLES = (
    "Examples: bookcast podcast  |  bookcast podcast books/alice --output /srv/www --base-url https://example.org/audio"
)


def podcast(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[feeds/NAME|feeds/all|books/BOOK]...", help="[default: all feeds]")
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to. [default: DATA/podcasts]")] = None,
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="Address under which DIR is published; otherwise addresses are relative.")
    ] = "",
) -> None:
    """Write podcasts as files that any web server can publish: feeds, sound, transcripts, chapters and pictures."""
    with open_context() as context:
        known = podcast_ids(context)
        written = write_podcasts(context, [_get_id(name) for name in names or ()], folder=output, base_url=base_url)
        folder = output or podcast_folder(context)
    for path in written:
        say(str(path))
    if not written:
        say("No article is narrated yet; a book's podcast is named books/BOOK, as `bookcast status` lists them")
    if options.json:
        print_json(
            {"folder": str(folder), "feeds": [str(path) for path in written], "podcasts": [str(each) for each in known]}
        )


def _get_id(name: str) -> PodcastId:
    """Raises: NotFound where it is not the name of any."""
    found = parse_podcast_id(name)
    if found is None:
        raise NotFound(f'There is no podcast "{name}"', remedy="bookcast podcast lists them")
    return found
