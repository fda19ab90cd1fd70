"""The command line: one file a command.

The entry point stands here and imports the rest late: worker processes import the program's main
module again, and need nothing of it.
"""


def run() -> None:
    """The `bookcast` program."""
    from pipeline.cli.main import run as run_main

    run_main()
