"""`bookcast backup`: a copy of the data directory, while others work in it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output.session import interruptible, open_context, options, print_json, say
from pipeline.store.back_up import back_up

EXAMPLES = "Example: bookcast backup /media/disk/bookcast"


def backup(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or that of an earlier backup.", show_default=False)],
) -> None:
    """Copy the data directory, also while `bookcast up` or a narration is running; a second time, only what is new."""
    with interruptible(), open_context(only_looks=True) as context:
        done = back_up(context.store.data, folder)
    say(f"{done.copied:,} files copied ({done.bytes / 1e6:,.1f} MB), {done.kept:,} were there already.")
    say("The backup is a data directory itself. To use it, copy it first, and name the copy with --data.")
    if options.json:
        print_json({"folder": str(folder.resolve()), **asdict(done)})
