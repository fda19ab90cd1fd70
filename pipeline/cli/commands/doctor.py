"""`bookcast doctor`: is everything there, and what to do where it is not."""

from collections.abc import Iterator
from dataclasses import asdict

import typer

from pipeline.cli.output.session import open_context, options, out, print_json, settings
from pipeline.errors import NarrationError
from pipeline.narration.upkeep.checkup import Finding, check_backends, check_python, check_store


def doctor() -> None:
    """Check Python, libraries, settings, data directory, database, backends and disk; exit 1 for a fault."""
    findings = [*check_python(), _settings(), *_data(), *check_backends(settings())]
    for finding in findings:
        if not options.json:
            mark = "[green]ok[/]  " if finding.ok else "[red]FAIL[/]"
            out.print(f"{mark} {finding.check}: ", end="")
            out.print(finding.detail + (f"  -> {finding.remedy}" if finding.remedy else ""), markup=False)
    healthy = all(finding.ok for finding in findings)
    if options.json:
        print_json({"ok": healthy, "checks": [asdict(finding) for finding in findings]})
    if not healthy:
        raise typer.Exit(1)


def _settings() -> Finding:
    place = options.config_place
    absent = "" if options.config else "; not there, so the defaults hold"
    return Finding("settings file", ok=True, detail=f"{place.path.absolute()} ({place.why}{absent})")


def _data() -> Iterator[Finding]:
    place, folder = options.data_place, options.data.absolute()
    yield Finding("data directory in force", ok=True, detail=f"{folder} ({place.why})", remedy=place.warning)
    if not options.data.exists():
        yield Finding("data directory", ok=True, detail=f"{folder} will be made by the first run")
        return
    try:
        with open_context(only_looks=True) as context:
            yield from check_store(context.store, folder)
    except NarrationError as error:
        yield Finding("data directory", ok=False, detail=str(error), remedy=error.remedy)
