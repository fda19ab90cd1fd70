"""A cover picture of any kind -> JPEG or PNG, which is what audio files and players take.

Nothing of a stranger's picture is decoded or drawn in this process: see `picture_program`.
"""

import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from pipeline.errors import UnusablePicture
from pipeline.model.book import Cover, PictureKind, find_picture_kind
from pipeline.publish.picture_program import REFUSED, Work
from pipeline.publish.picture_size import check_picture_size

READY = (PictureKind.JPEG, PictureKind.PNG)
"""What audio files and players take as it is."""
WORK_S = 10
"""Of processor time; the slowest covers take less than one second."""
_PATIENCE = 6
"""How many times as long it may take by the clock, on a machine that is busy with other things."""
AT_ONCE = 2
"""Pictures: each may take as much memory as any picture may."""
_turns = threading.BoundedSemaphore(AT_ONCE)
_OWN_FAULTS = {signal.SIGXCPU, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
"""Signals that a process gets for what it does; a system without memory, or a person, sends others."""
_PACKAGES = Path(__file__).parents[2]
_ENVIRONMENT = ("HOME", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONUSERBASE")
"""What the other process is told; keys and passwords stay here."""


class PictureNotRead(UnusablePicture):
    """Nothing is known to be wrong with the cover: this machine could not look at it now."""

    retryable = True
    default_remedy = "try again when this machine has more time and memory"


def usable_picture(cover: Cover, *, seconds: float = WORK_S) -> Cover:
    """The cover as JPEG or PNG.

    Args:
        cover: as a document, a site or a person gave it.
        seconds: of processor time that drawing it may take.

    Raises:
        UnusablePicture: it cannot be read, or asks for more than a cover may.
        PictureNotRead: it could not be looked at now.
    """
    kind = cover.kind
    if kind is PictureKind.SVG or (kind is None and "svg" in cover.media_type):
        return Cover(PictureKind.JPEG, _apart(Work.DRAW_SMALL, cover.data, seconds))
    if kind is None:
        raise UnusablePicture("The picture is not a JPEG, PNG, GIF, WebP or SVG")
    check_picture_size(cover.data)  # here too, so that no process is started for what is refused
    if kind in READY:
        _apart(Work.CHECK, cover.data, seconds)
        return Cover(kind, cover.data)
    return Cover(PictureKind.JPEG, _apart(Work.CONVERT, cover.data, seconds))


def draw_svg(svg: str, *, seconds: float = WORK_S) -> Cover:
    """A drawing as PNG. Raises: UnusablePicture, PictureNotRead."""
    return Cover(PictureKind.PNG, _apart(Work.DRAW, svg.encode(), seconds))


def _apart(work: Work, data: bytes, seconds: float) -> bytes:
    """Raises: UnusablePicture, and PictureNotRead where the picture need not be the reason."""
    try:
        with _turns:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "pipeline.publish.picture_program", work, str(math.ceil(seconds))],
                input=data,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
                timeout=seconds * _PATIENCE,
                start_new_session=True,  # Ctrl-C in the terminal is not meant for it
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise PictureNotRead("The picture cannot be read now: this machine is busy") from error
    except OSError as error:
        raise PictureNotRead(f"The picture cannot be read now: {error.strerror}") from error
    if done.returncode == REFUSED:
        reason, _, remedy = done.stdout.decode("utf-8", "replace").partition("\n")
        raise UnusablePicture(reason, remedy=remedy)
    if -done.returncode in _OWN_FAULTS:
        raise UnusablePicture("The picture takes too much time or memory")
    if done.returncode:
        raise PictureNotRead("The picture cannot be read now: the process that reads it was ended")
    if work is not Work.CHECK and find_picture_kind(done.stdout) not in READY:
        raise UnusablePicture("The picture cannot be read")
    return done.stdout


def _environment() -> dict[str, str]:
    known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    path = os.pathsep.join(filter(None, [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]))
    return {**known, "PYTHONPATH": path, "PYTHONUTF8": "1"}
