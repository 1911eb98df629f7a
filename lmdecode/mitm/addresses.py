"""IP addresses: which are in the internet, and which are this computer's own or in its networks."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")


def is_outside(address: str) -> bool:
    """Whether an address is in the internet: not of this computer, nor of its networks, nor of any private one.

    >>> [is_outside(each) for each in ("8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1")]
    [True, False, False, False]
    """
    try:
        given = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    address_meant = unwrapped(given)
    if not address_meant.is_global or address_meant.is_multicast or address_meant.is_reserved:
        return False
    source = source_towards(address)
    return source is None or not is_near(given, ip_address(source.partition("%")[0]))


def unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    return inner or address


def is_near(address: IPv4Address | IPv6Address, source: IPv4Address | IPv6Address) -> bool:
    """Whether an address is this computer's own, or in its network: IPv6 has global addresses at home."""
    address, source = unwrapped(address), unwrapped(source)
    if isinstance(address, IPv6Address) and isinstance(source, IPv6Address):
        return int(address) >> 64 == int(source) >> 64
    return address == source


def is_neighbour(peer: str, own: str) -> bool:
    """Whether who connected is in a private network, or in the same one as the address that it connected to."""
    try:
        other, here = (ip_address(each.partition("%")[0]) for each in (peer, own))
    except ValueError:
        return False
    return not unwrapped(other).is_global or is_near(other, here)


def source_towards(address: str) -> str | None:
    """This computer's address for talking to another one, without sending anything; None if there is no way to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            own: str = probe.getsockname()[0]
            return own
    except (OSError, ValueError, OverflowError):
        return None
