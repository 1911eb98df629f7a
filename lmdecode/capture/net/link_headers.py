"""What stands at the beginning of a packet, by the link type that the file says, and around frames in Ethernet."""

# ruff: noqa: ARG001 -- all openers take the same three arguments, and not every one needs all

from __future__ import annotations

import struct
from typing import Final

from lmdecode.capture.net.step import (
    ETHERNET,
    ETHERTYPE,
    LINK,
    PPP,
    PPP_FRAME,
    RAW_IP,
    Opener,
    Outcome,
    Step,
    number,
)

ENCRYPTED_ETHERNET: Final = "encrypted Ethernet (MACsec)"

# A loopback header has the address family of the system that recorded: IPv4 is 2 anywhere, IPv6 is 10 on Linux, 24 on
# NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS.
LOOPBACK_FAMILIES: Final = frozenset((2, 10, 24, 28, 30))

_NFLOG_PAYLOAD: Final = 9
_MOST_FIELDS: Final = 64  # of one header; Linux knows 20
_PKTAP_LEAST: Final = 108  # bytes; later versions may have more


def behind(what: tuple[int, int], length: int) -> Opener:
    """Return an opener for a header of a fixed length.

    Args:
        what: Space and number of what follows.
        length: Bytes.
    """

    def open_it(data: bytes, at: int, size: int) -> Outcome:
        return Step(*what, at + length)

    return open_it


def behind_type(type_at: int, length: int) -> Opener:
    """Return an opener for a header with an Ethernet type in it.

    Args:
        type_at: Where the type is in the header.
        length: The header's, in bytes.
    """

    def open_it(data: bytes, at: int, size: int) -> Outcome:
        return Step(ETHERTYPE, number(data, at + type_at), at + length)

    return open_it


def open_loopback(data: bytes, at: int, size: int) -> Outcome:
    """In the byte order of the computer that recorded, which may not be the file's; OpenBSD's is big-endian."""
    family = data[at : at + 4]
    is_ip = LOOPBACK_FAMILIES & {int.from_bytes(family, "big"), int.from_bytes(family, "little")}
    return Step(*RAW_IP, at + 4) if is_ip else None


def open_ppp(data: bytes, at: int, size: int) -> Outcome:
    """A PPP frame (RFC 1661, RFC 1662), with an address and control, or without; or Cisco's HDLC in its place."""
    start = data[at : at + 2]
    if start in (b"\x0f\0", b"\x8f\0"):
        return Step(ETHERTYPE, number(data, at + 2), at + 4)
    if start == b"\xff\x03":
        at += 2
    if data[at] & 1:  # a protocol below 256 in one byte
        return Step(PPP, data[at], at + 1)
    return Step(PPP, number(data, at), at + 2)


def open_ppp_with_direction(data: bytes, at: int, size: int) -> Outcome:
    """A byte that says which way it went, before a PPP frame or in place of its address."""
    return Step(*PPP_FRAME, at + (2 if data[at + 1] == 3 else 1))


def open_bridged(data: bytes, at: int, size: int) -> Outcome:
    """A frame in PPP's bridging protocol (RFC 3518): flags, the kind of network (1 is Ethernet)."""
    return Step(*ETHERNET, at + 2) if data[at + 1] == 1 else None


def open_multilink(data: bytes, at: int, size: int) -> Outcome:
    """A whole packet in PPP's multilink protocol (RFC 1990), with a sequence number of 24 bits."""
    return Step(*PPP_FRAME, at + 4) if data[at] & 0xC0 == 0xC0 else "fragments of multilink PPP"


def open_pppoe(data: bytes, at: int, size: int) -> Outcome:
    """A session of PPPoE (RFC 2516)."""
    if data[at] != 0x11 or data[at + 1]:
        return None
    return Step(*PPP_FRAME, at + 6)


def open_service_tag(data: bytes, at: int, size: int) -> Outcome:
    """A provider's instance tag (IEEE 802.1ah), before the customer's whole frame."""
    return Step(*ETHERNET, at + 4)


def open_macsec(data: bytes, at: int, size: int) -> Outcome:
    """MACsec (IEEE 802.1AE), which may protect a frame and leave it readable."""
    flags = data[at]
    if flags & 0x0C:
        return ENCRYPTED_ETHERNET
    start = at + (14 if flags & 0x20 else 6)
    return Step(ETHERTYPE, number(data, start), start + 2)


def open_batman(data: bytes, at: int, size: int) -> Outcome:
    """A frame in a B.A.T.M.A.N. mesh, of version 15: to one node, or with both addresses."""
    length = {0x40: 10, 0x42: 18, 0x01: 14}.get(data[at])  # the last is a broadcast
    return None if length is None or data[at + 1] != 15 else Step(*ETHERNET, at + length)


def open_pktap(data: bytes, at: int, size: int) -> Outcome:
    """Apple's PKTAP: its length, and at byte 8 the link type of what follows, in little-endian order."""
    length, _, link_type = struct.unpack_from("<III", data, at)
    if not _PKTAP_LEAST <= length <= max(size - at, 0):
        return None
    return Step(LINK, link_type, at + length)


def open_nflog(data: bytes, at: int, size: int) -> Outcome:
    """Linux's NFLOG: fields, each with its length and kind in the byte order of the computer that recorded.

    The packet is the content of one of them.
    """
    if data[at + 1]:
        return None
    # A kind is below 256 and never 0, but may have flags in its high byte. A length tells nothing: 0x0104 may be a
    # packet's, and so may 0x0401.
    order = ">" if data[at + 7] & 0x3F else "<"
    field, look = at + 4, struct.Struct(f"{order}HH")
    for _ in range(_MOST_FIELDS):
        length, kind = look.unpack_from(data, field)
        if length < 4:
            return None
        if kind & 0x7FFF == _NFLOG_PAYLOAD:
            return Step(*RAW_IP, field + 4)
        field += length + 3 & ~3
    return None


def open_pflog(data: bytes, at: int, size: int) -> Outcome:
    """OpenBSD's PFLOG, which pfSense and OPNsense have too: its length in the first byte, without its padding."""
    return Step(*RAW_IP, at + (data[at] + 3 & ~3)) if data[at] >= 28 else None
