"""The version, the settings file and the data directory in force -> what `--version` and `config path` print."""

from importlib.metadata import PackageNotFoundError, version

from pipeline.cli.output.session import options, out, print_json

_NOT_THERE = "not there, so the defaults hold"


def print_places() -> None:
    """The version and both places, with what decided them."""
    try:
        number = version("bookcast")
    except PackageNotFoundError:  # a checkout that was never installed
        number = "0"
    settings, data = options.config_place, options.data_place
    if options.json:
        print_json(
            {
                "version": number,
                "settings": str(settings.path.absolute()),
                "settings_why": settings.why,
                "settings_exist": settings.path.is_file(),
                "data": str(data.path.absolute()),
                "data_why": data.why,
            }
        )
        return
    absent = "" if settings.path.is_file() else f"; {_NOT_THERE}"
    out.print(f"bookcast {number}")
    out.print(f"settings: {settings.path.absolute()} ({settings.why}{absent})", markup=False, soft_wrap=True)
    out.print(f"data:     {data.path.absolute()} ({data.why})", markup=False, soft_wrap=True)
