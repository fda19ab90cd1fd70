"""The command line: one file a command.

The entry point stands here and imports the rest late: worker processes import the program's main
module again, and need nothing of it.
"""

import gc


def run() -> None:
    """The `bookcast` program."""
    gc.disable()  # nothing that is imported is garbage: looking for some takes a sixth of the start
    from pipeline.cli.main import run_program

    gc.freeze()
    gc.enable()
    run_program()
