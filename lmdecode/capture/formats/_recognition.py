"""What a file is, by what it holds and never by its name.

A magic number at the beginning decides at once. Text needs more: a warning of tshark's can stand before its JSON, a
shell's banner before a pcap, and a day of other programs' lines before the first line of a log that is ours. So it is
looked through up to `FARTHEST`, and whatever is found first decides; if nothing is, it is taken for a log, whose reader
goes on looking to the end.

What comes through a pipe comes in pieces of any size. A decision waits for more bytes as long as more bytes could
change it, and so does not depend on the pieces; nothing is lost by that, since a line that is ours decides at once.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeVar

from lmdecode.capture.formats import Format, formats
from lmdecode.capture.formats._headers import COMPRESSED_MAGICS, FARTHEST, Header, find_header, is_text, quoted
from lmdecode.capture.source import CaptureError, CaptureStatistics, text_of, unreadable
from lmdecode.codec.speakers import dialects

if TYPE_CHECKING:
    from lmdecode.capture.formats._foreign import Foreign
    from lmdecode.codec.record import Record

T = TypeVar("T")

BUFFER_SIZE: Final = 1 << 18
_ENOUGH: Final = FARTHEST + 64  # bytes: what begins within the first of them shows what it is
_MOST_LAYERS: Final = 3  # of compression
_FEW: Final = 512  # bytes, which are looked at as often as some come
_LEAST_WIDE: Final = 4
_WIDE: Final = 64  # bytes that show that a text is UTF-16 without a mark
_COMPRESSED: Final = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]|\x28\xb5\x2f\xfd|BZh[1-9]1AY&SY|\xfd7zXZ\x00")
"""Where text stands before it, a compressed file has to show more than the bytes that do at the beginning."""


class _Inner(NamedTuple):
    """A compressed file begins behind so many bytes of text."""

    at: int


class _Wide(NamedTuple):
    """It is UTF-16 and lacks its mark."""

    mark: bytes


def recognised(path: Path, file: BufferedReader, memory: int) -> tuple[Format, BufferedReader]:
    """Return what a file is, and the file, decompressed. It is closed if there is an error.

    Args:
        path: The file's name, for messages.
        file: The file, at its beginning.
        memory: Bytes of memory that the decode may take.

    Raises:
        CaptureError: It cannot be read, or is no capture.
    """
    passed = b""
    for layer in range(_MOST_LAYERS + 1):
        try:
            start = _Start(path, file)
            found = _empty_inside(path) if layer and not start.data else _found(path, start)
            if isinstance(found, Format):
                return _noting(found, passed), start.file()
            if isinstance(found, _Wide):
                file = start.file(mark=found.mark)
            else:
                from lmdecode.capture.compression import decompressed  # noqa: PLC0415 -- few captures need it

                passed += start.data[: found.at]
                file = start.file(found.at)
                file = decompressed(file, start.data[found.at :], memory // 2) or file
        except BaseException:
            file.close()
            raise
    file.close()
    raise CaptureError(f"{path} is compressed too many times; unpack it first")


def _empty_inside(path: Path) -> NoReturn:
    raise CaptureError(f"{path}: its compressed content is missing; copy it again from its source")


def not_a_capture(path: Path) -> CaptureError:
    """Return what to say of a file that nobody knows."""
    return CaptureError(
        f"{path} is not a capture that lmdecode reads ({', '.join(each.name for each in formats())}, "
        f"as they are or compressed with gzip, xz, bzip2 or zstd); "
        "if Wireshark opens it, convert it: editcap -F pcapng FILE NEW.pcapng"
    )


class _Start:
    """The beginning of a file, which can be read on and put back."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._file = file
        self._taken = False
        self._failure: OSError | None = None
        try:
            self.data = file.peek(BUFFER_SIZE)
        except OSError as error:
            raise unreadable(path, error.strerror) from None
        self.is_whole = not self.data
        """Whether there is no more."""

    def more(self) -> None:
        """Wait for more bytes: of what comes byte by byte, for the end of a line, since a line is what decides."""
        known = len(self.data)
        while not self.is_whole:
            piece = self._read()
            self.data += piece
            if known < _FEW or b"\n" in piece or len(self.data) > known + known // 8:
                break

    def _read(self) -> bytes:
        """What comes next; nothing at the end."""
        if not self._taken:
            self._file.read(len(self.data))  # they are there
            self._taken = True
        try:
            piece = self._file.read1(BUFFER_SIZE)
        except OSError as error:
            self._failure = error
            piece = b""
        self.is_whole = not piece
        return piece

    def file(self, skipped: int = 0, mark: bytes = b"") -> BufferedReader:
        """Return the file, again at its beginning, or behind so many bytes, or with a mark before them."""
        if not self._taken:
            self._file.read(skipped)
            if not mark:
                return self._file
            self._file.read(len(self.data))
        return BufferedReader(_Rewound(self._file, mark + self.data[skipped:], self._failure), BUFFER_SIZE)


class _Rewound(RawIOBase):
    """A file whose first bytes were read, from its beginning."""

    def __init__(self, file: BufferedReader, start: bytes, failure: OSError | None) -> None:
        self.name = file.name
        self._file = file
        self._start = start
        self._failure = failure

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 -- any writable buffer
        """Some bytes, as soon as there are any."""
        if self._start:
            piece, self._start = self._start[: len(buffer)], self._start[len(buffer) :]
        elif self._failure is not None:
            raise self._failure
        else:
            piece = self._file.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def fileno(self) -> int:
        """The descriptor of the file, for who waits until more comes."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


def _found(path: Path, start: _Start) -> Format | _Inner | _Wide:
    """What a file is, once enough of it came.

    Raises:
        CaptureError: It is no capture.
    """
    while (found := _decide(path, start.data, is_whole=start.is_whole)) is None:
        start.more()
    if isinstance(found, str):
        raise CaptureError(f"{path} {found}")
    return found


def _decide(  # noqa: C901, PLR0911, PLR0912 -- one question after another
    path: Path, data: bytes, *, is_whole: bool
) -> Format | _Inner | _Wide | str | None:
    """What a file is that begins so: a format, or what to say of it; None if more bytes are needed to tell.

    Args:
        path: For messages.
        data: What came up to now.
        is_whole: Whether that is all.
    """
    if not data:
        return _empty()
    if (common := _of_packets(data)) is not None:
        return common
    for each in formats():
        if each.magics and data.startswith(each.magics):
            return each
    if data.startswith(COMPRESSED_MAGICS):
        return _Inner(0)
    is_cut = any(magic.startswith(data) for magic in _all_magics())
    if is_cut and not is_whole:
        return None
    from lmdecode.capture.formats._foreign import BINARY, FIRST, TEXTS, mangled  # noqa: PLC0415 -- captures do without

    if len(data) >= FIRST or is_whole:
        found = next((each for each in formats() if each.begins is not None and each.begins(data)), None)
        said = found or _said(BINARY, data)
        if said:
            return said
    first = data[:FIRST]
    text = text_of(data)
    is_plain = is_text(text_of(first))
    sign = _sign(data, text, is_plain=is_plain)
    if sign is not None and (sign.what is not None or not is_whole):
        return sign.what
    if not is_plain:
        if len(data) < FIRST and not is_whole:
            return None
        known = _wide(first) or _log(text) or mangled(first)
        if known:
            return known
    if len(data) < _ENOUGH and not is_whole:
        return None
    if not data.strip(b"\0"):
        return "holds nothing but zeros: its disk was full, or it was not copied to its end; copy it again"
    if is_cut and data.strip():
        return "is cut off in its first bytes; copy it again from where it was recorded"
    header = find_header(data, 0, FARTHEST)
    if header is not None and header.kind is not None and not is_plain:
        return _format_at(data, header)  # behind what a disk, a serial line or a killed recorder left
    if not (is_plain or is_text(data.replace(b"\0", b""))):
        raise not_a_capture(path)
    return _said(TEXTS, text) or _taken(path, text)


def _of_packets(data: bytes) -> Format | None:
    """The commonest formats, by their magic numbers: to load the modules of all others takes 10 ms."""
    from lmdecode.capture.formats import pcap, pcapng  # noqa: PLC0415 -- which know this package

    return next((each.FORMAT for each in (pcap, pcapng) if data.startswith(each.FORMAT.magics)), None)


def _all_magics() -> Iterator[bytes]:
    for each in formats():
        yield from each.magics
    yield from COMPRESSED_MAGICS


class _Sign(NamedTuple):
    """What shows in a text that something begins there."""

    at: int
    what: Format | _Inner | None
    """None if more bytes are needed to tell."""


def _sign(data: bytes, text: bytes, *, is_plain: bool) -> _Sign | None:
    """The first thing in a text, or behind it, that shows what a file is.

    Args:
        data: The beginning of the file.
        text: The same, if it is text, as UTF-8 without a mark.
        is_plain: Whether it begins as text.
    """
    signs: list[_Sign] = []
    header = find_header(data, 0, FARTHEST)
    if header is not None and is_text(data[: header.at]):
        signs.append(_Sign(header.at, _format_at(data, header)))
    packed = _COMPRESSED.search(data, 0, FARTHEST)
    if packed is not None and is_text(data[: packed.start()]):
        signs.append(_Sign(packed.start(), _Inner(packed.start())))
    # Only what precedes counts. What follows may come later, and what a file is must not depend on that.
    found = ((each, each.finds(text)) for each in formats() if each.finds is not None)
    signs += (_Sign(at, each) for each, at in found if at is not None and at < FARTHEST and is_text(text[:at]))
    first = min(signs, key=lambda each: each.at, default=None)
    if is_plain or first is not None:
        log = _log(text if first is None else text[: first.at])
        if log is not None:
            return _Sign(0, log)
    return first


def _format_at(data: bytes, header: Header) -> Format | None:
    if header.kind is None:
        return None
    return next(each for each in formats() if each.magics and data.startswith(each.magics, header.at))


def _log(text: bytes) -> Format | None:
    """The format of which a text plainly is."""
    return next((each for each in formats() if each.recognises is not None and each.recognises(text)), None)


def _taken(path: Path, text: bytes) -> Format:
    """The format that a text may be of: a log, if no other."""
    for each in formats():
        if each.takes is not None and each.takes(text):
            return each._replace(is_guess=True)
    return _doubting(path, next(each for each in formats() if each.goes_on_looking))


def _said(among: Sequence[Foreign], start: bytes) -> str | None:
    """What to say of a file that begins so, if it is one of these."""
    for each in among:
        if each.has(start):
            return f"is {each.what}; {each.advice}" if each.advice else f"is {each.what}"
    return None


def _wide(first: bytes) -> _Wide | None:
    """The mark that a text in UTF-16 lacks, if a file begins as such."""
    start = first[: min(len(first), _WIDE) & ~1]
    for offset, mark in enumerate((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        letters, zeros = start[offset::2], start[1 - offset :: 2]
        if len(start) >= _LEAST_WIDE and not zeros.strip(b"\0") and is_text(letters):
            return _Wide(mark)
    return None


def _empty() -> str:
    ports = " or ".join(f"tcp port {port}" for each in dialects().values() for port in each.ports)
    return f"is empty; record again: tcpdump -i any -s 0 -w NEW.pcap '{ports}'"


def _noting(kind: Format, passed: bytes) -> Format:
    """The same format, whose reader says that text was passed over before the compressed file."""
    if not passed:
        return kind
    note = f"{len(passed):,} bytes of text before the compressed file were passed over: {quoted(passed)}"

    def noting(read: Callable[..., Iterator[T]] | None) -> Callable[..., Iterator[T]] | None:
        def reading(file: Any, statistics: CaptureStatistics, *arguments: Any) -> Iterator[T]:  # noqa: ANN401 -- passed on
            statistics.notes.append(note)
            return read(file, statistics, *arguments)  # type: ignore[misc]  # there is one, see below

        return read and reading

    return kind._replace(
        packets=noting(kind.packets),
        found=noting(kind.found),
        segments=noting(kind.segments),
        records=noting(kind.records),
    )


def _doubting(path: Path, log: Format) -> Format:
    """The format of logs, whose reader says what the file may be if there is no message in it."""
    read = log.records

    def reading(*arguments: Any) -> Iterator[Record]:  # noqa: ANN401 -- passed on
        try:
            yield from read(*arguments)  # type: ignore[misc]  # there is one
        except CaptureError:
            from lmdecode.capture.formats.debug_log import ON_DEBUG  # noqa: PLC0415 -- it is a format

            raise CaptureError(
                f"{path} is not a capture that lmdecode reads, but text in which no line has a message of a machine; "
                f"if it is to be a log of one, {ON_DEBUG}"
            ) from None

    return log._replace(records=reading, is_guess=True)
