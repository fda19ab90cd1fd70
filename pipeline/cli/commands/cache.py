"""`bookcast cache`: what the clip cache holds, whether it is sound, and what nobody needs."""

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.output.rebuild_display import RebuildDisplay
from pipeline.cli.output.session import duration, interruptible, open_context, options, print_json, say
from pipeline.narration.upkeep.keep_cache import prune_cache, verify_cache
from pipeline.narration.upkeep.rebuild_cache import rebuild_cache

app = typer.Typer(help="Look after the clip cache.", no_args_is_help=True)


@app.command()
def stats() -> None:
    """Show how much is kept."""
    with open_context(only_looks=True) as context:
        found = context.store.clips.stats()
    say(f"{found.clips:,} clips, {duration(found.seconds)} of speech, {found.chars:,} characters")
    say(f"{found.bytes / 1e6:,.1f} MB on disk; {found.unused_clips:,} clips belong to no book")
    if options.json:
        print_json(
            {
                "clips": found.clips,
                "audio_seconds": round(found.seconds, 1),
                "chars": found.chars,
                "bytes": found.bytes,
                "unused_clips": found.unused_clips,
            }
        )


@app.command()
def verify() -> None:
    """Read every clip and drop those whose sound is missing or changed; the next run speaks them again."""
    with open_context(only_looks=True) as context:
        found = verify_cache(context)
    orphans = f"{found.orphan_files:,} files without a clip"
    say(f"{found.clips:,} clips read, {found.dropped:,} damaged and dropped, {orphans}")
    if found.dropped:
        say("Narrate the books again: just these are spoken.")
    if found.rebuildable:
        say(f"{found.rebuildable:,} of these files are clips that the database does not know: bookcast cache rebuild")
    if options.json:
        print_json(asdict(found))


@app.command()
def rebuild() -> None:
    """Find the clips in their files again, after the database was lost; nothing is spoken or paid for again."""
    with interruptible(), RebuildDisplay() as display, open_context() as context:
        rebuilt = rebuild_cache(context, display)
    say(f"{rebuilt.found:,} clips found again, {rebuilt.takes:,} former takes, {rebuilt.known:,} already known")
    if rebuilt.without_key:
        say(
            f"{rebuilt.without_key:,} files do not say which clip they are: an older Bookcast made them. They are kept."
        )
    if rebuilt.damaged:
        say(f"{rebuilt.damaged:,} files are damaged; `bookcast cache verify` drops the clips that need them.")
    if options.json:
        print_json(asdict(rebuilt))


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also where no book was narrated since a rebuild: then no clip is left.")
    ] = False,
) -> None:
    """Delete clips and encoded chapters that no book needs any more."""
    with open_context() as context:
        pruned = prune_cache(context, dry_run=dry_run, everything=everything)
    verb = "would be deleted" if dry_run else "deleted"
    what = f"{pruned.clips:,} clips, {pruned.chapters:,} chapters, {pruned.files:,} stray files"
    say(f"{what} {verb}: {pruned.bytes / 1e6:,.1f} MB")
    if options.json:
        print_json({**asdict(pruned), "dry_run": dry_run})
