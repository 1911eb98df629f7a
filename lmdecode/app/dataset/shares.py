"""One huge capture decoded by several workers at once.

Each share reads all of the capture and decodes some of its connections. Of 500,000 messages on 1,000 connections that
take turns, one process had 6.8 s of CPU to do; each of 2 shares had 5.9 s, of 4 shares 5.0 s, of 8 shares 4.6 s. So two
workers gain 1.1 times for 1.7 times the work, four 1.3 times for 3 times, eight 1.5 times for 5. Where few packets
are ours (20,000 of 828,000), nearly all is reading, and a share takes 0.24 s of 0.44 s. That is worth while only for a
capture of gigabytes that several workers have nothing to do beside; many captures are a worker each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from lmdecode.app.dataset.places import is_url
from lmdecode.app.dataset.unit import File, Unit
from lmdecode.capture.formats import open_capture
from lmdecode.capture.source import CaptureError
from lmdecode.capture.splitting import SharedSpeakers
from lmdecode.codec.speakers import Speakers

LEAST: Final = 256 << 20
"""Bytes of a capture for each share."""

_WITH_PACKETS: Final = re.compile(r"\.(?:pcap|pcapng|cap|dmp)\d{0,9}(?:\.(?:gz|xz|bz2|zst))?$", re.IGNORECASE)


class Sharing(NamedTuple):
    """From when on it is worth while to decode a capture in shares."""

    least: int = LEAST
    """Bytes of the capture for each share."""
    fewest: int = 4
    """Shares, with fewer of which too little is gained."""


WORTHWHILE: Final = Sharing()


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


def shares_of(unit: Unit, workers: int, total: int, sharing: Sharing = WORTHWHILE) -> tuple[Share, ...]:
    """Returns the shares that a unit is decoded in: one, if it is not worth while to share it.

    Each share reads the whole capture, so the work grows while the time gets shorter. That is only good for a capture
    that would keep one worker busy when all others are done.

    Args:
        unit: The unit.
        workers: How many processes can work at once.
        total: Bytes of all units that are to be decoded.
        sharing: From when on it is worth while.
    """
    if workers < sharing.fewest or unit.size * workers <= total:
        return (Share(),)
    count = min(workers, unit.size // sharing.least)
    if count < sharing.fewest or not all(map(_has_packets, unit.files)):
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
