"""Captures that somebody else has opened: a file, a pipe, bytes in memory."""

from __future__ import annotations

from io import RawIOBase
from typing import IO

from lmdecode.capture.errors import CaptureError

__all__ = ["OpenCapture"]


class OpenCapture(RawIOBase):
    """A file object as captures are read from. Whoever opened it closes it.

    Args:
        file: Gives bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._read = getattr(file, "read1", file.read)  # what is there, rather than wait for more
        name = getattr(file, "name", None)
        self.name = name if isinstance(name, str) and name else "the file object"
        """For messages."""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # BufferedReader gives these
        """Read some bytes.

        Raises:
            CaptureError: It gives no bytes.
        """
        data = self._read(len(buffer))
        if not isinstance(data, bytes | bytearray | memoryview):
            raise CaptureError(f"{self.name} gives text, not bytes: open it with mode 'rb'")
        buffer[: len(data)] = data
        return len(data)
