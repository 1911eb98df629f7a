"""All layers that are looked through to find an IP packet with TCP in it, as one table, and the walk along it.

A packet may have layers around each other in any order: VXLAN in a VLAN in PPPoE, or an iPhone's capture of a phone in
a GRE tunnel. Each layer is a line of `LAYERS`, with the numbers that it is known by and the opener that finds what is
behind its header. The walk follows the openers from header to header. What ends it elsewhere than at TCP is counted by
name, so that a capture in which nothing was found can say what was in it.

The openers read by fixed offsets rather than by scapy: on a mirrored port each packet is wrapped, and scapy would take
half a minute for what takes a second here, and raise what it likes on bytes that somebody chose.

No walk is without bound: a packet may hold headers of four bytes to its end, or seem to hold several packets, each of
which again holds several. The headers of all of them are counted together.
"""

from __future__ import annotations

import ctypes
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple

from lmdecode.capture.net import ethernet, link_headers, tunnels, wifi
from lmdecode.capture.net.step import (
    ETHERNET,
    ETHERTYPE,
    FOUND,
    IP_PROTOCOL,
    LINK,
    LLC,
    LLC_LENGTH,
    PADDED_WIFI,
    PPP,
    RAW_IP,
    UDP_PORT,
    Opener,
    Outcome,
    Step,
)  # fmt: skip

MOST_HEADERS: Final = 256
"""In one packet. Real nestings have up to 20; a Wi-Fi frame may hold 64 packets with 3 headers each before TCP."""
MOST_NAMES: Final = 1000
"""Of layers that were not looked into, so that no capture can fill the memory with numbers."""
_MOST_SAID: Final = 3
_MOST_LINKS: Final = 1 << 16  # pcapng has 16 bits for a link type

_TOO_MANY: Final = f"more than {MOST_HEADERS} headers"
_INSIDE_THE_TUNNEL: Final = "record inside the tunnel, on its own interface (wg0, ipsec0, tun0) at one of its ends"
_ON_THE_ROUTER: Final = "record on the access point or the router (-i any) instead, or on the phone"
_ON_THE_BRIDGE: Final = "record on the bridge (br-lan) or with -i any instead"
_WHOLE: Final = "record before the packets are cut up, on the bridge (br-lan) or with -i any"
_TAKEN_OFF: Final = "take so many bytes off each packet: editcap -C BYTES -T rawip FILE NEW.pcapng"
_UNCOMPRESSED: Final = "record on the interface of the PPP link itself (ppp0)"


class Layer(NamedTuple):
    """What packets may be wrapped in, and is looked through."""

    name: str
    keys: tuple[tuple[int, int], ...]
    """What it is known by: spaces, and numbers in them."""
    open: Opener
    where: str = ""
    """Who has it, for the page on formats."""


class Unread(NamedTuple):
    """What packets may be wrapped in, and cannot be looked into."""

    name: str
    keys: tuple[tuple[int, int], ...]
    """Empty if an opener says it."""
    advice: str


def _in(space: int, *numbers: int) -> tuple[tuple[int, int], ...]:
    return tuple((space, number) for number in numbers)


LAYERS: Final = (
    # The link types of files. Raw IP is 101, but some programs write the number that the system has for it, 12, or 14
    # on OpenBSD; 228 and 229 are IPv4 and IPv6 alone.
    Layer("Ethernet", _in(LINK, 1), ethernet.open_ethernet, "nearly all interfaces"),
    Layer("raw IP", _in(LINK, 12, 14, 101, 228, 229), tunnels.open_raw_ip, "tunnels, phones"),
    Layer("loopback", _in(LINK, 0, 108), link_headers.open_loopback, "BSD, macOS"),
    Layer("Linux cooked", _in(LINK, 113), link_headers.behind_type(14, 16), "`-i any` of Linux"),
    Layer("Linux cooked 2", _in(LINK, 276), link_headers.behind_type(0, 20), "`-i any` of Linux since 2020"),
    Layer("PPP", _in(LINK, 9, 50), link_headers.open_ppp, "modems"),
    Layer("PPP with a direction", _in(LINK, 166, 204), link_headers.open_ppp_with_direction, "pppd"),
    Layer("PPPoE without Ethernet", _in(LINK, 51), link_headers.open_pppoe, "NetBSD"),
    Layer("Cisco HDLC", _in(LINK, 104), link_headers.open_ppp, "routers"),
    Layer("SLIP", _in(LINK, 8), link_headers.behind(RAW_IP, 16), "old modems"),
    Layer("LLC", _in(LINK, 100), wifi.open_llc, "DSL modems (RFC 1483)"),
    Layer("802.11", _in(LINK, 105), wifi.open_wifi, "Wi-Fi in monitor mode"),
    Layer("802.11 with radiotap", _in(LINK, 127), wifi.open_radiotap, "the same, on Linux and macOS"),
    Layer("802.11 with Prism", _in(LINK, 119), wifi.open_prism, "the same, of older drivers"),
    Layer("802.11 with AVS", _in(LINK, 163), wifi.open_avs, "the same, of older drivers"),
    Layer("PPI", _in(LINK, 192), wifi.open_ppi, "Kismet, AirPcap"),
    Layer("PKTAP", _in(LINK, 149, 258), link_headers.open_pktap, "macOS, an iPhone's `rvi0`"),
    Layer("NFLOG", _in(LINK, 239), link_headers.open_nflog, "`-i nflog` of Linux"),
    Layer("PFLOG", _in(LINK, 117), link_headers.open_pflog, "pfSense, OPNsense, OpenBSD"),
    Layer("ENC", _in(LINK, 109), link_headers.behind(RAW_IP, 12), "IPsec of BSD"),
    Layer("IP over FireWire", _in(LINK, 138), link_headers.behind_type(16, 18), "macOS"),
    Layer("netANALYZER", _in(LINK, 240), link_headers.behind(ETHERNET, 4), "taps of Hilscher"),
    Layer("Ethernet with its preamble", _in(LINK, 274), link_headers.behind(ETHERNET, 8), "taps"),
    Layer(
        "Ethernet with a switch's tag",
        _in(LINK, 281, 282, 283, 284, 285),
        ethernet.open_tagged_ethernet,
        "OpenWrt, on the port that leads to the switch",
    ),
    # Behind an Ethernet type, which cooked captures and GRE have too.
    Layer("IP", _in(ETHERTYPE, 0x0800, 0x86DD), tunnels.open_ip),
    Layer("VLAN", _in(ETHERTYPE, 0x8100, 0x88A8, 0x9100, 0x9200, 0x9300), link_headers.behind_type(2, 4), "switches"),
    Layer("PPPoE", _in(ETHERTYPE, 0x8864), link_headers.open_pppoe, "DSL and fibre, towards the provider"),
    Layer("PPP", _in(ETHERTYPE, 0x880B), link_headers.open_ppp, "PPTP"),
    Layer("MPLS", _in(ETHERTYPE, 0x8847, 0x8848), ethernet.open_label, "providers; with IP or Ethernet in it"),
    Layer("transparent Ethernet", _in(ETHERTYPE, 0x6558), link_headers.behind(ETHERNET, 0), "GRE, GENEVE"),
    Layer("802.1BR tag", _in(ETHERTYPE, 0x893F), link_headers.behind_type(6, 8), "switches"),
    Layer("VN tag", _in(ETHERTYPE, 0x8926), link_headers.behind_type(4, 6), "switches of Cisco"),
    Layer("802.1ah tag", _in(ETHERTYPE, 0x88E7), link_headers.open_service_tag, "providers"),
    Layer("network service header", _in(ETHERTYPE, 0x894F), tunnels.open_service_header, "data centres"),
    Layer("MACsec without encryption", _in(ETHERTYPE, 0x88E5), link_headers.open_macsec, "switches"),
    Layer("B.A.T.M.A.N.", _in(ETHERTYPE, 0x4305), link_headers.open_batman, "meshes of OpenWrt, Freifunk"),
    # Inside PPP.
    Layer("IP in PPP", _in(PPP, 0x0021, 0x0057), tunnels.open_ip),
    Layer("MPLS in PPP", _in(PPP, 0x0281, 0x0283), ethernet.open_label, "providers"),
    Layer("bridged PPP", _in(PPP, 0x0031), link_headers.open_bridged, "DSL modems"),
    Layer("multilink PPP", _in(PPP, 0x003D), link_headers.open_multilink, "bundled lines"),
    # Inside IP.
    Layer("IP in IP", _in(IP_PROTOCOL, 4, 41, 94), tunnels.open_ip, "also 6in4 and 4in6"),
    Layer("GRE", _in(IP_PROTOCOL, 47), tunnels.open_gre, "with IP or Ethernet; also ERSPAN I to III, EoIP, PPTP, WCCP"),
    Layer("authentication header", _in(IP_PROTOCOL, 51), tunnels.open_authentication, "IPsec without encryption"),
    Layer("EtherIP", _in(IP_PROTOCOL, 97), tunnels.open_etherip, "BSD"),
    Layer("L2TPv3", _in(IP_PROTOCOL, 115), tunnels.open_l2tp3, "with Ethernet in it"),
    Layer("MPLS in IP", _in(IP_PROTOCOL, 137), ethernet.open_label, "providers"),
    Layer("UDP", _in(IP_PROTOCOL, 17), tunnels.open_udp),
    # Inside UDP.
    Layer("TZSP", _in(UDP_PORT, 37008), tunnels.open_tzsp, "the packet sniffer of MikroTik"),
    Layer("VXLAN", _in(UDP_PORT, 4789, 4790, 8472), tunnels.open_vxlan, "taps, clouds"),
    Layer("GENEVE", _in(UDP_PORT, 6081), tunnels.open_geneve, "clouds"),
    Layer("GRE in UDP", _in(UDP_PORT, 4754), tunnels.open_gre, "data centres"),
    Layer("MPLS in UDP", _in(UDP_PORT, 6635), ethernet.open_label, "data centres"),
    Layer("GTP-U", _in(UDP_PORT, 2152), tunnels.open_gtp, "mobile networks"),
    Layer("L2TP", _in(UDP_PORT, 1701), tunnels.open_l2tp, "VPNs"),
    Layer("CAPWAP", _in(UDP_PORT, 5247), tunnels.open_capwap, "access points with a controller"),
    Layer("Teredo", _in(UDP_PORT, 3544), tunnels.open_teredo, "Windows"),
    Layer("IPsec in UDP", _in(UDP_PORT, 4500), tunnels.open_ipsec_in_udp),
)  # fmt: skip

UNREAD: Final = (
    Unread(wifi.ENCRYPTED_WIFI, (), _ON_THE_ROUTER),
    Unread("fragments of Wi-Fi frames", (), _ON_THE_ROUTER),
    Unread(tunnels.IPSEC, _in(IP_PROTOCOL, 50), _INSIDE_THE_TUNNEL),
    Unread(tunnels.WIREGUARD, (), _INSIDE_THE_TUNNEL),
    Unread("OpenVPN", _in(UDP_PORT, 1194), _INSIDE_THE_TUNNEL),
    Unread("CAPWAP with DTLS", (), _ON_THE_ROUTER),
    Unread("fragments of CAPWAP", (), _ON_THE_ROUTER),
    Unread(link_headers.ENCRYPTED_ETHERNET, (), _ON_THE_BRIDGE),
    Unread("GRE with source routes", (), _INSIDE_THE_TUNNEL),
    Unread("compressed IP (IPComp)", _in(IP_PROTOCOL, 108), _INSIDE_THE_TUNNEL),
    Unread("compressed PPP", _in(PPP, 0x002D, 0x002F, 0x00FB, 0x00FD), _UNCOMPRESSED),
    Unread("encrypted PPP", _in(PPP, 0x0053, 0x0055), _UNCOMPRESSED),
    Unread("fragments of multilink PPP", (), _UNCOMPRESSED),
    Unread("fragments of IP in a tunnel", (), _WHOLE),
    Unread(_TOO_MANY, (), "it is no ordinary traffic; record it elsewhere"),
)
"""What cannot be looked into and has a name. All that is unknown is counted as well, by its number."""

# What holds nobody's packets and is in every network, so that its name would not help: ARP and RARP, Wake-on-LAN,
# the discovery of neighbours, of PPPoE and of home networks (LLDP, 1905, HomePlug), logins (EAPOL, 802.11's and before
# roaming), loops and link tests, clocks (PTP), Realtek's own remote control, stations that speak to each other (TDLS).
_IDLE_TYPES: Final = frozenset(
    (0x0806, 0x0842, 0x2000, 0x8035, 0x8808, 0x8809, 0x8863, 0x886C, 0x887B, 0x888E, 0x8899, 0x88C7, 0x88CC, 0x88E1,
     0x88F5, 0x88F7, 0x8902, 0x890D, 0x8912, 0x893A, 0x9000)
)  # fmt: skip
# ICMP, IGMP, TCP, UDP, ICMP of IPv6, no next header, EIGRP, OSPF, PIM, VRRP, SCTP.
_IDLE_PROTOCOLS: Final = frozenset((1, 2, 6, 17, 58, 59, 88, 89, 103, 112, 132))
_PPP_CONTROL: Final = 0x4000  # PPP's numbers from here on are its own talk about the link

_OPENERS: Final[dict[tuple[int, int], Opener]] = {
    **{key: layer.open for layer in LAYERS for key in layer.keys},
    LLC: wifi.open_llc,
    PADDED_WIFI: wifi.open_padded_wifi,
}
_UNREAD: Final = {key: each.name for each in UNREAD for key in each.keys}
_ADVICE: Final = {each.name: each.advice for each in UNREAD}


def is_known(link_type: int) -> bool:
    """Return True if there is a line for a link type."""
    return (LINK, link_type) in _OPENERS


def is_closed(unread: Iterable[str]) -> bool:
    """Return True if a layer is among these names of which it is known that nobody can look into it."""
    return not _ADVICE.keys().isdisjoint(unread)


def look_through(data: bytes, size: int, start: Step, unread: Counter[str]) -> tuple[list[int], bool]:
    """Find the IP headers in a packet that have TCP behind them, or are of fragments.

    Nothing raises, whatever the bytes are.

    Args:
        data: What was captured of the packet.
        size: The packet's, in bytes, before it was cut.
        start: The first header.
        unread: What could not be looked into is counted in it.

    Returns:
        Where the IP headers begin, in bytes; and whether the capture cut the packet off inside a header.
    """
    found: list[int] = []
    pending = [start]
    is_cut = False
    for _ in range(MOST_HEADERS):
        if not pending:
            break
        step = pending.pop()
        if step.space == FOUND:
            found.append(step.at)
            continue
        try:
            outcome = _open(step, data, size)
        except (IndexError, struct.error):
            is_cut = is_cut or size > len(data)
            continue
        if isinstance(outcome, str):
            count_unread(unread, outcome)
        elif outcome:
            pending += (outcome,) if isinstance(outcome, Step) else outcome[::-1]
    else:
        if pending:
            count_unread(unread, _TOO_MANY)
    return found, is_cut


def _open(step: Step, data: bytes, size: int) -> Outcome:
    """What is behind a header.

    Raises:
        IndexError, struct.error: The header is not whole.
    """
    opener = _OPENERS.get((step.space, step.number))
    if opener is None and step.space == ETHERTYPE and step.number <= LLC_LENGTH:
        return wifi.open_llc(data, step.at, size)
    return name_of(step.space, step.number) if opener is None else opener(data, step.at, size)


def count_unread(unread: Counter[str], name: str) -> None:
    """Count a packet that could not be looked into, by the name of the layer, unless there are too many names."""
    if name and (name in unread or len(unread) < MOST_NAMES):
        unread[name] += 1


def name_of(space: int, number: int) -> str:
    """Return what a layer is called that cannot be looked into; "" if nothing could be in it."""
    known = _UNREAD.get((space, number))
    if known is not None:
        return known
    if space == LINK:
        return link_name(number)
    if space == ETHERTYPE:
        return "" if number in _IDLE_TYPES else f"Ethernet type 0x{number:04x}"
    if space == IP_PROTOCOL:
        return "" if number in _IDLE_PROTOCOLS else f"IP protocol {number}"
    return "" if space == UDP_PORT or number >= _PPP_CONTROL else f"PPP protocol 0x{number:04x}"


@lru_cache(maxsize=MOST_NAMES)
def link_name(number: int) -> str:
    """Return a link type as people know it: its number, and its name if libpcap or scapy has one."""
    name = f"USER{number - 147}" if 147 <= number <= 162 else _libpcaps_name(number) or _scapys_names().get(number)
    return f"link type {number} ({name})" if name else f"link type {number}"


def _libpcaps_name(number: int) -> str:
    from lmdecode.capture.net.libpcap import find_library  # noqa: PLC0415 -- for few captures

    library = find_library()
    if library is None or number >= _MOST_LINKS:
        return ""
    try:
        name = library.pcap_datalink_val_to_name
    except AttributeError:
        return ""
    name.restype, name.argtypes = ctypes.c_char_p, (ctypes.c_int,)
    return (name(number) or b"").decode("ascii", "replace")


@cache
def _scapys_names() -> dict[int, str]:
    from scapy import data  # noqa: PLC0415 -- slow to load

    names = sorted((key for key in vars(data) if key.startswith("DLT_")), reverse=True)
    return {getattr(data, name): name.removeprefix("DLT_") for name in names}


def not_looked_into(unread: Mapping[str, int], *, counted: bool = True) -> str:
    """Return what could not be looked into, the most frequent first, and what to do; "" if there was nothing.

    Args:
        unread: Numbers of packets, by the name of the layer.
        counted: Whether these are of all packets, so that they are worth saying.

    >>> not_looked_into({"encrypted Wi-Fi": 1200, "IPsec (ESP)": 1})[:62]
    'encrypted Wi-Fi (1,200 packets) and IPsec (ESP) (1 packet); re'
    """
    if not unread:
        return ""
    names = sorted(unread, key=lambda name: (-unread[name], name))
    said = [f"{name} ({unread[name]:,} packet{'s' * (unread[name] != 1)})" if counted else name for name in names]
    if len(said) > _MOST_SAID:
        said = [*said[:_MOST_SAID], f"{len(said) - _MOST_SAID} others"]
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    advice = _TAKEN_OFF if names[0].startswith(tunnels.INSIDE_UDP) else _ADVICE.get(names[0], _ON_THE_BRIDGE)
    return f"{listed}; {advice}"
