"""Bookcast as people have it: its wheel in an empty virtual environment, far from the checkout, for a user without rights.

The steps are those of the Dockerfile, in a plain folder.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.makers import SAMPLES

NOBODY = 65534
INSTALL_S = 600
Result = subprocess.CompletedProcess[str]


class Installation:
    """A folder with the virtual environment, and room for what the user writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sample = Path(shutil.copy(SAMPLES / "the-keeper-of-gull-rock.epub", folder))
        self.as_nobody, python = _unprivileged()
        self.wheel = _build_wheel(folder)
        _call(python, "-m", "venv", "--without-pip", str(folder / "venv"))
        pip = (sys.executable, "-m", "pip", "--python", str(folder / "venv" / "bin" / "python"))
        _call(*pip, "install", "--quiet", "--disable-pip-version-check", str(self.wheel))

    def room(self, name: str) -> Path:
        """A folder of the unprivileged user."""
        path = self.folder / name
        path.mkdir()
        if self.as_nobody:
            os.chown(path, NOBODY, NOBODY)
        return path

    def environment(self, room: Path, **more: str) -> dict[str, str]:
        """Of a user without a home folder, whose temporary files are in `room`."""
        return {"PATH": f"{self.folder / 'venv' / 'bin'}:/usr/bin:/bin", "TMPDIR": str(room), **more}

    def run(self, command: list[str], environment: dict[str, str]) -> Result:
        """A command of the installation, called from `/`."""
        return subprocess.run(
            [*self.as_nobody, *command], cwd="/", env=environment, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip


@contextmanager
def installed() -> Iterator[Installation]:
    """An installation that is removed again; pytest's own folders are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="bookcast-installed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield Installation(folder)


def _build_wheel(folder: Path) -> Path:
    """From what .dockerignore lets in, so that neither old builds nor caches are in it."""
    source = folder / "source"
    source.mkdir()
    for name in re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps")
    _call(*pip, "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("bookcast-*.whl")
    return wheel


def _unprivileged() -> tuple[list[str], str]:
    """How a command is run as a user without rights, and an interpreter that such a user can start."""
    # rights are lost only when a program is started, so that setpriv still finds what `env` must not
    drop = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "env"]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        able = "import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))"
        for python in (os.path.realpath(sys.executable), "/usr/bin/python3"):
            if subprocess.run([*drop, python, "-c", able], cwd="/", capture_output=True, check=False).returncode == 0:
                return drop, python
    return [], sys.executable


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
