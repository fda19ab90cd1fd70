"""`bookcast cache`: what the clip cache holds, whether it is sound, and what nobody needs."""

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.session import duration, open_context, options, print_json, say
from pipeline.stages.keep_cache import prune_cache, verify_cache

app = typer.Typer(help="Look after the clip cache.", no_args_is_help=True)


@app.command()
def stats() -> None:
    """Show how much is kept."""
    with open_context() as context:
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
    with open_context() as context:
        clips, dropped, orphans = verify_cache(context)
    say(f"{clips:,} clips read, {dropped:,} damaged and dropped, {orphans:,} files without a clip")
    if dropped:
        say("Narrate the books again: just these are spoken.")
    if options.json:
        print_json({"clips": clips, "dropped": dropped, "orphan_files": orphans})


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
) -> None:
    """Delete clips and encoded chapters that no book needs any more."""
    with open_context() as context:
        pruned = prune_cache(context, dry_run=dry_run)
    verb = "would be deleted" if dry_run else "deleted"
    what = f"{pruned.clips:,} clips, {pruned.chapters:,} chapters, {pruned.files:,} stray files"
    say(f"{what} {verb}: {pruned.bytes / 1e6:,.1f} MB")
    if options.json:
        print_json({**asdict(pruned), "dry_run": dry_run})
