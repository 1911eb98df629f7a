"""A capture file as a window of bytes that moves on, so that packets are looked at where they lie.

Reading the few bytes of each packet header through a file object costs more than all that is done with most packets.
"""

from __future__ import annotations

import codecs
import select
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader, RawIOBase
from typing import IO, Final, Protocol

from lmdecode.codec.dialect import Tallies
from lmdecode.codec.errors import LmdecodeError


class CaptureError(LmdecodeError):
    """A capture cannot be decoded; one line that says what is wrong and what to do next."""


def unreadable(name: object, reason: str | None) -> CaptureError:
    """Return what to say of a file of which nothing can be read, with the system's or an unpacker's reason."""
    advice = "" if "unpack" in (reason or "") else "; copy it to another disk and try again"
    return CaptureError(f"{name} cannot be read ({reason}){advice}")


@dataclass(slots=True)
class CaptureStatistics:
    """Filled in while the capture is decoded; complete when the last Record has come out."""

    packets: int = 0
    """All packets that were looked at: those in the file, or those that libpcap let through."""
    port_packets: int = 0
    """TCP packets on the ports that are looked at."""
    noun: str = "packet"
    """What is counted as packets: a recording of HTTP has requests."""
    connections: int = 0
    """TCP connections on these ports, and Bluetooth connections with machines."""
    bluetooth: int = 0
    """Bluetooth packets, of all devices."""
    other_devices: int = 0
    """Devices of Bluetooth that were connected and are no machines."""
    bytes_read: int = 0
    """Of the file, up to the end of the last packet."""
    tallies: Tallies = field(default_factory=Tallies)
    """What was counted in each protocol."""
    unread: Counter[str] = field(default_factory=Counter)
    """Packets whose content could not be looked into, by the name of the layer. All if all ports are read; else
    those that may be ours, and the first few of the others."""
    warnings: list[str] = field(default_factory=list)
    """One line each; to be shown when decoding is over."""
    notes: list[str] = field(default_factory=list)
    """The same for what is not wrong, but good to know."""
    is_cut: bool = False
    """Whether the file ends, or could not be read on, inside a packet: so does one that is still being written."""
    unsaid: int = 0
    """Warnings that `warn` did not keep, since there were too many."""

    def warn(self, text: str) -> None:
        """Add a warning. A file can be damaged in a million places: of all but the first it is said how many."""
        if len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(text)
            return
        self.unsaid += 1
        self.warnings[_MOST_WARNINGS:] = [f"{self.unsaid:,} more such places in the file, and the last: {text}"]


_MOST_WARNINGS: Final = 20

MEMORY: Final = 256 << 20
"""Bytes of memory that the decode of a capture may take, if nobody says otherwise.

Half of it is what an unpacker may keep, and a quarter is what all connections together may hold back. The rest is for
what has fixed limits: the interpreter, the piece of the file that is looked at, and fragments.
"""

_CHUNK: Final = 1 << 17


class ByteStream(Protocol):
    """What captures are read from: a buffered file, a pipe, a decompressor."""

    @property
    def name(self) -> object:
        """What it is called in messages."""

    def read1(self, size: int = ..., /) -> bytes:
        """Some bytes, as soon as there are any; none at the end."""


class Source:
    """The bytes of a file from some point on.

    `buffer` holds what was read and not yet passed over; a reader works on it with offsets of its own, and calls `more`
    when what it wants is not whole.
    """

    __slots__ = ("_file", "base", "buffer", "failure")

    def __init__(self, file: ByteStream) -> None:
        self._file = file
        self.buffer = b""
        self.base = 0
        """Position of the buffer in the file, in bytes."""
        self.failure = ""
        """Why the file could not be read to its end, if it could not."""

    def more(self, offset: int, wanted: int = 0) -> bool:
        """Drop the bytes before an offset and read some more; False, and nothing dropped, at the end of the file.

        Args:
            offset: In the buffer.
            wanted: How many bytes are wanted from there on. They are put together once: to add each piece to a packet
                of megabytes would take a time that grows with the square of its size.
        """
        pieces: list[bytes] = []
        missing = wanted - (len(self.buffer) - offset)
        while not pieces or missing > 0:
            try:
                piece = self._file.read1(_CHUNK)
            except OSError as error:
                self.failure = error.strerror or "input/output error"
                break
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        if not pieces:
            return False
        self.base += offset
        self.buffer = b"".join([self.buffer[offset:], *pieces])
        return True

    def header(self, size: int, start: int = 0) -> bytes:
        """The first bytes of the buffer, which must be there.

        Args:
            size: How many.
            start: How many of them are not returned. To copy them would take long in a file of nothing but headers.

        Raises:
            CaptureError: They are not.
        """
        while len(self.buffer) < size:
            if not self.more(0):
                raise self.cut_in_header()
        return self.buffer[start:size]

    def cut_in_header(self) -> CaptureError:
        """What to say of a file that ends, or is wrong, before any packet."""
        name = self._file.name
        if self.failure:
            return unreadable(name, self.failure)
        return CaptureError(
            f"{name} is cut off or damaged in its header, before any packet; copy it again from where it was recorded"
        )

    def note_damage(self, offset: int, statistics: CaptureStatistics) -> None:
        """Say in the warnings that what stands at an offset makes no sense."""
        statistics.warnings.append(
            f"the file is damaged at byte {self.base + offset:,}, after packet {statistics.packets:,}: "
            "what follows could not be read; all before it was decoded"
        )

    def note_end(self, got: int, wanted: int, statistics: CaptureStatistics) -> None:
        """Say in the warnings that the file ends, or could not be read, inside a packet.

        Args:
            got: Bytes that are there of the part that is not whole.
            wanted: Bytes that it should have.
            statistics: With the number of packets before it.
        """
        number = statistics.packets + 1
        statistics.is_cut = True
        if self.failure:
            statistics.warnings.append(
                f"the file cannot be read beyond byte {self.base + len(self.buffer):,} ({self.failure}), "
                f"in packet {number:,}; all before it was decoded"
            )
            return
        there = "none is there" if not got else f"{got:,} of {wanted:,} bytes are there"
        statistics.warnings.append(
            f"the file is cut off in the middle of packet {number:,} ({there}); all before it was decoded"
        )


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


UTF8_MARK: Final = codecs.BOM_UTF8
UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LONGEST: Final = 1 << 22
"""Of a line or of a packet's text; longer ones are not waited for, so that no file can fill the memory."""

LONGEST_OF_LOG: Final = 1 << 20
"""The same of a log's line, of which its reader makes several texts; messages have some hundred bytes."""
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
        elif start.startswith(UTF16_MARKS):
            self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
        self._may_wait = False
        self.is_list = text_of(start).lstrip().startswith(b"[")
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
            self._may_wait = len(data) < size  # else there may be more in the buffer
            if self._decoder is None or not data:
                return data
            text = self._decoder.decode(data)
            if text:  # nothing would mean the end
                return text.encode("utf-8", "replace")

    def lines(self) -> Iterator[list[bytes]]:
        """Its lines, without their ends, as many at a time as came at once; one that never ends comes in pieces."""
        for text in self._whole_lines(bytes):
            yield text.removesuffix(b"\n").split(b"\n")

    def texts(self, pause: float) -> Iterator[bytes]:
        """Its lines as programs write them, many at a time: each text ends with a line, whose end is one line feed.

        Carriage returns end lines too, alone and before line feeds. A line that never ends comes in pieces.

        Args:
            pause: Seconds. If nothing more comes for so long, no bytes are yielded, once; then it is waited on.
        """
        yield from self._whole_lines(_Ends().feed, pause, LONGEST_OF_LOG)

    def _whole_lines(
        self, change: Callable[[bytes], bytes], pause: float | None = None, longest: int = LONGEST
    ) -> Iterator[bytes]:
        """What is read, after a change, in pieces that end with a line feed if they can."""
        parts: list[bytes] = []
        size = 0
        while True:
            if pause is not None and self._is_quiet(pause):
                yield b""
            block = self.read()
            if not block:
                break
            block = change(block)
            end = block.rfind(b"\n") + 1
            if end:
                yield b"".join((*parts, block[:end]))
                parts, size = [], 0
            if end < len(block):
                parts.append(block[end:])
                size += len(block) - end
            if size > longest:
                yield b"".join(parts)
                parts, size = [], 0
        if parts:
            yield b"".join(parts)

    def _is_quiet(self, seconds: float) -> bool:
        """Whether nothing more comes for so long. Said only of what can be waited for: a pipe or a terminal."""
        if not self._may_wait:
            return False
        self._may_wait = False
        try:
            return not select.select([self._file], [], [], seconds)[0]
        except (OSError, ValueError):  # it has no descriptor, or one that cannot be waited for
            return False


class _Ends:
    """Turns the ends of lines into line feeds, however the text comes in pieces."""

    def __init__(self) -> None:
        self._is_after_return = False

    def feed(self, block: bytes) -> bytes:
        if self._is_after_return:  # its line has ended already
            block = block.removeprefix(b"\r\n").removeprefix(b"\n") if block[:1] in b"\r\n" else block
        if b"\r" not in block:
            self._is_after_return = self._is_after_return and not block
            return block
        self._is_after_return = block.endswith(b"\r")
        if block.endswith(b"\r\r"):
            block = block[:-1]
        return block.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
