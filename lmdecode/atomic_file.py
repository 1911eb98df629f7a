"""Atomic files: written under another name beside their place, and renamed when they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """A file of bytes that takes its name when the block ends well, and is gone when it does not.

    Args:
        path: Its name, which is no link; a file that has it is replaced.
        private: Whether only its owner may read it, whoever could until now. Such a file is on the disk, whatever
            happens, before it replaces the one before it.

    Raises:
        OSError: The folder is not there or takes no files, or the disk is full.
    """
    import tempfile  # noqa: PLC0415 -- most commands write no file, and it takes 4 ms

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if private:
                file.flush()
                os.fsync(file.fileno())
        if not private:  # a temporary file is its owner's alone; a result has the rights that any new file gets
            part.chmod((path.stat().st_mode if path.exists() else 0o666 & ~_umask()) & 0o777)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def behind_links(path: Path) -> Path | None:
    """The file that a path stands for, through whatever links; None if they lead back to themselves."""
    found = Path(os.path.realpath(path))
    return None if found.is_symlink() else found


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
