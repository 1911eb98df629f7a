"""What the header of a pcap or pcapng file looks like, wherever it stands, and what is text.

A capture need not begin at the first byte: `tcpdump -w - 2>&1`, a shell's banner or ssh's put text before it. Nor need
it be alone: with `cat` and `>>` people put captures behind one another. So a header is looked for, and since four bytes
of a magic number can stand anywhere, all of the header must make sense before it is believed.
"""

from __future__ import annotations

import re
import struct
from typing import Final, Literal, NamedTuple

PCAP_MAGICS: Final = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1")
PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
PCAP_HEADER: Final = 24
COMPRESSED_MAGICS: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
LITTLE: Final = b"\x4d\x3c\x2b\x1a"
"""What a section header of a pcapng file has for its byte order, if the lowest byte comes first."""
BIG: Final = b"\x1a\x2b\x3c\x4d"

FARTHEST: Final = 1 << 16
"""Bytes of text before a capture, beyond which no header is looked for."""

_MAGIC: Final = re.compile(b"|".join(map(re.escape, (*PCAP_MAGICS, PCAPNG_MAGIC))))
_MAGIC_SIZE: Final = 4
_SECTION_HEADER: Final = 16  # bytes of a section header that are looked at: up to the version
_VERSIONS: Final = frozenset({(2, 2), (2, 3), (2, 4)})
_MOST_SNAP_LENGTH: Final = 1 << 26
_UNLIMITED: Final = frozenset({0x7FFFFFFF, 0xFFFFFFFF})  # snap lengths that some write
_MOST_LINK_TYPE: Final = 1023  # the highest number that was given is about 300
_LINK_TYPE_MASK: Final = 0xFFFF
_DAY: Final = 86_400
_LEAST_SECTION, _MOST_SECTION = 28, 1 << 16

_CONTROL: Final = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_ABOVE_ASCII: Final = bytes(range(128, 256))
_FEW: Final = 4  # one in so many bytes of text may be above ASCII if it is not UTF-8


class Header(NamedTuple):
    """Where the header of a capture may begin."""

    at: int
    kind: Literal["pcap", "pcapng"] | None
    """None if there are too few bytes to tell."""


def find_header(data: bytes, start: int = 0, stop: int | None = None) -> Header | None:
    """Return the first header of a capture that begins between two offsets, or the first place where one may begin."""
    stop = len(data) if stop is None else stop
    while (
        match := _MAGIC.search(data, start, min(len(data), stop + _MAGIC_SIZE))
    ) is not None and match.start() < stop:
        sure = is_header(data, match.start())
        if sure is None:
            return Header(match.start(), None)
        if sure:
            return Header(match.start(), "pcapng" if match[0] == PCAPNG_MAGIC else "pcap")
        start = match.start() + 1
    return None


def is_header(data: bytes, at: int) -> bool | None:
    """Whether bytes that begin with a magic number are a capture's header. None if there are too few bytes to tell."""
    if data.startswith(PCAPNG_MAGIC, at):
        return _is_section(data[at : at + _SECTION_HEADER])
    header = data[at : at + PCAP_HEADER]
    if len(header) < PCAP_HEADER:
        return None
    order = "<" if header[0] in {0xD4, 0x4D} else ">"
    _, *version, zone, digits, snap_length, link_type = struct.unpack(f"{order}IHHiIII", header)
    return (
        tuple(version) in _VERSIONS
        and abs(zone) < _DAY
        and not digits
        and (0 < snap_length <= _MOST_SNAP_LENGTH or snap_length in _UNLIMITED)
        and link_type & _LINK_TYPE_MASK <= _MOST_LINK_TYPE
    )


def _is_section(start: bytes) -> bool | None:
    mark = start[8:12]
    if not (LITTLE.startswith(mark) or BIG.startswith(mark)):
        return False
    if len(start) < _SECTION_HEADER:
        return None
    length, _, major, _ = struct.unpack(f"{'<' if mark == LITTLE else '>'}IIHH", start[4:])
    return major == 1 and _LEAST_SECTION <= length <= _MOST_SECTION and not length % 4


def is_text(data: bytes) -> bool:
    """Return True for what a program or a person wrote to be read: no bytes but those of characters."""
    if _CONTROL.search(data) is not None:
        return False
    above = len(data) - len(data.translate(None, _ABOVE_ASCII))
    if not above:
        return True
    try:
        data.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut in two; a router's text may be in an older code.
        return (error.end == len(data) and error.reason == "unexpected end of data") or above * _FEW <= len(data)
    return True


def quoted(text: bytes, most: int = 60) -> str:
    """Return the beginning of a text in one line, in quotation marks, without what a terminal would obey."""
    said = "".join(each if each.isprintable() else " " for each in text[: 8 * most].decode("utf-8", "replace"))
    said = " ".join(said.split())
    return f'"{said[:most]}…"' if len(said) > most else f'"{said}"'
