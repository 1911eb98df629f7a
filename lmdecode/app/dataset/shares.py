"""One huge capture decoded by several workers at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lmdecode.app.dataset.places import is_url
from lmdecode.app.dataset.unit import File, Unit
from lmdecode.capture.formats import open_capture
from lmdecode.capture.source import CaptureError
from lmdecode.capture.splitting import SharedSpeakers
from lmdecode.codec.speakers import Speakers

LEAST: Final = 256 << 20
"""Bytes of a capture for each share."""

_WITH_PACKETS: Final = re.compile(r"\.(?:pcap|pcapng|cap|dmp)\d{0,9}(?:\.(?:gz|xz|bz2|zst))?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Share:
    """Some of the connections of a capture."""

    index: int = 0
    """From 0 on. What is counted of packets and connections, and what is said of the file, each share finds alike, so
    that of the first is enough; what is counted of messages adds up."""
    count: int = 1

    def speakers(self, speakers: Speakers) -> Speakers:
        """Returns the speakers to decode the whole capture with, so that the rows of this share come out.

        Args:
            speakers: Those that would decode all of it.
        """
        return speakers if self.count == 1 else SharedSpeakers(speakers, self.index, self.count)


def shares_of(unit: Unit, workers: int, total: int) -> tuple[Share, ...]:
    """Returns the shares that a unit is decoded in: one, if it is not worth while to share it.

    Each share reads the whole capture, so the work grows while the time gets shorter. That is only good for a capture
    that would keep one worker busy when all others are done.

    Args:
        unit: The unit.
        workers: How many can work at once.
        total: Bytes of all units that are to be decoded.
    """
    if workers < 2 or unit.size * workers <= total:
        return (Share(),)
    count = min(workers, unit.size // LEAST)
    if count < 2 or not all(map(_has_packets, unit.files)):
        return (Share(),)
    return tuple(Share(index, count) for index in range(count))


def _has_packets(file: File) -> bool:
    """Returns whether a file has packets, and so connections: by its first bytes, or elsewhere by its name."""
    if is_url(file.url):
        return _WITH_PACKETS.search(file.name) is not None
    try:
        kind, opened_file = open_capture(Path(file.url))
    except CaptureError:
        return False
    opened_file.close()
    return kind.packets is not None
