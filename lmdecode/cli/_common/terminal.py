"""Standard output and error on a terminal: the lowest layer, which nothing that is written can go around.

What a terminal obeys is made printable where texts are put together; see `codec.printable`. Somebody will forget it in
one place, and formats for programs leave the texts of strangers as they are. So where a stream is a terminal, it is
replaced by one that lets nothing through that a terminal obeys. Only rich may write escape sequences, because it says
apart from text what is style: it asks a stream for its `rich_proxied_file`, and `render.terminal.TerminalConsole` makes
its text printable first.

A pipe or a file is never replaced: bytes for programs stay as they are, and cost nothing.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
from typing import IO, TYPE_CHECKING, Final, cast

from lmdecode.codec.printable import printable_lines

if TYPE_CHECKING:
    from typing_extensions import Buffer

_SEQUENCE: Final = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|[\x07\r])")  # rich's styles, cursor and screen


def guard_terminals() -> None:
    """Replaces standard output and standard error by guarded ones, where they are terminals."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream, GuardedTerminal) and stream.isatty():
            stream.flush()
            setattr(sys, name, GuardedTerminal(stream))


class GuardedTerminal(io.TextIOWrapper):
    """A text stream that makes printable what is written to it.

    Args:
        stream: The stream of the terminal. It stays open, and is to be used no more.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream.buffer, encoding=stream.encoding, errors="replace", line_buffering=True)
        self._stream = stream  # which would close the file if nobody held it
        self._bytes = _Bytes(self)
        self.rich_proxied_file = cast("IO[str]", _Styled(self))
        """Where rich writes: its escape sequences of styles and of the cursor are let through."""

    def write(self, text: str) -> int:
        """Writes a text, of one or several lines."""
        super().write(printable_lines(text))
        return len(text)

    def write_styled(self, text: str) -> int:
        """Writes a text with escape sequences between its pieces."""
        pieces = _SEQUENCE.split(text)  # every other one is a sequence
        pieces[::2] = map(printable_lines, pieces[::2])
        super().write("".join(pieces))
        return len(text)

    @property
    def buffer(self) -> io.BufferedIOBase:  # type: ignore[override]  # formats for programs write bytes
        """Takes bytes of UTF-8, which are made printable as well."""
        return self._bytes


class _Bytes(io.BufferedIOBase):
    def __init__(self, terminal: GuardedTerminal) -> None:
        self._terminal = terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        content = bytes(data)
        self._terminal.write(self._decoder.decode(content))
        return len(content)

    def flush(self) -> None:
        if not self._terminal.closed:
            self._terminal.flush()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._terminal.fileno()


class _Styled(io.TextIOBase):
    def __init__(self, terminal: GuardedTerminal) -> None:
        self._terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._terminal.encoding

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return self._terminal.write_styled(text)

    def flush(self) -> None:
        if not self._terminal.closed:
            self._terminal.flush()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._terminal.fileno()
