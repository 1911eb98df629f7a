"""The packets of a file of one or more captures, one after another, with text before, between and behind them.

`cat a.pcap b.pcapng`, `tcpdump -w - >> all.pcap` and `ssh router tcpdump -w - > x.pcap 2>&1` make such files. Each
capture in them has its own byte order, link type and resolution of times, and its packets go on from those before it.

The loops of the two formats go on to where they can read no further, and pay nothing for all this; what stands there is
looked at here. It is text (up to a header, or up to the end of the file), the header of another capture, or damage. A
recorder that was killed leaves half a packet, and when the next one appends to the file, its header lies in what the
length of that packet covers: so it is looked for in the last packets as well, and a little way ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol, cast

from lmdecode.capture.formats._headers import (
    COMPRESSED_MAGICS,
    FARTHEST,
    PCAP_MAGICS,
    PCAPNG_MAGIC,
    find_header,
    is_text,
    quoted,
)
from lmdecode.capture.net.packet import Ends, Found, Packet
from lmdecode.capture.source import ByteStream, CaptureStatistics, Source

_LOOK_AHEAD: Final = (1 << 18) + FARTHEST  # bytes: the longest packet, and some text
_SURE: Final = 8  # bytes of text that are no record's header, which has zeros, or ones too high for text, in its first
_LEAST_LINES: Final = 3  # line feeds, each behind a carriage return, that are no coincidence
_HEADER_AT_MOST: Final = 24
_ANOTHER: Final = (
    "the capture before byte {:,} is cut off or damaged at its end; another one begins there, and both were decoded"
)
_MOST_TEXTS: Final = 3  # that are shown; in a file of a thousand pieces each says the same

TERMINAL: Final = (
    "a terminal, or a copy in text mode, put a carriage return before each line feed "
    "(adb shell, ssh -t, FTP in ASCII mode): record again with adb exec-out or ssh -T, or copy the file by scp"
)
"""What happened to a capture in which no line feed is without a carriage return."""


class End(Enum):
    """Why a loop stopped."""

    WHOLE = auto()
    """The file is over."""
    CUT = auto()
    """The file is over, in the middle of something."""
    DAMAGED = auto()
    """What stands there is no packet."""


class Stop(NamedTuple):
    """Where a loop stopped, and why."""

    offset: int
    """In the source's buffer."""
    end: End
    got: int = 0
    """Bytes that are there of what is cut."""
    wanted: int = 0
    """Bytes that it should have."""
    before: bytes = b""
    """The last packets, up to there, in which another header may lie."""

    @property
    def is_more(self) -> bool:
        """Whether there is something to be said, or another capture to be read."""
        return self.end is not End.WHOLE or find_header(self.before) is not None


class Walk(Protocol):
    """Reads the packets of one capture."""

    def __call__(  # noqa: PLR0917 -- as the loops have them
        self,
        source: Source,
        offset: int,
        statistics: CaptureStatistics,
        progress: Callable[[int], None] | None,
        ports: frozenset[int] | None,
        ends: Ends | None,
        /,
    ) -> Generator[list[Found], None, Stop]:
        """Give packets, as many at a time as one read brought, from the header at an offset on."""


def read_packets(
    file: ByteStream,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    ports: frozenset[int] | None = None,
) -> Iterator[list[Packet]]:
    """The packets of a file of pcap and pcapng captures, as many at a time as one read brought.

    Args:
        file: At its beginning.
        statistics: Gets the number of packets, of those left out too, the bytes read, warnings and notes.
        progress: Called after each read with the position in the file, in bytes.
        ports: If given, packets that are plainly neither from nor to one of these TCP ports are left out.

    Raises:
        CaptureError: The first header is not whole.
    """
    return cast("Iterator[list[Packet]]", read_found(file, statistics, progress, ports, None))


def read_found(
    file: ByteStream,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    ports: frozenset[int] | None,
    ends: Ends | None,
) -> Iterator[list[Found]]:
    """The packets of a file, and the segments of those of known connections that need no packet.

    Args and errors are those of `read_packets`, and:

        ends: Those of the known connections. More may be added to it as packets are taken.
    """
    from lmdecode.capture.formats.pcap import walk_pcap  # noqa: PLC0415 -- both of them read by this function
    from lmdecode.capture.formats.pcapng import walk_pcapng  # noqa: PLC0415 -- as above

    source = Source(file)
    texts = _Texts()
    statistics.packets = 0
    offset: int | None = _first(source, statistics, texts)
    captures = 0
    while offset is not None:
        captures += 1
        walk: Walk = walk_pcapng if source.buffer.startswith(PCAPNG_MAGIC, offset) else walk_pcap
        begun = source.base + offset
        stop = yield from walk(source, offset, statistics, progress, ports, ends)
        offset = _next(source, begun, stop, statistics, texts)
    if captures > 1:
        statistics.notes.append(f"{captures:,} captures stand in the file one after another; they were read as one")
    statistics.notes += texts.notes()


class _Texts:
    """The texts that were passed over."""

    def __init__(self) -> None:
        self._texts: list[tuple[int, str, str]] = []
        self._more = 0

    def add(self, text: bytes, where: str) -> None:
        """Take one, and where it stands. One that is all blanks, or a byte order mark, does not count."""
        if not text.removeprefix(b"\xef\xbb\xbf").strip():
            return
        if len(self._texts) < _MOST_TEXTS:
            self._texts.append((len(text), where, quoted(text)))
        else:
            self._more += len(text)

    def notes(self) -> list[str]:
        """Return what to say of them."""
        notes = [f"{size:,} bytes of text {where} were passed over: {text}" for size, where, text in self._texts]
        return notes + ([f"{self._more:,} more bytes of text were passed over"] if self._more else [])


def _first(source: Source, statistics: CaptureStatistics, texts: _Texts) -> int:
    """Where the first header is.

    Raises:
        CaptureError: There is none.
    """
    start = source.header(len(PCAPNG_MAGIC))
    if start in PCAP_MAGICS or start == PCAPNG_MAGIC:
        return 0
    found = _behind_text(source, 0)
    if found is None:
        while len(source.buffer) < FARTHEST + _HEADER_AT_MOST and source.more(0):
            pass
        header = find_header(source.buffer, 0, FARTHEST)
        if header is None or header.kind is None:
            raise source.cut_in_header()
        if source.buffer[: header.at].strip(b"\0"):
            statistics.warnings.append(f"{header.at:,} bytes before the capture, which are no text, were passed over")
        return header.at
    if not isinstance(found, int):
        raise source.cut_in_header()
    texts.add(source.buffer[:found], "before the capture")
    return found


def _next(source: Source, begun: int, stop: Stop, statistics: CaptureStatistics, texts: _Texts) -> int | None:
    """Where the next capture begins, in the source's buffer; None if there is none, and then it is said why.

    Args:
        source: The file.
        begun: Where the last capture began, in the file. It is not begun again, whatever is wrong with it.
        stop: Where it ended.
        statistics: Gets warnings.
        texts: Gets the text that is passed over.
    """
    offset = stop.offset
    if source.failure and stop.end is not End.WHOLE:
        source.note_end(stop.got, stop.wanted, statistics)
        return None
    at = source.base + offset
    size = len(source.buffer) - offset
    if stop.end is End.DAMAGED or size >= _SURE or (size and not source.buffer[offset:].strip(b"\r\n")):
        found = _behind_text(source, offset)
        offset = at - source.base
        if isinstance(found, int) and source.base + found > begun:
            texts.add(source.buffer[offset:found], f"between the captures, at byte {at:,},")
            return found
        if isinstance(found, bytes):
            if not _note_other(found, at, statistics):
                texts.add(found, "behind the last packet")
            statistics.bytes_read = source.base + len(source.buffer)
            return None
    return _resumed(source, begun, stop, at, statistics)


def _behind_text(source: Source, offset: int) -> int | bytes | None:
    """Look at the text that begins at an offset.

    Returns:
        Where in the buffer a header follows it, at the offset itself if there is no text; the text, if the file ends
        with it; None if neither.
    """
    looked = offset
    at_end = False
    while True:
        data = source.buffer
        found = find_header(data, looked, offset + FARTHEST)
        until = len(data) if found is None else found.at
        if not is_text(data[offset : max(until - (0 if found else len(PCAPNG_MAGIC) - 1), offset)]):
            return None
        if found is not None and found.kind is not None:
            return found.at
        if at_end:
            return data[offset:] if is_text(data[offset:]) else None
        if len(data) - offset >= FARTHEST + _HEADER_AT_MOST:
            return None
        looked = max(until - (0 if found else len(PCAPNG_MAGIC) - 1), offset)
        if source.more(offset):
            looked, offset = looked - offset, 0
        else:
            at_end = True


def _resumed(  # noqa: C901 -- one look after another
    source: Source, begun: int, stop: Stop, at: int, statistics: CaptureStatistics
) -> int | None:
    """Look for a capture that begins where another one is cut off or damaged.

    Args:
        source: Nothing of it was dropped from where the loop stopped.
        begun: Where the capture began that is cut off or damaged, in the file.
        stop: Where it stopped, and why.
        at: The same, in the file.
        statistics: Gets the warning.
    """
    begin = at - len(stop.before)
    looked = max(begun + 1 - begin, 0)
    if begin >= source.base:  # nothing need be copied
        found = find_header(source.buffer, begin - source.base + looked)
        if found is not None and found.kind is not None:
            statistics.warn(_ANOTHER.format(source.base + found.at))
            return found.at
    data = stop.before + source.buffer[at - source.base :]
    while True:
        found = find_header(data, looked)
        if found is not None and found.kind is not None:
            source.buffer, source.base = data[found.at :], begin + found.at
            statistics.warn(_ANOTHER.format(source.base))
            return 0
        if len(data) - len(stop.before) >= _LOOK_AHEAD:
            break
        looked = max(len(data) - len(PCAPNG_MAGIC) + 1, looked) if found is None else found.at
        if stop.end is not End.DAMAGED or not source.more(len(source.buffer)):
            break
        data += source.buffer
    if stop.end is End.WHOLE:
        return None
    if is_of_a_terminal(data):
        statistics.warnings.append(
            f"the file is damaged from byte {at:,} on, after packet {statistics.packets:,}: {TERMINAL}"
        )
    elif stop.end is End.CUT:
        source.note_end(stop.got, stop.wanted, statistics)
    elif data[at - begin :].startswith(COMPRESSED_MAGICS):
        statistics.warnings.append(
            f"a compressed file begins at byte {at:,}, after packet {statistics.packets:,}, and was not read; "
            f"decode it by itself: tail -c +{at + 1} FILE | lmdecode decode -"
        )
    elif not _note_other(data[at - begin :], at, statistics):
        source.note_damage(at - source.base, statistics)
    return None


def _note_other(data: bytes, at: int, statistics: CaptureStatistics) -> bool:
    """Warn of a capture that is no pcap and begins behind the last packet. Returns False if there is none.

    Args:
        data: What stands behind the last packet.
        at: Where that is in the file.
        statistics: Gets the warning.
    """
    from lmdecode.capture.formats import formats  # noqa: PLC0415 -- which knows this module

    for each in formats():
        if (each.finds and each.finds(data) is not None) or (each.recognises and each.recognises(data)):
            statistics.warnings.append(
                f"another format stands behind byte {at:,}, after packet {statistics.packets:,}, and was not read "
                f"({each.name}); "
                f"decode it by itself: tail -c +{at + 1} FILE | lmdecode decode -"
            )
            return True
    return False


def is_of_a_terminal(data: bytes) -> bool:
    """Whether binary data went through a terminal, which put a carriage return before each line feed."""
    return data.count(b"\n") == data.count(b"\r\n") >= _LEAST_LINES
