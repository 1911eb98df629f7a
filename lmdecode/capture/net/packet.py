"""A Packet, as a capture file has it, and a Segment, which is TCP's part of a packet."""

from __future__ import annotations

from typing import Final, NamedTuple

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10


class Packet(NamedTuple):
    """One packet of a capture file, from its link-layer header on."""

    time_ns: int
    """Nanoseconds since 1970, UTC."""
    link_type: int
    """A LINKTYPE_ number of the pcap world: 1 is Ethernet."""
    data: bytes
    original_length: int
    """Bytes on the wire; `data` is shorter if the snap length cut the packet."""


class Endpoint(NamedTuple):
    """One end of a connection."""

    host: str
    """An IP address, without brackets."""
    port: int

    def __str__(self) -> str:
        """As host:port, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Segment(NamedTuple):
    """One TCP segment."""

    time_ns: int
    source: Endpoint
    destination: Endpoint
    flags: int
    """The low byte of TCP's flags: FIN, SYN, RST, PSH, ACK and others."""
    seq: int
    """Sequence number of the first byte (or of the SYN), 32 bits."""
    ack: int
    payload: bytes
    missing: int = 0
    """Bytes at the end of the payload that were on the wire and that the snap length cut off."""
