"""This computer's addresses, and which of them a phone in the same home network reaches."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple

from lmdecode.mitm.addresses import source_towards

LOOPBACK: Final = "127.0.0.1"
_ELSEWHERE: Final = "192.0.2.1"  # an address for documentation: only the route to it is looked up
# Interfaces with no phone behind them: of containers, of virtual machines and of tunnels.
_VIRTUAL: Final = re.compile(
    r"docker|br-|veth|vir(?:br|tual)|vmnet|vmware|vbox|vethernet|hyper-v|podman|cni|flannel|cali|lx[cd]|tun|tap|utun|"
    r"wg|wireguard|openvpn|tailscale|zt|zerotier|ppp|ham|awdl|llw|anpi",
    re.IGNORECASE,
)
_SMALLEST: Final = 30  # bits; a longer prefix is a line to one other computer, as VPNs have it


class OwnAddress(NamedTuple):
    """An IPv4 address of this computer, and where it has it."""

    address: str
    interface: str = ""
    prefix: int = 24
    """Bits of the network."""

    def __str__(self) -> str:
        return f"{self.address} ({self.interface})" if self.interface else self.address

    @property
    def has_phones(self) -> bool:
        """Whether it looks like one in a home network."""
        private = not ip_address(self.address).is_global
        return private and self.prefix <= _SMALLEST and not _VIRTUAL.match(self.interface)


def own_addresses() -> list[OwnAddress]:
    """Returns this computer's IPv4 addresses but those that only it reaches, the one for the internet first."""
    route = source_towards(_ELSEWHERE)
    found = [each for each in _listed() if not IPv4Address(each.address).is_loopback]
    if route and not IPv4Address(route).is_loopback and route not in {each.address for each in found}:
        found.append(OwnAddress(route))
    return sorted(found, key=lambda each: each.address != route)


def chosen(found: list[OwnAddress]) -> str:
    """Returns the address to listen on: of those in home networks the first; loopback if there is none.

    A VPN that is up takes the way to the internet, and no phone reaches this computer through it. A public address is
    never chosen.

    >>> chosen([OwnAddress("10.8.0.2", "tun0", 32), OwnAddress("192.168.1.7", "eth0")])
    '192.168.1.7'
    """
    return next((each.address for each in found if each.has_phones), LOOPBACK)


def is_address(host: str) -> bool:
    """Returns True for an IP address, False for a name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def named(host: str, found: list[OwnAddress]) -> str:
    """Returns which of this computer's addresses a name stands for; "" if none.

    Its own name often stands for loopback there, which no phone reaches.
    """
    try:
        infos = socket.getaddrinfo(host, 0, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return ""
    addresses = {str(info[4][0]) for info in infos}
    return next((each.address for each in found if each.address in addresses), "")


def is_own(address: str) -> bool:
    """Returns True if this computer can listen on an address."""
    try:
        infos = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        family, _, _, _, place = infos[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(place)
    except (OSError, ValueError):
        return False
    return True


def _listed() -> list[OwnAddress]:
    try:
        from ifaddr import get_adapters  # noqa: PLC0415 -- it may be missing; then the route says one address
    except ImportError:
        return []
    return [
        OwnAddress(each.ip, adapter.nice_name, each.network_prefix)
        for adapter in get_adapters()
        for each in adapter.ips
        if isinstance(each.ip, str)
    ]
