"""Capture files: packets, reassembled into TCP connections, decoded into Records."""

from __future__ import annotations

from lmdecode.capture.errors import CaptureError
from lmdecode.capture.reader import decode_capture, decode_packets, make_of_capture
from lmdecode.capture.statistics import CaptureStatistics
from lmdecode.capture.traffic import PortTraffic, busiest_ports

__all__ = [
    "CaptureError",
    "CaptureStatistics",
    "PortTraffic",
    "busiest_ports",
    "decode_capture",
    "decode_packets",
    "make_of_capture",
]
