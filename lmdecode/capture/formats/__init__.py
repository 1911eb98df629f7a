"""The formats of capture files, one module each, and the recognition of a file's format.

A file is recognised by its first bytes and never by its name.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final, NamedTuple

from lmdecode.capture.net.packet import Packet, Segment
from lmdecode.capture.source import ByteStream, CaptureError, CaptureStatistics, OpenCapture
from lmdecode.codec.dialect import Speakers, dialects
from lmdecode.codec.record import Record

STANDARD_INPUT: Final = Path("-")
"""Stands for it among the names of captures."""

_BUFFER_SIZE: Final = 1 << 18
_CONVERT: Final = "convert it first: editcap -F pcapng FILE NEW.pcapng"


ReadPackets = Callable[
    [ByteStream, CaptureStatistics, Callable[[int], None] | None, frozenset[int] | None], Iterator[list[Packet]]
]
"""Reads packets: from a file, where to count, whom to call with the position, and the TCP ports that are wanted."""
ReadSegments = Callable[
    [BufferedReader, CaptureStatistics, Callable[[int], None] | None, frozenset[int] | None], Iterator[list[Segment]]
]
"""The same for a format that has TCP segments rather than packets."""
ReadRecords = Callable[
    [BufferedReader, CaptureStatistics, Callable[[int], None] | None, Speakers, str | None], Iterator[Record]
]
"""The same for a format that has messages: with the dialects that read them, and the capture's name for the Records."""


class Format(NamedTuple):
    """A kind of capture file. Each module of this package whose name has no underscore before it defines one, `FORMAT`.

    Such a module is imported whenever a capture is opened, so what is heavy is imported by its reader.
    """

    name: str
    """What it is called in messages."""
    magics: tuple[bytes, ...] = ()
    """The bytes that a file of this kind begins with, any of them."""
    recognises: Callable[[bytes], bool] | None = None
    """Returns True if a file without a magic number that begins with these bytes, decompressed, is of this kind."""
    packets: ReadPackets | None = None
    segments: ReadSegments | None = None
    records: ReadRecords | None = None
    """One of the three reads it."""

    def has(self, start: bytes) -> bool:
        """Return True if a file that begins with these bytes is of this kind."""
        return start.startswith(self.magics) or (self.recognises is not None and self.recognises(start))


@cache
def formats() -> tuple[Format, ...]:
    """Return all formats: those with a magic number first, since text may be found in any file."""
    modules = (each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_"))
    found: list[Format] = [import_module(f"{__name__}.{name}").FORMAT for name in modules]
    return tuple(sorted(found, key=lambda each: (not each.magics, each.name)))


# Files that people have in place of a capture, and what to do with each.
_FOREIGN: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "is a ZIP archive; unpack it first: unzip FILE"),
    (b"\xa1\xb2\xcd\x34", f"is a pcap of Kuznetzov's patched libpcap; {_CONVERT}"),
    (b"\x34\xcd\xb2\xa1", f"is a pcap of Kuznetzov's patched libpcap; {_CONVERT}"),
    (b"snoop\x00", f"is a Solaris snoop capture; {_CONVERT}"),
    (b"GMBU", f"is a Microsoft Network Monitor capture; {_CONVERT}"),
    (b"RTSS", f"is a Microsoft Network Monitor capture; {_CONVERT}"),
)


def open_capture(path: Path | OpenCapture) -> tuple[Format, BufferedReader]:
    """Open a capture, compressed or not. Returns its format and the file, which the caller closes.

    A pipe is read as well, since nothing here seeks; `-` is standard input.

    Raises:
        CaptureError: The file cannot be opened, or is not a capture.
    """
    if not isinstance(path, Path):
        return _recognised(Path(path.name), BufferedReader(path, _BUFFER_SIZE))
    try:
        raw = FileIO(0, closefd=False) if path == STANDARD_INPUT else FileIO(str(path))
        file: BufferedReader = BufferedReader(raw, _BUFFER_SIZE)
    except FileNotFoundError:
        raise CaptureError(f"{path} does not exist; check the path") from None
    except IsADirectoryError:
        raise CaptureError(f"{path} is a directory; name a capture file in it") from None
    except PermissionError:
        if path.is_dir():  # what Windows says of a directory
            raise CaptureError(f"{path} is a directory; name a capture file in it") from None
        raise CaptureError(f"{path} cannot be read: permission denied; check its permissions: ls -l FILE") from None
    except (OSError, ValueError) as error:
        raise CaptureError(f"{path} cannot be opened ({error}); check the path") from None
    return _recognised(path, file)


def _recognised(path: Path, file: BufferedReader) -> tuple[Format, BufferedReader]:
    """What a file is, and the file, decompressed."""
    try:
        start = _start(path, file)
        if not any(start.startswith(each.magics) for each in formats() if each.magics):
            file = _decompressed(file, start)
        return _detect(path, file), file
    except BaseException:
        file.close()
        raise


def _decompressed(file: BufferedReader, start: bytes) -> BufferedReader:
    from lmdecode.capture.compression import decompressed  # noqa: PLC0415 -- few captures need it

    return decompressed(file, start) or file


def _start(path: Path, file: BufferedReader) -> bytes:
    """The first bytes, as many as came at once."""
    try:
        return file.peek(_BUFFER_SIZE)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}); copy it to another disk and try again") from None


def _detect(path: Path, file: BufferedReader) -> Format:
    start = _start(path, file)
    if not start and not isinstance(file.raw, FileIO | OpenCapture):
        raise CaptureError(f"{path}: its compressed content is missing; copy it again from its source")
    if not start:
        ports = " or ".join(f"tcp port {port}" for each in dialects().values() for port in each.ports)
        raise CaptureError(f"{path} is empty; record again: tcpdump -i any -s 0 -w NEW.pcap '{ports}'")
    for each in formats():
        if each.has(start):
            return each
    for magic, advice in _FOREIGN:
        if start.startswith(magic):
            raise CaptureError(f"{path} {advice}")
    if any(magic.startswith(start) for each in formats() for magic in each.magics):
        raise CaptureError(f"{path} is cut off in its first bytes; copy it again from where it was recorded")
    raise CaptureError(
        f"{path} is not a capture that lmdecode reads ({', '.join(each.name for each in formats())}, "
        "as they are or compressed with gzip, xz, bzip2 or zstd); "
        "if Wireshark opens it, convert it: editcap -F pcapng FILE NEW.pcapng"
    )
