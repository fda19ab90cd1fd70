"""`bookcast config`: where the settings are, what is in force, and a commented file to start from."""

import os
from pathlib import Path

import typer

from pipeline.cli.output.places_display import print_places
from pipeline.cli.output.session import options, out, print_json, print_table, say, settings
from pipeline.errors import SettingsError
from pipeline.settings.places import CONFIG_VARIABLE, DEFAULTS, SETTINGS_NAME

app = typer.Typer(
    no_args_is_help=True,
    help="Show the settings, or start a file of your own.",
    epilog='Examples: bookcast config init  |  "$EDITOR" "$(bookcast config path)"  |  bookcast config show',
)


@app.command()
def path() -> None:
    """Print where the settings file is, or where it is looked for."""
    if options.json:
        print_places()
    else:
        out.print(str(options.config_place.path.absolute()), markup=False, soft_wrap=True)


@app.command()
def show() -> None:
    """Print every setting in force, and where it is set."""
    from pipeline.web.views.settings_view import settings_in_force  # the studio's page shows the same

    rows = settings_in_force(settings())
    if options.json:
        print_json({"settings": rows})
    print_table(["setting", "value", "set in"], [[row["key"], row["value"], row["place"]] for row in rows])


@app.command()
def init() -> None:
    """Write a commented settings file to start from; a file that is there stays as it is."""
    target = options.config_place.path
    if target.parent == DEFAULTS:
        raise SettingsError(
            "There is no home folder for a settings file", remedy=f"name one with --config or {CONFIG_VARIABLE}"
        )
    _write_new(target, (DEFAULTS / SETTINGS_NAME).read_bytes())
    say(f"{target.absolute()} holds every setting with its default: take the # away to change one.")
    if options.json:
        print_json({"settings": str(target.absolute())})


def _write_new(target: Path, content: bytes) -> None:
    """Raises: SettingsError where the file is there, or cannot be written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # for its owner alone: addresses of [notify] hold passwords
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        place = target.absolute()
        if os.path.lexists(target):
            told, remedy = f"There already is a settings file {place}", "edit it, or move it away"
        else:
            told, remedy = (
                f"{place} cannot be written: {error.strerror}",
                f"name another with --config or {CONFIG_VARIABLE}",
            )
        raise SettingsError(told, file=str(target), remedy=remedy) from error
