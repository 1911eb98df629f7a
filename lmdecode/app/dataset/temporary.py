"""A folder for copies of captures, which is gone afterwards, whatever happens to the process.

A worker may be killed at any moment, and what it copied is somebody's traffic. An unlinked file would go with its
process, but a capture is opened several times, and only Linux opens an unlinked file again. So each folder has a file
that its process keeps locked. The system gives the lock back however the process ends, and whoever makes the next
folder removes those that nobody holds.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

_PREFIX: Final = "lmdecode-copies-"
_LOCK: Final = "lock"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Gives a folder that only this user can read, and removes it afterwards with all that is in it.

    Removes what killed processes left. The folder lies where the environment variable TMPDIR says, else in /tmp.

    Raises:
        OSError: It cannot be made.
    """
    remove_abandoned()
    folder, held = _made()
    try:
        yield folder
    finally:
        if sys.platform == "win32":
            held.close()  # a file that is open cannot be removed there
        shutil.rmtree(folder, ignore_errors=True)
        held.close()


def remove_abandoned() -> None:
    """Removes the folders of this user whose processes are no more."""
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _remove_abandoned(folder)


def _remove_abandoned(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != _user():
        return
    lock = folder / _LOCK
    if sys.platform == "win32":
        lock.unlink()  # fails while it is open
        shutil.rmtree(folder, ignore_errors=True)
        return
    with lock.open("rb") as file:  # without one, its process is just about to make it
        if _locks(file):
            shutil.rmtree(folder, ignore_errors=True)


def _made() -> tuple[Path, IO[bytes]]:
    """Returns a new folder, and what must stay open as long as it is used."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            held = (folder / _LOCK).open("wb")
        except FileNotFoundError:  # another process took it for an abandoned one
            continue
        if _locks(held):
            return folder, held
        held.close()


def _locks(file: IO[bytes]) -> bool:
    """Locks a file. Returns False if another process holds it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
