"""What was counted while a capture was read, and what the user should be told after it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CaptureStatistics"]


@dataclass(slots=True)
class CaptureStatistics:
    """Filled in while the capture is decoded; complete when the last Record has come out."""

    packets: int = 0
    """All packets that were looked at: those in the file, or those that libpcap let through."""
    port_packets: int = 0
    """TCP packets on the protocol's port."""
    connections: int = 0
    """TCP connections on the port."""
    bytes_read: int = 0
    """Of the file, up to the end of the last packet."""
    warnings: list[str] = field(default_factory=list)
    """One line each; to be shown when decoding is over."""
    notes: list[str] = field(default_factory=list)
    """The same for what is not wrong, but good to know."""
