"""`bookcast` called in this process, as its entry point is: much quicker than a program of its own."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from unittest import mock

from pipeline.cli.main import run

Result = subprocess.CompletedProcess[str]


def bookcast(*arguments: str) -> Result:
    """What the command wrote and its exit code; what goes wrong otherwise is raised."""
    out, err, code = StringIO(), StringIO(), 0
    with (
        mock.patch.dict(os.environ),  # what a program sets for itself ends with it
        mock.patch.object(sys, "argv", ["bookcast", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            run()
        except SystemExit as ended:
            code = int(str(ended.code or 0))
    return Result(list(arguments), code, out.getvalue(), err.getvalue())
