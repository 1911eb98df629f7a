"""Ethernet frames that need more than a look at the type: what switches put into them, and MPLS.

A switch that is part of a router tells the router's processor by a tag in each frame which port the frame came by.
Linux takes the tag off in the switch's own driver (DSA), so a recording on the interface that leads to the switch has
it, between the addresses and the type or before the frame, in as many forms as there are makers. Most files say no more
than "Ethernet". Few of the tags can be told by their own bytes, but behind each of them a whole IP packet fills the
frame to its end, and chance bytes do not look like that (`is_ip`). Tags at the end of a frame (KSZ, Realtek's
RTL8366RB) need nothing: IP's length does not count them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from lmdecode.capture.net.ip_header import is_ip
from lmdecode.capture.net.step import ETHERNET, ETHERTYPE, LLC, LLC_LENGTH, PPP, RAW_IP, Outcome, Step, number

TYPE_AT: Final = 12
_IP_TYPES: Final = frozenset((0x0800, 0x86DD))
_VLAN_TYPES: Final = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))
_PPPOE: Final = 0x8864
_MPLS: Final = frozenset((0x8847, 0x8848))
_SNAP: Final = b"\xaa\xaa\x03"
# VLAN, PPPoE, MPLS, and what else may stand in a frame before IP: tags of 802.1BR, Cisco and 802.1ah, MACsec, a service
# header, a mesh.
_LEADING: Final = frozenset(
    kind.to_bytes(2, "big") for kind in (*_VLAN_TYPES, *_MPLS, _PPPOE, 0x893F, 0x8926, 0x88E7, 0x88E5, 0x894F, 0x4305)
)
_MOST_TAGS: Final = 3  # VLAN tags behind a switch's tag

# Bytes between the addresses and the type: QCA; Broadcom, Marvell, MediaTek and Realtek; Broadcom's older; Marvell's
# with an Ethernet type of its own, and Realtek's.
_INSIDE: Final = (2, 4, 6, 8)
# Bytes before the addresses: Broadcom; Microsemi's (Ocelot, Felix, Seville), alone and with either prefix.
_BEFORE: Final = (4, 16, 20, 32)


def open_ethernet(data: bytes, at: int, size: int) -> Outcome:
    """An Ethernet frame."""
    kind = number(data, at + TYPE_AT)
    if kind in _IP_TYPES or kind in _VLAN_TYPES or kind in _MPLS or kind == _PPPOE:
        return Step(ETHERTYPE, kind, at + 14)
    if kind <= LLC_LENGTH and data[at + 14 : at + 17] == _SNAP:
        return Step(*LLC, at + 14)
    if is_ip(data, at, size):  # what macOS wrote for an iPhone's interface
        return Step(*RAW_IP, at)
    tagged = _behind_tag(data, at, size)
    if tagged is not None:
        return tagged
    if kind <= LLC_LENGTH or _is_arp_behind_tag(data, at):
        return None
    return Step(ETHERTYPE, kind, at + 14)


def open_tagged_ethernet(data: bytes, at: int, size: int) -> Outcome:
    """An Ethernet frame with a switch's tag, as the file says."""
    return _behind_tag(data, at, size) or open_ethernet(data, at, size)


def ethernet_at(data: bytes, places: Iterable[int], size: int) -> Step | None:
    """The content of an Ethernet frame at one of some places, the first where a frame makes sense."""
    for place in places:
        found = _content(data, place + TYPE_AT, size)
        if found is not None:
            return found
    return None


def likely_ethernet(data: bytes, places: Sequence[int], size: int) -> Step | None:
    """As `ethernet_at`; but if no frame has IP for certain, the first whose type is one that may lead to it."""
    found = ethernet_at(data, places, size)
    if found is not None:
        return found
    for place in places:
        kind = data[place + TYPE_AT : place + 14]
        if kind in _LEADING or (data[place + 14 : place + 17] == _SNAP and number(kind, 0) <= LLC_LENGTH):
            return Step(*ETHERNET, place)
    return None


def open_pseudowire(data: bytes, at: int, size: int) -> Outcome:
    """What is behind the last label of MPLS, which does not say what it is: IP, or Ethernet with four bytes or none.

    The four bytes begin with a zero digit (RFC 4448), as addresses of network cards may, and these may begin with a 4
    or a 6, as IP does. So the one that makes sense is taken.
    """
    if is_ip(data, at, size):
        return Step(*RAW_IP, at)
    found = likely_ethernet(data, (at, at + 4), size)
    if found is not None:
        return found
    first = data[at] >> 4
    if first in {4, 6}:
        return Step(*RAW_IP, at)
    return None if first == 1 else Step(*ETHERNET, at if first else at + 4)


def open_label(data: bytes, at: int, size: int) -> Outcome:
    """A label of MPLS (RFC 3032)."""
    return open_pseudowire(data, at + 4, size) if data[at + 2] & 1 else Step(ETHERTYPE, 0x8847, at + 4)


def is_ethernet_in_place_of_ip(data: bytes, at: int, size: int) -> bool:
    """Return True if what should be an IP header is an Ethernet frame with one."""
    return number(data, at + TYPE_AT) in _IP_TYPES and is_ip(data, at + 14, size) and not is_ip(data, at, size)


def _behind_tag(data: bytes, at: int, size: int) -> Step | None:
    for length in _INSIDE:
        found = _content(data, at + TYPE_AT + length, size)
        if found is not None:
            return found
    return ethernet_at(data, [at + length for length in _BEFORE], size)


def _content(data: bytes, at: int, size: int) -> Step | None:
    """What is behind an Ethernet type at a place, if it is IP for certain, with VLAN tags or PPPoE around it or not."""
    for _ in range(_MOST_TAGS + 1):
        if len(data) < at + 2:
            return None
        kind = number(data, at)
        if kind in _IP_TYPES:
            return Step(*RAW_IP, at + 2) if is_ip(data, at + 2, size) else None
        if kind == _PPPOE:
            is_whole = data[at + 2 : at + 4] == b"\x11\0" and is_ip(data, at + 10, size)
            return Step(PPP, number(data, at + 8), at + 10) if is_whole else None
        if kind not in _VLAN_TYPES:
            return None
        at += 4
    return None


def _is_arp_behind_tag(data: bytes, at: int) -> bool:
    """Return True if a frame has ARP for IPv4 where a tag would move it to."""
    places = [at + TYPE_AT + length for length in _INSIDE] + [at + TYPE_AT + length for length in _BEFORE]
    return any(data[place : place + 8] == b"\x08\x06\0\1\x08\0\6\4" for place in places)
