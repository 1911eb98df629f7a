"""Files that a command is given: captures that match a pattern, memory images, outputs that appear when whole."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Literal, overload

from lmdecode.app.errors import CommandError
from lmdecode.atomic_file import behind_links, replacing

if TYPE_CHECKING:
    from lmdecode.codec.v1.image import MemoryImage

_IMAGE_START: Final = 1 << 16  # bytes that are looked at to recognise an image
_LARGEST_IMAGE: Final = 32 << 20  # characters; all of the memory takes a hundredth, and /dev/zero has no end
_JSON_OBJECT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{").match

STDIN: Final = Path("-")
"""Stands for standard input."""


def expanded(paths: Iterable[Path]) -> list[Path]:
    """Returns the paths; a pattern is replaced by the files that match it, in the order of their names.

    A shell does this itself, but not in quotes, and not on Windows. A pattern that matches nothing stays, and
    reading it then fails as for a file that is not there.
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
    """Returns True if packets may come in as they are captured: from a pipe or a terminal rather than a disk."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode if path == STDIN else path.stat().st_mode
    except (OSError, ValueError):  # whoever reads it will say so
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def load_image(path: Path) -> MemoryImage:
    """Reads a memory image.

    Raises:
        MemoryImageError: The file cannot be read, or is not an image.
    """
    from lmdecode.codec.v1.image import MemoryImageError, parse_image

    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LARGEST_IMAGE)
    except FileNotFoundError:
        raise MemoryImageError(f"there is no file {path}: check its name, or make one with `lmdecode scan`") from None
    except IsADirectoryError:
        raise MemoryImageError(f"{path} is a folder: name the memory image in it") from None
    except UnicodeDecodeError:
        raise MemoryImageError(f"{path} is not a memory image: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise MemoryImageError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    try:
        return parse_image(text)
    except MemoryImageError as error:
        raise MemoryImageError(f"{path} is not a memory image: {error}") from None


def looks_like_image(path: Path) -> bool:
    """Returns True if a file begins like a memory image, of any version, and not like a capture."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_IMAGE_START)
    except (OSError, ValueError):  # whoever reads it will say so
        return False
    return _JSON_OBJECT(start) is not None and (b'"format"' in start or b'"ranges"' in start)


def refuse_to_overwrite(output: Path | None, inputs: Iterable[Path]) -> None:
    """Checks that the output is not one of the files that are read, and can be written.

    Args:
        output: The file to write; None for stdout.
        inputs: The files to read; names that are not files do not matter.

    Raises:
        CommandError: It is one of them, or cannot be written.
    """
    if output is None:
        return
    if str(output) not in {"", "-"} and (output.is_dir() or output.is_file() or not output.exists()):
        check_writable(output)  # now, and not when all is read
    if not output.exists():
        return
    for path in inputs:
        if path.is_file() and output.is_file() and path.samefile(output):
            raise CommandError(f"--output {output} is {path}, which is read: name another file")


def check_writable(path: Path) -> None:
    """Finds out early whether a file can be written.

    Raises:
        CommandError: It is a folder, or its folder is missing or not writable.
    """
    import tempfile

    if path.is_dir():
        raise CommandError(f"--output {path} is a folder: name a file in it")
    path = _behind_links(path)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part"):
            pass
    except OSError as error:
        raise CommandError(f"--output {path} cannot be written: {error.strerror}") from None


def text_over(file: BinaryIO) -> io.TextIOWrapper:
    """Returns a text file over a binary one: UTF-8, with the same line ends everywhere.

    Halves of characters, which names of files may have, are written as JSON escapes them.
    """
    return io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="\n")


def text_output(output: Path | None, *, private: bool = False) -> contextlib.AbstractContextManager[IO[str]]:
    """Opens the output for text: a file that appears when it is whole, or stdout; UTF-8, unless that is a terminal.

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
    """Opens a file, of bytes or UTF-8 text, that gets its name when the block ends well; otherwise it is removed.

    Something that is not an ordinary file, such as /dev/null or a pipe, is written to directly.

    Args:
        path: Its name.
        binary: Whether it takes bytes.
        private: Whether only its owner may read it, whoever could read the old one.

    Raises:
        CommandError: Its folder is missing or not writable.
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
    # An error of the block must not look like one of opening the file, so only the opening is in the try.
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
        text.detach()  # writes what is left, and does not close the file


def _behind_links(path: Path) -> Path:
    """Returns the file that a path stands for, behind all links.

    Raises:
        CommandError: The links lead back to themselves.
    """
    found = behind_links(path)
    if found is None:
        raise CommandError(f"--output {path} is a link that leads back to itself: name another file")
    return found
