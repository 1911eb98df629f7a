"""Finding the IP packet in link layers that are too rare to be read by hand: scapy dissects them.

Importing its layers takes 0.7 s, so this happens only when a packet needs it.
"""

from __future__ import annotations

import struct
from functools import cache

# What scapy's dissectors are known to raise on hostile or cut-off packets; they have no base of their own.
_FAILURES = (struct.error, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError)


@cache
def is_known(link_type: int) -> bool:
    """Whether scapy has a dissector for a link type."""
    import scapy.layers.all  # noqa: F401, PLC0415 - registers the link types
    from scapy.config import conf  # noqa: PLC0415

    return link_type in conf.l2types.num2layer


def find_ip(link_type: int, data: bytes) -> int:
    """Where in a packet the innermost IP header begins, in bytes; -1 if there is none."""
    if not is_known(link_type):
        return -1
    from scapy.config import conf  # noqa: PLC0415

    try:
        packet = conf.l2types.num2layer[link_type](data)
    except _FAILURES:
        return -1
    found = -1
    while packet:
        if packet.name in ("IP", "IPv6"):
            found = data.rfind(bytes(packet.original))
        packet = packet.payload
    return found
