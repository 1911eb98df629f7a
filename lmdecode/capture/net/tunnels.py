"""What carries packets in IP: tunnels of networks, and taps that send what they see to another computer."""

# ruff: noqa: ARG001 -- all openers take the same three arguments, and not every one needs all

from __future__ import annotations

from typing import Final

from lmdecode.capture.net.ethernet import is_ethernet_in_place_of_ip, likely_ethernet
from lmdecode.capture.net.ip_header import EXTENSIONS, FRAGMENT, TCP, find_ip, past_extensions
from lmdecode.capture.net.packet import TUNNEL_PORTS
from lmdecode.capture.net.step import (
    ETHERNET,
    ETHERTYPE,
    FOUND,
    IP_PROTOCOL,
    LINK,
    PPP_FRAME,
    RAW_IP,
    UDP_PORT,
    WIFI,
    Outcome,
    Step,
    number,
)  # fmt: skip

IPSEC: Final = "IPsec (ESP)"
WIREGUARD: Final = "WireGuard"
INSIDE_UDP: Final = "packets in UDP to port "
"""What the name begins with of a tunnel on a port of its own. Such a port says nothing, so it is not looked into."""

_KNOWN_PORTS: Final = TUNNEL_PORTS | {1194, 4500}  # OpenVPN, and IPsec behind NAT

_MOST_FIELDS: Final = 64  # of one header; more is no header but an attempt to make the look at a packet long

_TRANSPARENT_ETHERNET: Final = 0x6558
_ERSPAN: Final = frozenset((0x88BE, 0x22EB))  # types I and II, and III
_EOIP: Final = 0x6400
_WCCP: Final = 0x883E

# GRE's flags (RFC 2784, 2890; RFC 2637 for the version of PPTP).
_CHECKSUM: Final = 0x8000
_ROUTING: Final = 0x4000
_KEY: Final = 0x2000
_SEQUENCE: Final = 0x1000
_ACKNOWLEDGED: Final = 0x0080
_VERSION: Final = 0x0007

_WIREGUARD_SIZES: Final = {1: 148, 2: 92, 3: 64}  # bytes of the handshake's messages; 4 is data, in blocks of 16


def open_ip(data: bytes, at: int, size: int) -> Outcome:
    """An IP header of either version."""
    version = data[at] >> 4
    if version == 4:
        length = (data[at] & 15) * 4
        protocol = data[at + 9]
        if length < 20:
            return None
        if protocol == TCP or number(data, at + 6) & 0x3FFF:
            return Step(FOUND, protocol, at)
        return Step(IP_PROTOCOL, protocol, at + length)
    if version == 6:
        protocol, start = past_extensions(data, data[at + 6], at + 40)
        if protocol in {TCP, FRAGMENT}:
            return Step(FOUND, protocol, at)
        if protocol in EXTENSIONS:
            raise IndexError
        return Step(IP_PROTOCOL, protocol, start)
    return None


def open_raw_ip(data: bytes, at: int, size: int) -> Outcome:
    """An IP header right at the beginning, or an Ethernet frame where the file says that there is none."""
    return Step(*ETHERNET, at) if is_ethernet_in_place_of_ip(data, at, size) else open_ip(data, at, size)


def open_authentication(data: bytes, at: int, size: int) -> Outcome:
    """IPsec's authentication header (RFC 4302), which encrypts nothing."""
    return Step(IP_PROTOCOL, data[at], at + (data[at + 1] + 2) * 4) if data[at] != TCP else None


def open_udp(data: bytes, at: int, size: int) -> Outcome:
    """A UDP header: what it carries is known by the port, and in one case by how it looks."""
    destination, source = number(data, at + 2), number(data, at)
    for port in (destination, source):
        if port in _KNOWN_PORTS:
            return Step(UDP_PORT, port, at + 8)
    content = number(data, at + 4) - 8
    if data[at + 9 : at + 12] == b"\0\0\0" and 1 <= (kind := data[at + 8]) <= 4:
        expected = _WIREGUARD_SIZES.get(kind)
        if content == expected or (expected is None and content >= 32 and not content % 16):
            return WIREGUARD
    for found in find_ip(data, at + 8, size):
        if data[found + (9 if data[found] >> 4 == 4 else 6)] == TCP:
            return f"{INSIDE_UDP}{destination} behind {found} bytes"
    return None


def open_gre(data: bytes, at: int, size: int) -> Outcome:
    """GRE, also as PPTP, EoIP and ERSPAN have it."""
    flags, protocol = number(data, at), number(data, at + 2)
    if flags & _ROUTING:
        return "GRE with source routes"
    start = at + 4
    for flag in (_CHECKSUM, _KEY, _SEQUENCE):
        start += 4 if flags & flag else 0
    if flags & _VERSION and flags & _ACKNOWLEDGED:
        start += 4
    if protocol == _TRANSPARENT_ETHERNET or (protocol == _EOIP and flags & _VERSION):
        return Step(*ETHERNET, start)
    if protocol in _ERSPAN:
        return _open_erspan(data, start, has_header=bool(flags & _SEQUENCE) or protocol != 0x88BE)
    if protocol == _WCCP:  # version 2 has 4 bytes before the packet
        return Step(*RAW_IP, start if data[start] >> 4 == 4 else start + 4)
    return Step(ETHERTYPE, protocol, start)


def _open_erspan(data: bytes, at: int, *, has_header: bool) -> Outcome:
    """What Cisco's switches mirror: type I has no header, II has 8 bytes, III has 12, or 20 with a platform's own."""
    if not has_header:
        return Step(*ETHERNET, at)
    version = data[at] >> 4
    if version < 2:
        return Step(*ETHERNET, at + 8)
    start = at + (20 if data[at + 11] & 1 else 12)
    return Step(*(RAW_IP if data[at + 10] >> 2 & 0x1F == 2 else ETHERNET), start)


def open_vxlan(data: bytes, at: int, size: int) -> Outcome:
    """VXLAN (RFC 7348), with the next protocol if it is the generic one (GPE)."""
    flags = data[at]
    if not flags & 0x08:
        return None
    return _next_protocol(data[at + 3], at + 8) if flags & 0x04 else Step(*ETHERNET, at + 8)


def open_service_header(data: bytes, at: int, size: int) -> Outcome:
    """A network service header (RFC 8300)."""
    return _next_protocol(data[at + 3], at + max(data[at + 1] & 0x3F, 2) * 4)


def _next_protocol(protocol: int, at: int) -> Outcome:
    if protocol in {1, 2}:
        return Step(*RAW_IP, at)
    if protocol == 3:
        return Step(*ETHERNET, at)
    return Step(ETHERTYPE, {4: 0x894F, 5: 0x8847}[protocol], at) if protocol in {4, 5} else None


def open_geneve(data: bytes, at: int, size: int) -> Outcome:
    """GENEVE (RFC 8926)."""
    return None if data[at] >> 6 else Step(ETHERTYPE, number(data, at + 2), at + 8 + (data[at] & 0x3F) * 4)


_TZSP_CONTENT: Final = {
    0x01: ETHERNET, 0x04: PPP_FRAME, 0x07: RAW_IP, 0x12: WIFI, 0x77: (LINK, 119), 0x7F: (LINK, 163),
}  # fmt: skip


def open_tzsp(data: bytes, at: int, size: int) -> Outcome:
    """TZSP, as MikroTik's routers stream it: a header of 4 bytes, then tags up to one of number 1."""
    if data[at] != 1 or data[at + 1] > 1:
        return None
    content = _TZSP_CONTENT.get(number(data, at + 2))
    tag = at + 4
    for _ in range(_MOST_FIELDS):
        if data[tag] == 1:
            return None if content is None else Step(*content, tag + 1)
        tag += 2 + data[tag + 1] if data[tag] else 1  # 0 is padding
    return None


def open_gtp(data: bytes, at: int, size: int) -> Outcome:
    """GTP-U of mobile networks (3GPP TS 29.281)."""
    flags = data[at]
    if flags >> 4 != 3 or data[at + 1] != 0xFF:  # version 1, not the charging protocol; user data
        return None
    start = at + 8
    if flags & 7:
        start += 4
        if not flags & 4:
            return Step(*RAW_IP, start)
        for _ in range(_MOST_FIELDS):
            if not data[start - 1]:  # which kind of extension comes next
                return Step(*RAW_IP, start)
            start += max(data[start], 1) * 4
        return None
    return Step(*RAW_IP, start)


def open_l2tp(data: bytes, at: int, size: int) -> Outcome:
    """L2TP over UDP (RFC 2661, RFC 3931)."""
    flags = number(data, at)
    if flags & 0x8000:
        return None
    if flags & 15 == 3:
        return _open_session(data, at + 8, size)
    if flags & 15 != 2:
        return None
    start = at + (8 if flags & 0x4000 else 6)
    start += 4 if flags & 0x0800 else 0
    if flags & 0x0200:
        start += 2 + number(data, start)
    return Step(*PPP_FRAME, start)


def open_l2tp3(data: bytes, at: int, size: int) -> Outcome:
    """L2TP version 3 right over IP (RFC 3931): a session of 4 bytes, of which 0 means control."""
    return _open_session(data, at + 4, size) if any(data[at : at + 4]) else None


def _open_session(data: bytes, at: int, size: int) -> Outcome:
    """What follows a session's number. Both ends know how long its cookie is (0, 4, 8), and of the sublayer (0, 4)."""
    return likely_ethernet(data, (at, at + 4, at + 8, at + 12), size)


def open_capwap(data: bytes, at: int, size: int) -> Outcome:
    """CAPWAP between access points and their controller (RFC 5415)."""
    if data[at] & 15:
        return "CAPWAP with DTLS"
    if data[at + 3] & 0x80:
        return "fragments of CAPWAP"
    start = at + (data[at + 1] >> 3) * 4
    return Step(*(WIFI if data[at + 2] & 1 else ETHERNET), start)


def open_teredo(data: bytes, at: int, size: int) -> Outcome:
    """Teredo (RFC 4380): IPv6, with an indication of 8 bytes and an authentication before it, or neither."""
    if data[at : at + 2] == b"\0\1":
        at += 13 + data[at + 2] + data[at + 3]
    if data[at : at + 2] == b"\0\0":
        at += 8
    return Step(*RAW_IP, at)


def open_etherip(data: bytes, at: int, size: int) -> Outcome:
    """EtherIP (RFC 3378): version 3, then a frame."""
    return Step(*ETHERNET, at + 2) if data[at] >> 4 == 3 else None


def open_ipsec_in_udp(data: bytes, at: int, size: int) -> Outcome:
    """ESP behind NAT (RFC 3948); four zeros, or one 0xFF, are the key exchange and what keeps NAT awake."""
    return IPSEC if any(data[at : at + 4]) and len(data) > at + 8 else None
