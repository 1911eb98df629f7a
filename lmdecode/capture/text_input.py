"""A file's text, a block at a time, as soon as it is there."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BufferedReader
from typing import Final

UTF8_MARK: Final = codecs.BOM_UTF8
UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LONGEST: Final = 1 << 22
"""Of a line or of a packet's text; longer ones are not waited for, so that no file can fill the memory."""

_BLOCK: Final = 1 << 16


def text_of(start: bytes) -> bytes:
    """Return the first bytes of a text file without its byte order mark, and UTF-16 without the zero bytes of ASCII."""
    return start[2:].replace(b"\x00", b"") if start[:2] in UTF16_MARKS else start.removeprefix(UTF8_MARK)


class TextInput:
    """A file in UTF-8, or in UTF-16 with a byte order mark, as UTF-8 without one.

    What is wrong in UTF-16 is replaced; UTF-8 is left as it is.

    Args:
        file: Positioned at its beginning.
    """

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.position = 0
        """How much of the file was read, in bytes."""
        self.failure = ""
        """Why it could not be read to its end, if so."""
        start = file.peek(1)
        self._decoder = None
        if start.startswith(UTF8_MARK):
            self.position = len(file.read(len(UTF8_MARK)))
            start = start[len(UTF8_MARK) :]
        elif start.startswith(UTF16_MARKS):
            self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
            start = start[2:].replace(b"\0", b"")
        self.is_list = start.lstrip().startswith(b"[")
        """Whether the text begins as a JSON list does."""

    def read(self, size: int = _BLOCK) -> bytes:
        """At most so many bytes of the file, as text; none at the end, or where it cannot be read further."""
        while True:
            try:
                data = self._file.read1(size)
            except OSError as error:
                self.failure = error.strerror or "input/output error"
                return b""
            self.position += len(data)
            if self._decoder is None or not data:
                return data
            text = self._decoder.decode(data)
            if text:  # nothing would mean the end
                return text.encode("utf-8", "replace")

    def lines(self) -> Iterator[list[bytes]]:
        """Its lines, without their ends, as many at a time as came at once; one that never ends comes in pieces."""
        rest = b""
        while block := self.read():
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            if len(rest) > LONGEST:
                lines.append(rest)
                rest = b""
            yield lines
        if rest:
            yield [rest]
