"""Capture files: packets, reassembled into TCP connections, decoded into Records."""

from __future__ import annotations

from lmdecode.capture.diagnostics import CaptureError, CaptureStatistics
from lmdecode.capture.reader import PortTraffic, busiest_ports, decode_capture, decode_capture_into, decode_packets

__all__ = [
    "CaptureError",
    "CaptureStatistics",
    "PortTraffic",
    "busiest_ports",
    "decode_capture",
    "decode_capture_into",
    "decode_packets",
]
