"""Wi-Fi frames as monitor mode records them, with what drivers put before them.

Only a network without a password sends frames in the clear. All others are encrypted, also for those who know the
password, since each phone agrees on a key of its own.
"""

# ruff: noqa: ARG001 -- all openers take the same three arguments, and not every one needs all

from __future__ import annotations

import struct
from typing import Final

from lmdecode.capture.net.step import ETHERNET, ETHERTYPE, LINK, LLC, PADDED_WIFI, WIFI, Outcome, Step, number

ENCRYPTED_WIFI: Final = "encrypted Wi-Fi"

_DATA: Final = 2  # a frame's type; 0 is management, 1 control
_NO_CONTENT: Final = 0x40  # in the first byte: a data frame that only says that somebody is awake
_QUALITY: Final = 0x80  # in the first byte: two more bytes of header
_BOTH_WAYS: Final = 0x03  # in the second byte: to and from the distribution system, so a fourth address
_MORE_FRAGMENTS: Final = 0x04
_PROTECTED: Final = 0x40
_ORDER: Final = 0x80
_AGGREGATE: Final = 0x80  # in the quality's first byte: an A-MSDU
_MOST_SUBFRAMES: Final = 128  # no longer aggregate than 7,935 bytes has more packets
_MOST_WORDS: Final = 16
_AVS: Final = 0x80211001
_PRISM_CODES: Final = (0x41, 0x44)
_TIME_FIRST: Final = 1  # the bits of radiotap's fields: TSFT, then flags
_HAS_FLAGS: Final = 2
_IS_PADDED: Final = 0x20


def open_wifi(data: bytes, at: int, size: int) -> Outcome:
    """802.11's header (IEEE 802.11, section 9.2)."""
    return _open(data, at, size, padded=False)


def open_padded_wifi(data: bytes, at: int, size: int) -> Outcome:
    """The same, brought to a multiple of 4 bytes."""
    return _open(data, at, size, padded=True)


def _open(data: bytes, at: int, size: int, *, padded: bool) -> Outcome:
    first, second = data[at], data[at + 1]
    if first >> 2 & 3 != _DATA or first & _NO_CONTENT or first & 3:
        return None
    if second & _PROTECTED:
        return ENCRYPTED_WIFI
    length = 30 if second & _BOTH_WAYS == _BOTH_WAYS else 24
    is_aggregate = False
    if first & _QUALITY:
        is_aggregate = bool(data[at + length] & _AGGREGATE)
        length += 6 if second & _ORDER else 2
    if data[at + 22] & 15 or second & _MORE_FRAGMENTS:
        return "fragments of Wi-Fi frames"
    start = at + (length + 3 & ~3 if padded else length)
    if not is_aggregate:
        return Step(*LLC, start)
    found: list[Step] = []
    while start + 22 <= len(data) and len(found) < _MOST_SUBFRAMES:  # 14 of the subframe's header, 8 of LLC's
        found.append(Step(*LLC, start + 14))
        length = 14 + number(data, start + 12)
        start += length + 3 & ~3  # each subframe but the last is brought to a multiple of 4 bytes
    return found


def open_radiotap(data: bytes, at: int, size: int) -> Outcome:
    """A radiotap header (radiotap.org): its length is at byte 2, and its fields are said by the words at byte 4."""
    if data[at]:
        return None
    length = data[at + 2] | data[at + 3] << 8
    words = at + 4
    while data[words + 3] & 0x80 and words < at + _MOST_WORDS * 4:  # another word of fields follows
        words += 4
    fields = data[at + 4]
    if not fields & _HAS_FLAGS:
        return _behind(WIFI, at, length)
    flags = words + 4
    if fields & _TIME_FIRST:
        flags = at + (flags - at + 7 & ~7) + 8
    return _behind(PADDED_WIFI if data[flags] & _IS_PADDED else WIFI, at, length)


def open_prism(data: bytes, at: int, size: int) -> Outcome:
    """A Prism header, in the byte order of the computer that recorded; some drivers write AVS's under this name."""
    for order in ("<", ">"):
        code, length = struct.unpack_from(f"{order}II", data, at)
        if code in _PRISM_CODES:
            return _behind(WIFI, at, length)
    return open_avs(data, at, size)


def open_avs(data: bytes, at: int, size: int) -> Outcome:
    """An AVS header."""
    magic, length = struct.unpack_from("!II", data, at)
    return _behind(WIFI, at, length) if magic & 0xFFFFF000 == _AVS & 0xFFFFF000 else None


def open_ppi(data: bytes, at: int, size: int) -> Outcome:
    """A PPI header: its length is at byte 2, and what is behind it at byte 4."""
    _, length, link_type = struct.unpack_from("<HHI", data, at)
    return _behind((LINK, link_type), at, length)


def _behind(what: tuple[int, int], at: int, length: int) -> Step | None:
    return Step(*what, at + length) if length >= 8 else None


def open_llc(data: bytes, at: int, size: int) -> Outcome:
    """An LLC header (IEEE 802.2), with the Ethernet type in a SNAP header behind it."""
    if data[at : at + 3] == b"\xaa\xaa\x03":
        organisation = data[at + 3 : at + 6]
        # 0x0000F8 is that of bridges which turn Ethernet frames into others (IEEE 802.1H), 0x0080C2 of bridged frames.
        if organisation in (b"\0\0\0", b"\0\0\xf8"):
            return Step(ETHERTYPE, number(data, at + 6), at + 8)
        if organisation == b"\0\x80\xc2" and number(data, at + 6) in {1, 7}:
            return Step(*ETHERNET, at + 10)
        return None
    if data[at : at + 3] == b"\x06\x06\x03":
        return Step(ETHERTYPE, 0x0800, at + 3)
    return None
