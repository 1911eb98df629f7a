"""Which kind of capture file this is, told by its first bytes and never by its name."""

from __future__ import annotations

import re
from enum import Enum
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final

from lmdecode.capture.diagnostics import CaptureError
from lmdecode.capture.source import OpenCapture
from lmdecode.capture.text_input import UTF8_MARK, UTF16_MARKS

__all__ = ["STANDARD_INPUT", "Format", "open_capture"]

STANDARD_INPUT: Final = Path("-")
"""Stands for it among the names of captures."""

_BUFFER_SIZE: Final = 1 << 18
_JSON: Final = re.compile(rb"\s*[\[{]")
_PACKETS: Final = re.compile(rb"""\s*(?:\[\s*)?\{\s*"(?:_index|_source|index|timestamp)"\s*:""")
_CONVERT: Final = "convert it first: editcap -F pcapng FILE NEW.pcapng"


class Format(Enum):
    """A kind of file that can be decoded."""

    PCAP = "pcap"
    PCAPNG = "pcapng"
    JSON = "tshark's JSON export"
    JSON_UTF16 = "tshark's JSON export in UTF-16, as PowerShell's > writes it"
    LOG = "lmdirect's debug log"


_MAGIC: Final[dict[bytes, Format]] = {
    b"\xa1\xb2\xc3\xd4": Format.PCAP,
    b"\xd4\xc3\xb2\xa1": Format.PCAP,
    b"\xa1\xb2\x3c\x4d": Format.PCAP,
    b"\x4d\x3c\xb2\xa1": Format.PCAP,
    b"\x0a\x0d\x0d\x0a": Format.PCAPNG,
}

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
    """Open a capture, compressed or not, and tell what it is. The caller closes it.

    A pipe will do, for nothing here seeks; `-` is standard input.

    Raises:
        CaptureError: It cannot be opened, or is no capture.
    """
    if not isinstance(path, Path):
        return _told(Path(path.name), BufferedReader(path, _BUFFER_SIZE))
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
        raise CaptureError(f"{path} may not be read by you; check its permissions: ls -l FILE") from None
    except (OSError, ValueError) as error:
        raise CaptureError(f"{path} cannot be opened ({error}); check the path") from None
    return _told(path, file)


def _told(path: Path, file: BufferedReader) -> tuple[Format, BufferedReader]:
    """What a file is, and the file, decompressed."""
    try:
        start = _start(path, file)
        if start[:4] not in _MAGIC:
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
        raise CaptureError(f"{path}: nothing of its compressed content is there; copy it again from where it is from")
    if not start:
        raise CaptureError(f"{path} is empty; record again: tcpdump -i any -s 0 -w NEW.pcap 'tcp port 1774'")
    known = _MAGIC.get(start[:4])
    if known is not None:
        return known
    for magic, advice in _FOREIGN:
        if start.startswith(magic):
            raise CaptureError(f"{path} {advice}")
    is_utf16 = start[:2] in UTF16_MARKS
    text = start[2:].replace(b"\x00", b"") if is_utf16 else start.removeprefix(UTF8_MARK)
    from lmdecode.capture.formats.lmdirect_log import looks_like_log  # noqa: PLC0415 -- pcap and pcapng do without

    # A log can begin with a bracket too, and a packet's data can look like a log's line.
    if not _PACKETS.match(text) and looks_like_log(text):
        return Format.LOG
    if _JSON.match(text):
        return Format.JSON_UTF16 if is_utf16 else Format.JSON
    if len(start) < 4 and any(magic.startswith(start) for magic in _MAGIC):
        raise CaptureError(f"{path} is cut off in its first bytes; copy it again from where it was recorded")
    raise CaptureError(
        f"{path} is not a capture that lmdecode reads (pcap, pcapng, tshark's exports -T json, -T jsonraw and -T ek, "
        "or the debug log of lmdirect, as they are or compressed with gzip, xz, bzip2 or zstd); "
        "if Wireshark opens it, convert it: editcap -F pcapng FILE NEW.pcapng"
    )
