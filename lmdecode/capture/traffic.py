"""What else is in a capture, for the message that says that nothing is on the port."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import NamedTuple

from lmdecode.capture.net.packet import ACK, SYN
from lmdecode.capture.reader import read_segments
from lmdecode.capture.statistics import CaptureStatistics

__all__ = ["PortTraffic", "busiest_ports"]


class PortTraffic(NamedTuple):
    """The TCP packets to and from one port."""

    port: int
    packets: int
    frames: int
    """Payloads that look like a frame of the protocol: from `@` to `%`."""


def busiest_ports(path: Path, limit: int = 5) -> list[PortTraffic]:
    """The ports with the most traffic in a capture, those with what looks like frames first.

    Of a packet's two ports the server's is counted: the one that a SYN goes to, or else the lower one.

    Raises:
        CaptureError: The file cannot be read, or no further.
    """
    packets: dict[int, int] = {}
    frames: dict[int, int] = {}
    for segment in chain.from_iterable(read_segments(path, None, CaptureStatistics())):
        ports = segment.source.port, segment.destination.port
        port = ports[1] if segment.flags & (SYN | ACK) == SYN else min(ports)
        packets[port] = packets.get(port, 0) + 1
        payload = segment.payload
        if payload[:1] == b"@" and payload[-1:] == b"%":
            frames[port] = frames.get(port, 0) + 1
    traffic = [PortTraffic(port, count, frames.get(port, 0)) for port, count in packets.items()]
    traffic.sort(key=lambda each: (-each.frames, -each.packets, each.port))
    return traffic[:limit]
