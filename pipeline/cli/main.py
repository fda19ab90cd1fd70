"""The `bookcast` program: commands, global options, and errors as exit codes."""

import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.commands import (
    backup,
    cache,
    config,
    doctor,
    feeds,
    narrate,
    podcast,
    remove,
    rerun,
    say,
    spend,
    status,
    up,
    voices,
)
from pipeline.cli.output.leaving import EXIT_S, STOPPED, STOPPED_EXIT_S, leave_in
from pipeline.cli.output.places_display import print_places
from pipeline.cli.output.session import complain, err, options, print_json
from pipeline.errors import NarrationError
from pipeline.model.file_names import readable_name
from pipeline.narration.core.log_lines import VARIABLE, is_json, log_in_json

app = typer.Typer(
    name="bookcast",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: bookcast narrate book.epub    (global options may stand anywhere on the line)",
)

_VALUED = ("--config", "--data", "--log-format")
_FLAGS = ("--json", "--quiet")


class LogFormat(StrEnum):
    """What lines on stderr are."""

    TEXT = "text"
    JSON = "json"


@app.callback(invoke_without_command=True)
def global_options(
    context: typer.Context,
    config_file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings file. \\[env: BOOKCAST_CONFIG]")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where books, clips and the library are. \\[env: BOOKCAST_DATA]"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, progress on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, the settings file and the data directory.")
    ] = False,
    log_format: Annotated[
        LogFormat, typer.Option(envvar=VARIABLE, help="Progress and errors for people, or one JSON object a line.")
    ] = LogFormat.TEXT,
) -> None:
    """Narrate documents: ebooks into chaptered audiobooks, nothing lost, nothing paid twice."""
    options.json, options.quiet, options.json_printed = json, quiet, False
    os.environ[VARIABLE] = log_format.value  # for this program and all that it starts
    log_in_json()
    options.find_places(config_file, data)
    if version:
        print_places()
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.fail("Missing command.")
    for place in (options.config_place, options.data_place):
        if place.warning and not quiet:
            complain(place.warning)


app.command("narrate", epilog=narrate.EXAMPLES)(narrate.narrate)
app.command("status", epilog=status.EXAMPLES)(status.status)
app.command("rerun", epilog=rerun.EXAMPLES)(rerun.rerun)
app.command("remove", epilog=remove.EXAMPLES)(remove.remove)
app.command("spend", epilog=spend.EXAMPLES)(spend.spend)
app.command("say", epilog=say.EXAMPLES)(say.say_text)
app.command("voices")(voices.voices)
app.command("up", epilog=up.EXAMPLES)(up.up)
app.command("podcast", epilog=podcast.EXAMPLES)(podcast.podcast)
app.command("doctor")(doctor.doctor)
app.add_typer(config.app, name="config")
app.command("backup", epilog=backup.EXAMPLES)(backup.backup)
app.add_typer(feeds.app, name="feeds")
app.add_typer(cache.app, name="cache")


def run() -> None:
    """Entry point: the exit code says how it ended (see `pipeline.errors`)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows few letters gets question marks, no traceback
            stream.reconfigure(errors="replace")
    arguments = global_first(sys.argv[1:])
    try:
        code = app(arguments, standalone_mode=False) or 0
    except NarrationError as error:
        code = _explain(error)
    except typer.Abort:
        code = 130
    except KeyboardInterrupt:
        complain("Stopped. Everything that was finished is kept; the same command goes on from here.")
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    # everything: the class of a wrong command line moved with the versions of typer; its method did not
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise  # a fault of the program itself: its traceback belongs into a bug report
        complain(f"{error.format_message()} (bookcast --help shows how)")
        code = 2
    sys.exit(code)


def run_program() -> None:
    """`run` as a process of its own, which ends even where threads of a library do not."""
    try:
        run()
    except SystemExit as ended:
        code = int(str(ended.code or 0))
        leave_in(STOPPED_EXIT_S if code == STOPPED else EXIT_S, code)
        raise


def global_first(arguments: list[str]) -> list[str]:
    """The arguments with global options moved to the front, where the parser wants them.

    >>> global_first(["narrate", "a.epub", "--json", "--data", "d"])
    ['--json', '--data', 'd', 'narrate', 'a.epub']
    """
    front, rest, queue = [], [], list(arguments)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += [word, *queue]
            break
        if word in _FLAGS or word.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(word)
        elif word in _VALUED and queue:
            front += [word, queue.pop(0)]
        else:
            rest.append(word)
    return [*front, *rest]


def _explain(error: NarrationError) -> int:
    if options.json and not options.json_printed:
        print_json({"error": str(error), "remedy": error.remedy, "exit_code": error.exit_code})
    if is_json():
        complain(str(error), remedy=readable_name(error.remedy), exit_code=error.exit_code)
        return error.exit_code
    err.print(readable_name(f"Error: {error}"), markup=False, style="red")
    if error.remedy:
        err.print(readable_name(f"Try: {error.remedy}"), markup=False)
    return error.exit_code
