"""The formats of capture files, one module each.

`_recognition` tells them apart, by what they hold and never by their names.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final, NamedTuple

from lmdecode.capture.net.packet import Ends, Found, Packet, Segment
from lmdecode.capture.source import MEMORY, ByteStream, CaptureError, CaptureStatistics, OpenCapture
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers

STANDARD_INPUT: Final = Path("-")
"""Stands for it among the names of captures."""

_BUFFER_SIZE: Final = 1 << 18

ReadPackets = Callable[
    [ByteStream, CaptureStatistics, Callable[[int], None] | None, frozenset[int] | None], Iterator[list[Packet]]
]
"""Reads packets: from a file, where to count, whom to call with the position, and the TCP ports that are wanted."""
ReadFound = Callable[
    [ByteStream, CaptureStatistics, Callable[[int], None] | None, frozenset[int] | None, Ends | None],
    Iterator[list[Found]],
]
"""The same for a format whose reader can make segments itself, of connections whose ends it is given."""
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
    written_by: str = ""
    """The programs that make such files, for the documentation."""
    lacks: str = ""
    """What such a file lacks, compared with a capture; for the documentation."""
    magics: tuple[bytes, ...] = ()
    """The bytes that a file of this kind begins with, any of them."""
    begins: Callable[[bytes], bool] | None = None
    """Returns True if a file that begins so is of this kind; where there is no magic number. 512 bytes are enough."""
    finds: Callable[[bytes], int | None] | None = None
    """Returns where in a text a file of this kind begins, if it is plain that one does."""
    recognises: Callable[[bytes], bool] | None = None
    """Returns True if a text is plainly of this kind."""
    takes: Callable[[bytes], bool] | None = None
    """Returns True if a text may be of this kind, since it is plainly of no other. Texts come as UTF-8."""
    packets: ReadPackets | None = None
    found: ReadFound | None = None
    """Beside `packets`, if there is a shorter way to the segments."""
    segments: ReadSegments | None = None
    records: ReadRecords | None = None
    """One of `packets`, `segments` and `records` reads it."""
    has_tcp: bool = True
    """Whether TCP can be in such a file; Bluetooth is all that a log of it has."""
    goes_on_looking: bool = False
    """Whether its reader takes any text, and looks for something to read up to the end."""
    is_guess: bool = False
    """Whether a file was taken for one of this kind only because it is text and plainly nothing else."""


@cache
def formats() -> tuple[Format, ...]:
    """Return all formats: those with a magic number first, since text may be found in any file."""
    modules = (each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_"))
    found: list[Format] = [import_module(f"{__name__}.{name}").FORMAT for name in modules]
    return tuple(sorted(found, key=lambda each: (not each.magics, each.name)))


def open_capture(path: Path | OpenCapture, memory: int = MEMORY) -> tuple[Format, BufferedReader]:
    """Open a capture, compressed or not. Returns its format and the file, which the caller closes.

    A pipe is read as well, since nothing here seeks; `-` is standard input.

    Args:
        path: The capture.
        memory: Bytes of memory that its decode may take; an unpacker may keep half as many.

    Raises:
        CaptureError: The file cannot be opened, or is not a capture.
    """
    from lmdecode.capture.formats._recognition import recognised  # noqa: PLC0415 -- it needs `Format`

    if not isinstance(path, Path):
        return recognised(Path(path.name), BufferedReader(path, _BUFFER_SIZE), memory)
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
    return recognised(path, file, memory)
