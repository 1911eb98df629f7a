"""Output files: written under another name first, so that the real one is whole or not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lmdecode.cli.failures import CommandError

__all__ = ["whole_file"]


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A text file, in UTF-8, that takes its name when the block ends well, and is gone when it does not.

    Something that is not an ordinary file, such as /dev/null or a pipe, is written to directly.

    Raises:
        CommandError: The folder is not there or takes no files.
    """
    if path.is_dir():
        raise CommandError(f"--output {path} is a folder: name a file in it")
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8") as file:
            yield file
        return
    path = path.resolve()  # through a link, to the file that it stands for
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise CommandError(f"--output {path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
        # A temporary file is its owner's alone; a result has the rights that any new file gets.
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode & 0o777)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
