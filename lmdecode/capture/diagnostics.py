"""What is reported of a capture as a whole: the error that ends it, counts, warnings and notes."""

from __future__ import annotations

from dataclasses import dataclass, field

from lmdecode.codec.dialect import Tallies
from lmdecode.codec.errors import LmdecodeError


class CaptureError(LmdecodeError):
    """A file that cannot be decoded. Its text is one line for the user: what is wrong, and what to do next."""


@dataclass(slots=True)
class CaptureStatistics:
    """Filled in while the capture is decoded; complete when the last Record has come out."""

    packets: int = 0
    """All packets that were looked at: those in the file, or those that libpcap let through."""
    port_packets: int = 0
    """TCP packets on the ports that are looked at."""
    connections: int = 0
    """TCP connections on these ports."""
    bytes_read: int = 0
    """Of the file, up to the end of the last packet."""
    tallies: Tallies = field(default_factory=Tallies)
    """What was counted in each protocol."""
    warnings: list[str] = field(default_factory=list)
    """One line each; to be shown when decoding is over."""
    notes: list[str] = field(default_factory=list)
    """The same for what is not wrong, but good to know."""
