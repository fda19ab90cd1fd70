"""The files of a release -> all of them in their folder, or none."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import PublishError, StoreError
from pipeline.publish.library import ReleaseFile
from pipeline.store.files.whole_file import stray_parts, whole_files


def place_release(folder: Path, files: Sequence[ReleaseFile]) -> list[Path]:
    """Write all files under temporary names first, then give all of them their names; the final paths.

    Raises:
        PublishError: the folder cannot be written or the disk is full; nothing of the release appears then.
    """
    paths = [folder / file.name for file in files]
    for stray, _ in stray_parts(folder):  # of a program that was killed here: an audiobook is large
        stray.unlink(missing_ok=True)
    try:
        with whole_files(paths) as temporaries:
            for file, temporary in zip(files, temporaries, strict=True):
                file.write(temporary)
    except StoreError as error:
        raise PublishError(str(error), remedy="free some space, or choose another folder with --output") from error
    return paths
