"""Files that a command is given: which captures a pattern means, and output files that are whole or not there."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final, Literal, overload

from lmdecode.app.errors import CommandError
from lmdecode.atomic_file import behind_links, replacing

STDIN: Final = Path("-")
"""What stands for standard input."""


def expanded(paths: Iterable[Path]) -> list[Path]:
    """The paths, with patterns in them replaced by the files that they fit, in order of their names.

    A shell does this itself, but not in quotes, and not on Windows. A pattern that fits nothing stays, and is then
    complained about as a file that is not there.
    """
    found: list[Path] = []
    for path in paths:
        text = str(path)
        if glob.has_magic(text) and not path.exists():
            names = glob.glob(text, recursive=True)  # noqa: PTH207 -- Path.glob takes no absolute pattern
            found += map(Path, sorted(names)) if names else [path]
        else:
            found.append(path)
    return found


def is_live(path: Path) -> bool:
    """Whether packets may come in as they are captured: from a pipe or a terminal rather than from a disk."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode if path == STDIN else path.stat().st_mode
    except (OSError, ValueError):  # not there, which whoever reads it will say
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def refuse_to_overwrite(output: Path | None, inputs: Iterable[Path]) -> None:
    """See to it that the output is none of the files that are read; the key's origin may be one.

    Raises:
        CommandError: It is one.
    """
    if output is None:
        return
    if not output.exists():
        if str(output) not in {"", "-"}:
            check_writable(output)  # now, and not when all is read
        return
    for path in inputs:
        if path.is_file() and output.is_file() and path.samefile(output):
            raise CommandError(f"--output {output} is {path}, which is read: name another file")


def check_writable(path: Path) -> None:
    """Find out early what would keep a file from being written.

    Raises:
        CommandError: It is a folder, or its own folder is not there or takes no files.
    """
    if path.is_dir():
        raise CommandError(f"--output {path} is a folder: name a file in it")
    path = _behind_links(path)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part"):
            pass
    except OSError as error:
        raise CommandError(f"--output {path} cannot be written: {error.strerror}") from None


def text_over(file: BinaryIO) -> io.TextIOWrapper:
    """A text file over a binary one: UTF-8, lines that end alike everywhere."""
    return io.TextIOWrapper(file, encoding="utf-8", newline="\n")


def text_output(output: Path | None, *, private: bool = False) -> contextlib.AbstractContextManager[IO[str]]:
    """Where text goes: a file that appears when it is whole, or stdout; UTF-8, unless that is a terminal.

    Args:
        output: The file; None for stdout.
        private: Whether only its owner may read it.

    Raises:
        CommandError: The file cannot be written.
    """
    if output is not None:
        return whole_file(output, private=private)
    if not sys.stdout.isatty() and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    return contextlib.nullcontext(sys.stdout)


@overload
def whole_file(path: Path, *, private: bool = False) -> contextlib.AbstractContextManager[IO[str]]: ...
@overload
def whole_file(
    path: Path, *, binary: Literal[True], private: bool = False
) -> contextlib.AbstractContextManager[IO[bytes]]: ...
@overload
def whole_file(
    path: Path, *, binary: bool, private: bool = False
) -> contextlib.AbstractContextManager[IO[str] | IO[bytes]]: ...
def whole_file(
    path: Path, *, binary: bool = False, private: bool = False
) -> contextlib.AbstractContextManager[IO[str] | IO[bytes]]:
    """A file, of bytes or UTF-8 text, that takes its name when the block ends well, and is gone when it does not.

    Something that is not an ordinary file, such as /dev/null or a pipe, is written to directly.

    Args:
        path: Its name.
        binary: Whether it is of bytes.
        private: Whether only its owner may read it, whoever could until now.

    Raises:
        CommandError: The folder is not there or takes no files.
    """
    return _whole_file(path, binary=binary, private=private)


@contextlib.contextmanager
def _whole_file(path: Path, *, binary: bool, private: bool) -> Iterator[IO[str] | IO[bytes]]:
    if path.is_dir():
        raise CommandError(f"--output {path} is a folder: name a file in it")
    if path.exists() and not path.is_file():
        with path.open("wb") as special, special if binary else text_over(special) as asked:
            yield asked
        return
    # What the block raises is its own business, so the file is opened apart from it.
    with contextlib.ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(replacing(_behind_links(path), private=private))
        except OSError as error:
            raise CommandError(f"--output {path} cannot be written: {error.strerror}") from None
        if binary:
            yield file
            return
        text = text_over(file)
        yield text
        text.detach()  # which writes what is left, and does not close the file


def _behind_links(path: Path) -> Path:
    """The file that a path stands for, through whatever links.

    Raises:
        CommandError: They lead back to themselves.
    """
    found = behind_links(path)
    if found is None:
        raise CommandError(f"--output {path} is a link that leads back to itself: name another file")
    return found
