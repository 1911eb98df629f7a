"""IP's headers: what is behind IPv6's extension headers, and whether some bytes can be an IP header at all."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

TCP: Final = 6
UDP: Final = 17
FRAGMENT: Final = 44
AUTHENTICATION: Final = 51

# IPv6's extension headers (IANA's list): hop-by-hop options, routing, fragment, authentication, destination options,
# mobility, host identity, shim6. Behind an encrypting one (50) there is nothing to be read.
EXTENSIONS: Final = frozenset((0, 43, FRAGMENT, AUTHENTICATION, 60, 135, 139, 140))

_MOST_EXTENSIONS: Final = 64  # each kind comes once, or twice; more is an attempt to make the look at a packet long

# What is asked for where bytes are only guessed to be an IP header: ICMP, IGMP, IP in IP, TCP, UDP, IPv6 in IP, GRE,
# ESP, ICMP of IPv6, IP in IP once more, EtherIP, IPComp, L2TP, SCTP, MPLS, and IPv6's extension headers.
_LIKELY: Final = frozenset((1, 2, 4, TCP, UDP, 41, 47, 50, 58, 94, 97, 108, 115, 132, 137)) | EXTENSIONS
_FARTHEST: Final = 80  # bytes before an IP packet where nothing says where it is
_MAY_BEGIN: Final = re.compile(rb"[\x45-\x4f\x60-\x6f]")
_TRAILER: Final = 48  # bytes: 40 of padding at the most, and 8 of a check sequence or of what a switch puts behind it


def past_extensions(data: bytes, following: int, start: int) -> tuple[int, int]:
    """Skip IPv6's extension headers (RFC 8200, section 4).

    Returns:
        The number of the next header, and where it begins. This is an extension in two cases: a fragment header of a
        packet with several fragments, or a header that is not whole in the data.
    """
    for _ in range(_MOST_EXTENSIONS):
        if following not in EXTENSIONS or len(data) < start + 8:
            break
        if following == FRAGMENT:
            if data[start + 2] or data[start + 3] & 0xF9:
                break
            length = 8  # an atomic fragment, which is a whole packet (RFC 6946)
        elif following == AUTHENTICATION:
            length = (data[start + 1] + 2) * 4  # this one counts words of 4 bytes (RFC 4302, section 2.2)
        else:
            length = (data[start + 1] + 1) * 8
        following = data[start]
        start += length
    return following, start


def is_ip(data: bytes, at: int, size: int) -> bool:
    """Return True if an IP packet begins at a place where nothing says so. Chance bytes do not pass.

    Version, header length, protocol and total length must fit the frame, and IPv4's checksum the header: together at
    least 40 bits. A checksum of 0 passes if the packet ends just where its frame does, since some systems leave it to
    the network card.

    Args:
        data: What was captured of the frame.
        at: Where the header would begin.
        size: Of the whole frame, in bytes; the data is shorter if the snap length cut it.
    """
    if len(data) < at + 20:
        return False
    version = data[at] >> 4
    return _is_ipv4(data, at, size) if version == 4 else version == 6 and _is_ipv6(data, at, size)


def find_ip(data: bytes, at: int, size: int) -> Iterator[int]:
    """Yield where an IP packet may begin that fills the rest of a frame, where nothing says so.

    The first of IPv4 is one. Of IPv6, which has no checksum, some bytes before it may look like one too.

    Args:
        data: What was captured of the frame.
        at: Where it may begin.
        size: Of the whole frame, in bytes.
    """
    for found in _MAY_BEGIN.finditer(data, at, at + _FARTHEST):
        if is_ip(data, found.start(), size):
            yield found.start()


def _is_ipv4(data: bytes, at: int, size: int) -> bool:
    length = (data[at] & 15) * 4
    total = data[at + 2] << 8 | data[at + 3]
    rest = size - at - total
    header = data[at : at + length]
    if not 20 <= length <= min(total, len(header)) or not 0 <= rest <= _TRAILER or header[9] not in _LIKELY:
        return False
    if not (header[10] or header[11]):
        return not rest
    words: tuple[int, ...] = struct.unpack(f"!{length // 2}H", header)
    return sum(words) % 0xFFFF == 0


def _is_ipv6(data: bytes, at: int, size: int) -> bool:
    if len(data) < at + 40:
        return False
    rest = size - at - 40 - (data[at + 4] << 8 | data[at + 5])
    # Nobody sends from a multicast address (ff00::/8), or to nobody (::).
    from_one, to_somebody = data[at + 8] != 0xFF, any(data[at + 24 : at + 40])
    return 0 <= rest <= _TRAILER and data[at + 6] in _LIKELY and from_one and to_somebody
