"""The `bookcast` program: commands, global options, and errors as exit codes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import cache, doctor, feeds, narrate, podcast, rerun, say, spend, status, up, voices
from pipeline.cli.session import err, options, print_json
from pipeline.errors import NarrationError

app = typer.Typer(
    name="bookcast",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: bookcast narrate book.epub    (global options may stand anywhere on the line)",
)

_VALUED = ("--config", "--data")
_FLAGS = ("--json", "--quiet")


@app.callback()
def global_options(
    config: Annotated[
        Path | None, typer.Option(envvar="BOOKCAST_CONFIG", help="Settings file. [default: config/bookcast.toml]")
    ] = None,
    data: Annotated[Path, typer.Option(envvar="BOOKCAST_DATA", help="Where books, clips and the library lie.")] = Path(
        "data"
    ),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, progress on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Narrate documents: ebooks into chaptered audiobooks, nothing lost, nothing paid twice."""
    options.config, options.data, options.json, options.quiet = config, data, json, quiet
    options.json_printed = False


app.command("narrate", epilog=narrate.EXAMPLES)(narrate.narrate)
app.command("status", epilog=status.EXAMPLES)(status.status)
app.command("rerun", epilog=rerun.EXAMPLES)(rerun.rerun)
app.command("spend", epilog=spend.EXAMPLES)(spend.spend)
app.command("say", epilog=say.EXAMPLES)(say.say_text)
app.command("voices")(voices.voices)
app.command("up", epilog=up.EXAMPLES)(up.up)
app.command("podcast", epilog=podcast.EXAMPLES)(podcast.podcast)
app.command("doctor")(doctor.doctor)
app.add_typer(feeds.app, name="feeds")
app.add_typer(cache.app, name="cache")


def run() -> None:
    """Entry point: the exit code says how it ended (see `pipeline.errors`)."""
    arguments = global_first(sys.argv[1:])
    try:
        code = app(arguments, standalone_mode=False) or 0
    except NarrationError as error:
        code = _explain(error)
    except typer.Abort:
        code = 130
    except KeyboardInterrupt:
        err.print("Stopped. Everything that was finished is kept; the same command goes on from here.")
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    # everything: the class of a wrong command line moved with the versions of typer; its method did not
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise  # a fault of the program itself: its traceback belongs into a bug report
        err.print(f"{error.format_message()} (bookcast --help shows how)", markup=False)
        code = 2
    sys.exit(code)


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
    err.print(f"Error: {error}", markup=False, style="red")
    if error.remedy:
        err.print(f"Try: {error.remedy}", markup=False)
    return error.exit_code


if __name__ == "__main__":
    run()
