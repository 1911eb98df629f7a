"""A file of JSON Lines that grows while a machine is watched. It has whole lines, whatever happens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lmdecode.app.errors import CommandError
from lmdecode.codec.record import Record
from lmdecode.render.records.jsonl import json_bytes

_LONGEST: Final = 1 << 20  # bytes of a line
_AS_BYTES: Final[int] = getattr(os, "O_BINARY", 0)  # or Windows makes two bytes of the end of a line


class JsonlLog:
    """Adds Records to a file, each as one line that is handed to the system at once.

    So what was written survives the end of this process, however that ends. If the last line of a file is not whole, a
    computer stopped while it was written; that line is cut off, because every reader would fail on it.

    Args:
        path: The file; created if it does not exist.

    Raises:
        CommandError: The file cannot be written, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = 0
        """How many bytes of an incomplete line were cut off."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _AS_BYTES, 0o666)
        except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
            raise CommandError(f"--jsonl {path} cannot be written: {getattr(error, 'strerror', error)}") from None
        try:
            self._mend()
        except OSError as error:
            self.close()
            raise CommandError(f"--jsonl {path} cannot be read: {error.strerror}") from None
        except CommandError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, record: Record) -> None:
        """Adds a line.

        Raises:
            CommandError: The line cannot be written whole; then nothing of it is left in the file.
        """
        line = json_bytes(record)
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            if written and self._is_file():
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise CommandError(f"--jsonl {self.path} cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Closes the file."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _mend(self) -> None:
        if not self._is_file() or not (size := os.fstat(self._file).st_size):
            return
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            self._check(file.readline(_LONGEST), whole=size)
            start = max(size - _LONGEST, 0)
            file.seek(start)
            end = file.read()
        if end.endswith(b"\n"):
            return
        last = end[end.rfind(b"\n") + 1 :]
        if _is_ours(last):  # only its newline is missing
            os.write(self._file, b"\n")
            return
        self.cut = len(last)
        os.ftruncate(self._file, size - self.cut)

    def _check(self, first: bytes, *, whole: int) -> None:
        """Checks that the file holds our lines; the only line may be the beginning of one."""
        half = len(first) == whole and not first.endswith(b"\n")
        if not (_is_ours(first) or (half and b'{"time":"'.startswith(first[:9]) and len(first) < _LONGEST)):
            raise CommandError(f"--jsonl {self.path} holds something other than messages: name another file")

    def _is_file(self) -> bool:
        import stat

        return stat.S_ISREG(os.fstat(self._file).st_mode)


def _is_ours(line: bytes) -> bool:
    try:
        entries = json.loads(line)
    except ValueError:
        return False
    return isinstance(entries, dict) and {"time", "plaintext"} <= entries.keys()
