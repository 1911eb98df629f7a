"""The step from one header of a packet to what is behind it.

What may be behind a header is named by a space of numbers and a number in it: (ETHERTYPE, 0x8864) is PPPoE, (UDP_PORT,
4789) is VXLAN. Each kind of header has an opener, which says where the next one begins and what it is. Openers may
index freely: a header that is not whole ends the look at the packet by an IndexError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

LINK: Final = 0
"""A LINKTYPE_ number of the pcap world."""
ETHERTYPE: Final = 1
IP_PROTOCOL: Final = 2
UDP_PORT: Final = 3
PPP: Final = 4
"""A protocol number of PPP."""
FOUND: Final = 5
"""An IP header, of which TCP is the content, or a fragment."""

ETHERNET: Final = (LINK, 1)
RAW_IP: Final = (LINK, 101)
LLC: Final = (LINK, 100)  # which is what LINKTYPE_ATM_RFC1483 begins with
WIFI: Final = (LINK, 105)
PADDED_WIFI: Final = (LINK, 105 | 1 << 16)
"""802.11 whose header was brought to a multiple of 4 bytes, as Atheros' cards do. It has no number in files."""
PPP_FRAME: Final = (LINK, 9)


LLC_LENGTH: Final = 1500
"""An Ethernet type up to this is a length (IEEE 802.3), and an LLC header follows; cooked captures have 4 for that."""


class Step(NamedTuple):
    """Where to go on in a packet."""

    space: int
    number: int
    at: int
    """Where it begins, in bytes."""


Outcome = Step | list[Step] | str | None
"""What is behind a header: the next, or several (a Wi-Fi frame may hold several packets); or why that cannot be read;
or nothing that could be of use, such as ARP."""

Opener = Callable[[bytes, int, int], Outcome]
"""Given what was captured of a packet, where the header begins, and the packet's size in bytes before it was cut."""


def number(data: bytes, at: int) -> int:
    """The big-endian number of two bytes at a place.

    Raises:
        IndexError: They are not there.
    """
    return data[at] << 8 | data[at + 1]
