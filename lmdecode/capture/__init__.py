"""Capture files: packets, reassembled into TCP connections, decoded into Records."""

from __future__ import annotations

from lmdecode.capture.reader import PortTraffic, busiest_ports, decode_capture, decode_capture_into, decode_packets
from lmdecode.capture.source import CaptureError, CaptureStatistics

__all__ = [
    "CaptureError",
    "CaptureStatistics",
    "PortTraffic",
    "busiest_ports",
    "decode_capture",
    "decode_capture_into",
    "decode_packets",
]
